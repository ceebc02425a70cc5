"""`firebell oncall quiet`: set your quiet hours."""

from typing import Any

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, show

_PATH = "/api/v1/me/quiet-hours"


@click.command(epilog=example("firebell oncall quiet 22:00 07:00", "firebell oncall quiet --off"))
@click.argument("starts", required=False)
@click.argument("ends", required=False)
@click.option("--tz", help="A time zone such as Europe/Berlin. Default: your own.")
@click.option("--off", is_flag=True, help="Turn quiet hours off.")
@as_json
def quiet(starts: str | None, ends: str | None, tz: str | None, off: bool) -> None:
    """Set quiet hours from STARTS to ENDS; without times, show them.

    Low-urgency notifications are held until quiet hours end. High-urgency pages always come through.
    """
    if off and starts:
        raise click.UsageError("Pass either times or --off, not both.")
    if bool(starts) != bool(ends):
        raise click.UsageError("Pass the end too, such as: firebell oncall quiet 22:00 07:00")
    settings: dict[str, Any] = {"hours": None}
    if off:
        call("DELETE", _PATH)
    elif starts:
        settings = call("PUT", _PATH, {"starts": starts, "ends": ends, **({"tz": tz} if tz else {})})
    else:
        settings = call("GET", _PATH)
    text = "Quiet hours are off: low-urgency notifications come at once."
    if hours := settings["hours"]:
        text = f"Quiet hours: {hours['starts']} to {hours['ends']}, {hours['tz']}. Low-urgency notifications are held."
    show(settings, text)
