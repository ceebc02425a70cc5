"""`firebell oncall quiet`: my quiet hours."""

from typing import Any

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, show

_PATH = "/api/v1/me/quiet-hours"


@click.command(epilog=example("firebell oncall quiet 22:00 07:00", "firebell oncall quiet --off"))
@click.argument("starts", required=False)
@click.argument("ends", required=False)
@click.option("--tz", help="An IANA zone such as Europe/Berlin; default your own.")
@click.option("--off", is_flag=True, help="Keep none.")
@as_json
def quiet(starts: str | None, ends: str | None, tz: str | None, off: bool) -> None:
    """Hold what can wait from STARTS to ENDS; without times, say what is set. Urgent pages always come."""
    if off and starts:
        raise click.UsageError("Give either times or --off.")
    if bool(starts) != bool(ends):
        raise click.UsageError("Give the end too, such as: firebell oncall quiet 22:00 07:00")
    found: dict[str, Any] = {"hours": None}
    if off:
        call("DELETE", _PATH)
    elif starts:
        found = call("PUT", _PATH, {"starts": starts, "ends": ends, **({"tz": tz} if tz else {})})
    else:
        found = call("GET", _PATH)
    text = "You keep no quiet hours: what can wait comes at once, too."
    if hours := found["hours"]:
        text = f"What can wait is held from {hours['starts']} to {hours['ends']}, {hours['tz']}."
    show(found, text)
