"""`firebell phone`: what text messages and calls cost."""

from typing import Any

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, show, table


@click.group()
def phone() -> None:
    """Show what text messages and calls cost."""


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
    return f"{stop['text']} are stopped: {stop['sent']} in the last hour, at most {stop['limit']}."


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
