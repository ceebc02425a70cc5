"""Quiet hours (spec 2.4), pure: until when what can wait is held."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfoNotFoundError

from firebell.kit.localtime import to_instant, to_local
from firebell.people.model import QuietHours

_DAY = timedelta(days=1)


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
