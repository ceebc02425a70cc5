"""`firebell retention`: show how long data is kept."""

from typing import Any

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, show_table
from firebell.commands.output import short as short_time


def _row(status: dict[str, Any]) -> list[str]:
    days = "forever" if status["days"] is None else f"{status['days']} d"
    waiting = f"{status['waiting']:,}{'+' if status['has_more'] else ''}"
    last = "running" if status["is_running"] else short_time(status["last_ended_at"])
    return [status["label"], status["setting"], days, waiting, last, short_time(status["next_at"])]


@click.command(epilog=example("firebell retention", "firebell retention --json"))
@as_json
def retention() -> None:
    """Show how long data is kept, how many rows wait to be deleted, and when that last ran."""
    statuses = call("GET", "/api/v1/retention")
    head = ("DATA", "SETTING", "KEPT", "WAITING", "LAST RUN", "NEXT RUN")
    show_table(statuses, head, [_row(status) for status in statuses], wide=0, empty="Nothing is deleted.")
