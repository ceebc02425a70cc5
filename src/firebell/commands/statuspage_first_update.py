"""`firebell statuspage first-update`: let Firebell post the first update about severe incidents."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, show


@click.group("first-update")
def first_update() -> None:
    """Let Firebell post the first update about an incident if no one has."""


def _path(slug: str) -> str:
    return f"/api/v1/status-pages/{seg(slug)}/first-update"


def _text(rule: dict[str, Any]) -> str:
    severities = ", ".join(f"SEV{severity}" for severity in rule["severities"])
    state = "On" if rule["enabled"] else "Off"
    return (
        f"{state}: {severities}, {rule['minutes']} min without an update.\n{rule['headline']}\n{rule['body']}"
    )


@first_update.command("show", epilog=example("firebell statuspage first-update show kestrel"))
@click.argument("slug")
@as_json
def show_(slug: str) -> None:
    """Show when Firebell posts, and what."""
    rule = call("GET", _path(slug))
    show(rule, _text(rule))


@first_update.command(
    epilog=example("firebell statuspage first-update change kestrel --on --severity 0 --minutes 10")
)
@click.argument("slug")
@click.option("--on/--off", "enabled", default=None, help="Whether Firebell posts.")
@click.option("--severity", "severities", type=click.IntRange(0, 3), multiple=True, help="Can be repeated.")
@click.option("--minutes", type=click.IntRange(4, 240), help="Minutes without an update.")
@click.option("--headline", help="The name of the incident; {{components}} is filled in.")
@click.option("--body", help="The text; {{components}} is filled in.")
@as_json
def change(
    slug: str,
    enabled: bool | None,
    severities: tuple[int, ...],
    minutes: int | None,
    headline: str | None,
    body: str | None,
) -> None:
    """Change when Firebell posts, and what; what is left out stays as it is."""
    given = {
        "enabled": enabled,
        "severities": list(severities) or None,
        "minutes": minutes,
        "headline": headline,
        "body": body,
    }
    old = call("GET", _path(slug))
    fields = {name: old[name] if value is None else value for name, value in given.items()}
    rule = call("PUT", _path(slug), fields)
    show(rule, _text(rule))
