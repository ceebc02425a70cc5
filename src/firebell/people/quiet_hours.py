"""Reads the quiet hours that a person enters (spec 2.4); pure."""

from datetime import time

from firebell.kit.errors import Invalid
from firebell.people.model import QuietHours
from firebell.people.validation import check_zone


def clean(starts: str, ends: str, tz: str) -> QuietHours:
    """Return quiet hours from two wall times such as 22:00; raise `Invalid` if one is not a time."""
    quiet_hours = QuietHours(_wall(starts, "starts"), _wall(ends, "ends"), check_zone(tz))
    if quiet_hours.starts == quiet_hours.ends:
        raise Invalid(
            "Quiet hours of a whole day would hold every notification forever.",
            fields={"ends": "Choose another time than the start."},
        )
    return quiet_hours


def _wall(text: str, field: str) -> time:
    try:
        parsed = time.fromisoformat(text.strip())
    except ValueError as exc:
        raise Invalid(f"{text!r} is not a time.", fields={field: "Enter a time such as 22:00."}) from exc
    if parsed.tzinfo is not None or parsed.second or parsed.microsecond:
        raise Invalid(
            f"{text!r} is not a time of day in whole minutes.", fields={field: "Enter a time such as 22:00."}
        )
    return parsed
