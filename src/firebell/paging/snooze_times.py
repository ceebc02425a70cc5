"""Until when a page is snoozed, as people say it: until morning, until evening (pure)."""

from datetime import datetime, time, timedelta
from typing import NamedTuple

from firebell.kit.localtime import to_instant, to_local

WALL_TIMES = (time(8), time(18))
"""The times of day that are offered: the beginning and the end of a working day."""
LEAST = timedelta(minutes=15)


class SnoozeEnd(NamedTuple):
    """An instant at which a snooze can end, and its time of day."""

    at: datetime
    label: str


def ends(now: datetime, tz: str) -> list[SnoozeEnd]:
    """Return the next morning and evening in `tz`, earliest first; each at least 15 minutes and at most a day away."""
    today = to_local(now, tz).date()
    offered = []
    for wall in WALL_TIMES:
        days = (to_instant(datetime.combine(today + timedelta(days=n), wall), tz) for n in range(2))
        at = next((at for at in days if LEAST <= at - now <= timedelta(hours=24)), None)
        if at is not None:
            offered.append(SnoozeEnd(at, f"{wall:%H:%M}"))
    return sorted(offered)
