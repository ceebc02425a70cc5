"""The intervals that overrides are offered for, at the terminal as on the web (pure)."""

from datetime import date, datetime, time, timedelta

from firebell.kit.localtime import to_instant, to_local

EVENING, MORNING = time(18), time(8)
"""When the nights and weekends of overrides begin and end."""


def night(now: datetime, tz: str) -> tuple[datetime, datetime]:
    """Return tonight from 18:00 to 08:00 in `tz`, from now if it has begun.

    After midnight, it is the night that runs.
    """
    local = to_local(now, tz)
    evening = local.date() - timedelta(days=local < datetime.combine(local.date(), MORNING))
    return _from_now(evening, evening + timedelta(days=1), tz, now)


def weekend(now: datetime, tz: str) -> tuple[datetime, datetime]:
    """Return this weekend in `tz`, Friday 18:00 to Monday 08:00, from now if it has begun."""
    local = to_local(now, tz)
    monday = local.date() - timedelta(days=local.weekday())
    if local < datetime.combine(monday, MORNING):
        monday -= timedelta(days=7)
    return _from_now(monday + timedelta(days=4), monday + timedelta(days=7), tz, now)


def _from_now(evening: date, morning: date, tz: str, now: datetime) -> tuple[datetime, datetime]:
    start = to_instant(datetime.combine(evening, EVENING), tz)
    return max(start, now), to_instant(datetime.combine(morning, MORNING), tz)
