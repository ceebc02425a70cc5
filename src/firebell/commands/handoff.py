"""`firebell oncall handoff`: read and acknowledge handoff documents, and set the shift reminder."""

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.output import (
    as_json,
    example,
    fail,
    short,
    show,
    show_table,
)
from firebell.kit.text import plural


@click.group(epilog=example("firebell oncall handoff show payments-primary"))
def handoff() -> None:
    """Read and acknowledge handoff documents."""


def _newest(schedule: str) -> str:
    handoffs = call("GET", "/api/v1/handoffs", schedule=schedule, limit=1)
    if not handoffs:
        fail(f"{schedule} has no handoff yet.", "It is drafted 4 hours before the handoff.")
    return str(handoffs[0]["day"])


def _address(schedule: str, day: str | None) -> str:
    return f"/api/v1/schedules/{seg(schedule)}/handoffs/{seg(day or _newest(schedule))}"


@handoff.command("list", epilog=example("firebell oncall handoff list --schedule payments-primary"))
@click.option("--schedule", help="Slug of a schedule. Default: all.")
@as_json
def list_(schedule: str | None) -> None:
    """List handoffs, newest first."""
    handoffs = call_all("/api/v1/handoffs", schedule=schedule)
    rows = [
        [
            h["schedule"],
            h["day"],
            short(h["at"]),
            ", ".join(p["name"] for p in h["leaving"]) or "no one",
            ", ".join(p["name"] for p in h["entering"]) or "no one",
            "acknowledged" if h["acknowledged"] else "open",
        ]
        for h in handoffs
    ]
    head = ("SCHEDULE", "DAY", "AT", "OUTGOING", "INCOMING", "STATE")
    show_table(handoffs, head, rows, wide=4, empty="No handoffs yet.")


@handoff.command("show", epilog=example("firebell oncall handoff show payments-primary --day 2026-11-30"))
@click.argument("schedule")
@click.option("--day", help="Local date of the handoff. Default: the newest.")
@as_json
def show_(schedule: str, day: str | None) -> None:
    """Print a handoff of SCHEDULE as Markdown."""
    document = call("GET", _address(schedule, day))
    show(document, document["body"].rstrip())


@handoff.command(epilog=example("firebell oncall handoff ack payments-primary"))
@click.argument("schedule")
@click.option("--day", help="Local date of the handoff. Default: the newest.")
@as_json
def ack(schedule: str, day: str | None) -> None:
    """Acknowledge a handoff of SCHEDULE, outgoing or incoming."""
    document = call("POST", f"{_address(schedule, day)}/ack")
    waiting_for = [
        p["name"] for p in (*document["leaving"], *document["entering"]) if not p["acknowledged_at"]
    ]
    status = (
        "Everyone has acknowledged it."
        if document["acknowledged"]
        else f"Waiting for {', '.join(waiting_for)}."
    )
    show(document, f"You acknowledged the handoff of {document['schedule']} on {document['day']}. {status}")


@handoff.command(epilog=example("firebell oncall handoff notice --hours 48"))
@click.option("--hours", type=click.IntRange(1, 168), help="Remind people this many hours before a shift.")
@as_json
def notice(hours: int | None) -> None:
    """Show or set the shift reminder; managers and admins can set it."""
    address = "/api/v1/handoffs/notice"
    reminder = call("GET", address) if hours is None else call("PUT", address, {"hours": hours})
    lead = plural(reminder["hours"], "hour")
    show(reminder, f"Shift reminders are sent {lead} before the shift.")
