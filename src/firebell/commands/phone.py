"""`firebell phone`: what text messages and calls cost, and codes that are allowed beyond their limit."""

from typing import Any

import click

from firebell.commands.client import call
from firebell.commands.ids import ID
from firebell.commands.output import as_json, example, local, show, show_table, table

ALLOWANCES = "/api/v1/phone-usage/allowances"


@click.group()
def phone() -> None:
    """Show what text messages and calls cost, and allow stopped codes."""


def _rows(channel: dict[str, Any]) -> list[list[str]]:
    return [
        [
            channel["kind"],
            row["provider"],
            row["country"] or "-",
            f"{row['messages']:,}",
            f"{row['parts']:,}",
            f"{row['failed']:,}",
            f"{row['price']} {row['currency']}" if row["price"] is not None else "-",
        ]
        for row in channel["usage"]
    ]


def _limit(channel: dict[str, Any]) -> str:
    if channel["off_text"]:
        return f"{channel['label']} is off. {channel['off_text']}"
    parts = channel["daily_parts"]
    limit = f"of {channel['daily_limit']:,}" if channel["daily_limit"] else "without a limit"
    return f"{channel['label']}: {parts:,} {'part' if parts == 1 else 'parts'} in the last 24 hours, {limit}."


def _stop(stop: dict[str, Any]) -> str:
    return f"{stop['text']} are stopped: {stop['sent']} in the last hour, at most {stop['limit']}.{_command(stop)}"


def _command(stop: dict[str, Any]) -> str:
    """Return how to allow what is stopped; empty for the limit of the installation, which always holds."""
    return (
        ""
        if stop["scope"] == "installation"
        else f" Allow: firebell phone allow {stop['scope']} {stop['value']}"
    )


@phone.command(epilog=example("firebell phone usage", "firebell phone usage --json"))
@as_json
def usage() -> None:
    """Show the messages of 30 days by provider and country, and how much of the daily limit is used."""
    channels = call("GET", "/api/v1/phone-usage")
    stops = call("GET", "/api/v1/phone-usage/stops")
    head = ("CHANNEL", "PROVIDER", "COUNTRY", "MESSAGES", "PARTS", "FAILED", "PRICE")
    rows = [row for channel in channels for row in _rows(channel)]
    lines = [table(head, rows, wide=0)] if rows else []
    show(channels, "\n".join([*lines, *map(_limit, channels), *map(_stop, stops)]))


@phone.command(
    epilog=example("firebell phone allow range +4915123", "firebell phone allow country DE --hours 4")
)
@click.argument("scope", type=click.Choice(["range", "country", "person"]))
@click.argument("value")
@click.option("--hours", type=click.IntRange(1, 168), default=24, show_default=True)
@as_json
def allow(scope: str, value: str, hours: int) -> None:
    """Send codes and tests to VALUE although its hourly limit is reached.

    VALUE is a country code such as DE, the first digits of numbers, or the id of a person. `phone usage` shows what is
    stopped.
    """
    allowed = call("POST", ALLOWANCES, {"scope": scope, "value": value, "hours": hours})
    show(allowed, f"{allowed['text']} are allowed until {local(allowed['expires_at'])}.")


@phone.command(epilog=example("firebell phone allowances"))
@as_json
def allowances() -> None:
    """List what is allowed beyond the hourly limits of codes and tests."""
    listed = call("GET", ALLOWANCES)
    rows = [[str(a["id"]), local(a["expires_at"]), a["created_by"], a["text"]] for a in listed]
    show_table(
        listed, ("ID", "UNTIL", "BY", "ALLOWED"), rows, wide=3, empty="Nothing is allowed beyond its limit."
    )


@phone.command("end-allowance", epilog=example("firebell phone end-allowance 3"))
@click.argument("allowance_id", type=ID)
@as_json
def end_allowance(allowance_id: int) -> None:
    """End an allowance, so that the hourly limit holds again."""
    call("DELETE", f"{ALLOWANCES}/{allowance_id}")
    show({"id": allowance_id}, f"Allowance {allowance_id} ended.")
