"""Quiet hours (spec 2.4), pure: until when what can wait is held."""

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfoNotFoundError

from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant, to_local
from firebell.people.model import QuietHours
from firebell.people.rules import check_zone

_DAY = timedelta(days=1)


def clean(starts: str, ends: str, tz: str) -> QuietHours:
    """Return quiet hours from two wall times such as 22:00; raise `Invalid` for what is none."""
    quiet_hours = QuietHours(_wall(starts, "starts"), _wall(ends, "ends"), check_zone(tz))
    if quiet_hours.starts == quiet_hours.ends:
        raise Invalid(
            "Quiet hours of a whole day would hold everything for ever.",
            fields={"ends": "Choose another time than the start."},
        )
    return quiet_hours


def _wall(text: str, field: str) -> time:
    try:
        found = time.fromisoformat(text.strip())
    except ValueError as exc:
        raise Invalid(f"{text!r} is not a time.", fields={field: "A wall time such as 22:00."}) from exc
    if found.tzinfo is not None or found.second or found.microsecond:
        raise Invalid(f"{text!r} is not a time of the wall clock.", fields={field: "Such as 22:00."})
    return found


def held_until(hours: QuietHours, now: datetime) -> datetime | None:
    """Return when the quiet hours that run at `now` end; None outside them.

    They run from the instant at which the clock first reads the start to that at which it first reads the end.
    A zone that is not known any more holds nothing.
    """
    try:
        today = to_local(now, hours.tz).date()
    except ZoneInfoNotFoundError:
        return None
    for day in (today - _DAY, today):
        last = day if hours.starts < hours.ends else day + _DAY
        end = to_instant(datetime.combine(last, hours.ends), hours.tz)
        if to_instant(datetime.combine(day, hours.starts), hours.tz) <= now < end:
            return end
    return None
