"""Wall clocks and instants: the one bridge between what a clock reads somewhere and when that is (pure)."""

from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

zone = lru_cache(maxsize=1024)(ZoneInfo)
"""A zone by its name; the library's own cache forgets all but eight."""


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all IANA time zones; the library walks the file system each time it is asked."""
    return frozenset(available_timezones())


_WALL_ZERO = datetime(2000, 1, 1)  # noqa: DTZ001 - wall time
_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
"""Differences to these are three times as fast as `replace(tzinfo=...)`."""


def to_local(t: datetime, tz: str) -> datetime:
    """Return what a wall clock in `tz` reads at instant `t`, as a naive datetime."""
    offset = t.astimezone(zone(tz)).utcoffset()
    assert offset is not None
    return _WALL_ZERO + (t - _ZERO + offset)


@lru_cache(maxsize=65536)
def to_instant(x: datetime, tz: str) -> datetime:
    """Return the first instant whose local clock reads `x` or later (spec 1.1).

    The one bridge from wall time to instants: a time that comes twice means its first coming, a time that
    is skipped means the instant of the jump. Monotone in `x`, so turns that abut never gap or overlap.
    """
    here, since = zone(tz), x - _WALL_ZERO
    before, after = here.utcoffset(x), here.utcoffset(x.replace(fold=1))
    assert before is not None
    assert after is not None
    high = _ZERO + (since - before)
    if before >= after:
        return high
    # `x` is skipped: with the offset of before the jump it lands after it, with that of after it before
    low = _ZERO + (since - after)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
        if to_local(middle, tz) >= x:
            high = middle
        else:
            low = middle
    return high


def format_local(t: datetime, tz: str) -> str:
    """Return an instant as people write what a wall clock in `tz` reads: Mon 1 Dec 09:00."""
    x = to_local(t, tz)
    return f"{x:%a} {x.day} {x:%b} {x:%H:%M}"


def format_range(start: datetime, end: datetime, tz: str) -> str:
    """Return a stretch of time as a wall clock in `tz` shows it, with a day wherever it changes."""
    until = to_local(end, tz)
    same = until.date() == to_local(start, tz).date()
    return f"{format_local(start, tz)} to {f'{until:%H:%M}' if same else format_local(end, tz)}"


def format_interval(start: datetime, end: datetime | None, tz: str) -> str:
    """Return an interval as a wall clock in `tz` shows it, with the time zone; `end` is None if it has none."""
    until = f" to {format_local(end, tz)}" if end else " until further notice"
    return f"{format_local(start, tz)}{until} ({tz})"
