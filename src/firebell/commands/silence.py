"""`firebell silence`: keep alerts with certain labels from paging for a while."""

from datetime import UTC, datetime
from typing import Any

import click

from firebell.commands.client import call, call_first
from firebell.commands.output import (
    USAGE,
    as_json,
    example,
    fail,
    instant,
    local,
    short,
    show,
    show_table,
)
from firebell.heartbeats import durations
from firebell.kit.errors import Invalid
from firebell.kit.text import plural

Fields = dict[str, Any]


@click.group()
def silence() -> None:
    """Keep alerts with certain labels from paging for a while."""


def _end(length: str, until: str | None, start: str | None) -> str:
    """Return the end of a silence as an instant."""
    if until:
        return instant(until, "--until")
    try:
        lasting = durations.parse(length, "length")
    except Invalid:
        fail(f"--for: {length!r} is not a length of time.", "Use 30min, 2h or 1d.", USAGE)
    begins = datetime.fromisoformat(start) if start else datetime.now(UTC)
    return (begins + lasting).isoformat()


def _scope(one: Fields) -> str:
    return ", ".join(one["services"]) or "all services"


def _lines(one: Fields) -> str:
    lines = [
        f"Silence {one['id']} by {one['author']}, {one['state']}: {one['comment']}",
        f"{one['matchers']} on {_scope(one)}, {local(one['starts_at'])} to {local(one['ends_at'])}.",
    ]
    if one["firing"]:
        lines.append(
            f"It silences {plural(one['firing'], 'firing alert')}; those still firing when it ends will page."
        )
    return "\n".join(lines)


@silence.command("list", epilog=example("firebell silence list", "firebell silence list --state expired"))
@click.option("--state", type=click.Choice(["active", "upcoming", "expired"]), help="Default: every state.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(state: str | None, limit: int) -> None:
    """List silences, newest first; expired ones for 120 hours."""
    listed = call_first("/api/v1/silences", limit, state=state)
    rows = [
        [
            *(str(one["id"]), one["state"], short(one["starts_at"]), short(one["ends_at"])),
            *(str(one["firing"]), one["author"], f"{one['matchers']} {one['comment']}"),
        ]
        for one in listed
    ]
    head = ("ID", "STATE", "FROM", "UNTIL", "FIRING", "AUTHOR", "MATCHERS AND REASON")
    show_table(listed, head, rows, wide=6, empty="No silences.")


@silence.command("show", epilog=example("firebell silence show 31"))
@click.argument("silence_id", type=click.IntRange(min=1))
@as_json
def show_(silence_id: int) -> None:
    """Show a silence and how many firing alerts it silences."""
    one = call("GET", f"/api/v1/silences/{silence_id}")
    show(one, _lines(one))


@silence.command(
    "add",
    epilog=example(
        "firebell silence add 'alertname=DiskFull, instance=~\"db-.*\"' --for 2h --comment 'New volume on its way'",
        "firebell silence add severity=warning --service catalog --until '2026-11-30 08:00' --comment Reindexing",
    ),
)
@click.argument("matchers")
@click.option("--comment", required=True, help="Why; shown with each silenced alert.")
@click.option("--for", "length", default="1h", show_default=True, help="How long, at most 30d.")
@click.option("--until", help="When it ends, instead of --for.")
@click.option("--start", help="When it starts. Default: now.")
@click.option("--service", "services", multiple=True, help="Slug of a service; all services by default.")
@click.option("--preview", is_flag=True, help="Only count what it would silence.")
@as_json
def add(
    matchers: str,
    comment: str,
    length: str,
    until: str | None,
    start: str | None,
    services: tuple[str, ...],
    preview: bool,
) -> None:
    """Silence alerts that match MATCHERS, as in Alertmanager."""
    if preview:
        _preview(matchers, services)
        return
    starts_at = instant(start, "--start") if start else None
    fields = {
        "matchers": matchers,
        "services": list(services),
        "comment": comment,
        "starts_at": starts_at,
        "ends_at": _end(length, until, starts_at),
    }
    created = call("POST", "/api/v1/silences", fields)
    show(created, _lines(created))


def _preview(matchers: str, services: tuple[str, ...]) -> None:
    counts = call("POST", "/api/v1/silences/preview", {"matchers": matchers, "services": list(services)})
    lines = [
        f"{plural(counts['firing'], 'firing alert')} match now.",
        f"In the last 30 days it would have silenced {counts['matching']} of {counts['compared']} alerts,"
        f" with {counts['pages']} pages and {counts['incidents']} incidents.",
    ]
    show(counts, "\n".join(lines))


@silence.command("extend", epilog=example("firebell silence extend 31 --until '2026-11-30 12:00'"))
@click.argument("silence_id", type=click.IntRange(min=1))
@click.option("--until", required=True, help="Its new end.")
@as_json
def extend(silence_id: int, until: str) -> None:
    """Change when a silence ends."""
    one = call("GET", f"/api/v1/silences/{silence_id}")
    kept = {name: one[name] for name in ("matchers", "services", "comment", "starts_at")}
    changed = call("PUT", f"/api/v1/silences/{silence_id}", {**kept, "ends_at": instant(until, "--until")})
    show(changed, _lines(changed))


@silence.command("expire", epilog=example("firebell silence expire 31"))
@click.argument("silence_id", type=click.IntRange(min=1))
@as_json
def expire(silence_id: int) -> None:
    """Expire a silence now; alerts still firing that only it silences page."""
    one = call("POST", f"/api/v1/silences/{silence_id}/expire")
    show(one, f"Silence {silence_id} expired.")
