"""Conversion between local (wall clock) time and instants, across clock changes (pure)."""

from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from firebell.kit.errors import Invalid

zone = lru_cache(maxsize=1024)(ZoneInfo)
"""Return the time zone of this name; the library's own cache keeps only eight."""


@cache
def zone_names() -> frozenset[str]:
    """Return the names of all IANA time zones; cached, because the library walks the file system."""
    return frozenset(available_timezones())


def check_zone(tz: str, field: str = "tz") -> str:
    """Return `tz` when it is an IANA time zone; raise `Invalid` naming the field."""
    if tz not in zone_names():
        raise Invalid(f"{tz[:40]!r} is not a time zone.", fields={field: "Use one such as Europe/Berlin."})
    return tz


def known_zone(tz: str) -> str:
    """Return a stored zone, or UTC if the tz database no longer has it."""
    try:
        zone(tz)
    except ZoneInfoNotFoundError:
        return "UTC"
    return tz


def utc_offset(at: datetime, tz: str) -> timedelta:
    """Return how far the clocks of `tz` are ahead of UTC at an instant."""
    offset = at.astimezone(zone(tz)).utcoffset()
    assert offset is not None
    return offset


_WALL_ZERO = datetime(2000, 1, 1)  # noqa: DTZ001 - wall time
_ZERO = datetime(2000, 1, 1, tzinfo=UTC)
"""Subtracting these is three times as fast as `replace(tzinfo=...)`."""


def to_local(t: datetime, tz: str) -> datetime:
    """Return the local time in `tz` at instant `t`, as a naive datetime."""
    offset = t.astimezone(zone(tz)).utcoffset()
    assert offset is not None
    return _WALL_ZERO + (t - _ZERO + offset)


@lru_cache(maxsize=65536)
def to_instant(x: datetime, tz: str) -> datetime:
    """Return the first instant whose local clock reads `x` or later (spec 1.1).

    This is the conversion from wall time to instants: a repeated time means its first occurrence, a
    skipped time means the instant of the jump. Monotone in `x`, so adjacent turns never leave a gap or overlap.
    """
    here, since = zone(tz), x - _WALL_ZERO
    before, after = here.utcoffset(x), here.utcoffset(x.replace(fold=1))
    assert before is not None
    assert after is not None
    high = _ZERO + (since - before)
    if before >= after:
        return high
    # `x` is skipped: the offset before the jump places it after the jump, and vice versa
    low = _ZERO + (since - after)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
        if to_local(middle, tz) >= x:
            high = middle
        else:
            low = middle
    return high


def to_last_instant(x: datetime, tz: str) -> datetime:
    """Return the last instant whose local clock reads `x`; if it is skipped, the instant of the jump."""
    return max(to_instant(x, tz), x.replace(tzinfo=zone(tz), fold=1).astimezone(UTC))


def format_local(t: datetime, tz: str) -> str:
    """Return an instant as local time in `tz`, such as Mon 1 Dec 09:00."""
    x = to_local(t, tz)
    return f"{x:%a} {x.day} {x:%b} {x:%H:%M}"


def format_short(at: datetime, tz: str, now: datetime) -> str:
    """Return an instant as local time in `tz`, with the day unless it is today."""
    local, today = at.astimezone(zone(tz)), now.astimezone(zone(tz))
    if local.date() == today.date():
        return f"{local:%H:%M}"
    if abs(local.date() - today.date()) < timedelta(days=7):
        return f"{local:%a %H:%M}"
    return f"{local.day} {local:%b %H:%M}" if local.year == today.year else f"{local.day} {local:%b %Y %H:%M}"


def day_name(at: datetime, tz: str, now: datetime) -> str:
    """Return the day of an instant in `tz`: Today, Yesterday, or its date, with the year unless it is this one."""
    day, today = at.astimezone(zone(tz)).date(), now.astimezone(zone(tz)).date()
    if timedelta() <= today - day < timedelta(days=2):
        return "Yesterday" if day < today else "Today"
    return f"{day:%A} {day.day} {day:%B}" + ("" if day.year == today.year else f" {day.year}")


def to_input_value(at: datetime, tz: str) -> str:
    """Return an instant as the value of a datetime-local field in `tz`."""
    return f"{at.astimezone(zone(tz)):%Y-%m-%dT%H:%M}"


def format_full(at: datetime, tz: str) -> str:
    """Return an instant in full precision."""
    return f"{at.astimezone(zone(tz)):%Y-%m-%d %H:%M:%S %Z}, {at.astimezone(UTC):%H:%M:%S} UTC"


def format_range(start: datetime, end: datetime, tz: str) -> str:
    """Return an interval as local time in `tz`, naming the day where it changes."""
    until = to_local(end, tz)
    same = until.date() == to_local(start, tz).date()
    return f"{format_local(start, tz)} to {f'{until:%H:%M}' if same else format_local(end, tz)}"


def format_interval(start: datetime, end: datetime | None, tz: str) -> str:
    """Return an interval as local time in `tz`, with the time zone; an `end` of None is open."""
    until = f" to {format_local(end, tz)}" if end else " until further notice"
    return f"{format_local(start, tz)}{until} ({tz})"
