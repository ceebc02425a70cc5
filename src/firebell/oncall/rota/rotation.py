"""Rotation arithmetic in the local time of one layer (spec 1.1 and 1.3) (pure)."""

from collections.abc import Collection
from datetime import datetime, timedelta

from firebell.kit.intervals import Interval, union
from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.model import Layer, Turn, Unit, User

_STEP = {Unit.HOUR: timedelta(hours=1), Unit.DAY: timedelta(days=1), Unit.WEEK: timedelta(weeks=1)}
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


def handoff_wall_time(layer: Layer, k: int) -> datetime:
    """Return the local time of handoff `k`; months count from the anchor, with the day clamped."""
    if layer.unit is not Unit.MONTH:
        return layer.anchor + k * layer.every * _STEP[layer.unit]
    months = layer.anchor.year * 12 + layer.anchor.month - 1 + k * layer.every
    year, month = divmod(months, 12)
    following = datetime(year + month // 11, (month + 1) % 12 + 1, 1)  # noqa: DTZ001 - wall time
    last = (following - _DAY).day
    return layer.anchor.replace(year=year, month=month + 1, day=min(layer.anchor.day, last))


def handoff(layer: Layer, k: int) -> datetime:
    """Return the instant of handoff `k`."""
    return to_instant(handoff_wall_time(layer, k), layer.tz)


def index_at(layer: Layer, t: datetime) -> int:
    """Return the greatest `k` with `handoff(layer, k) <= t`, in constant time."""
    local = to_local(t, layer.tz)
    if layer.unit is Unit.MONTH:
        months = (local.year - layer.anchor.year) * 12 + local.month - layer.anchor.month
        k = months // layer.every
    else:
        k = (local - layer.anchor) // (layer.every * _STEP[layer.unit])
    while handoff(layer, k) > t:
        k -= 1
    while handoff(layer, k + 1) <= t:
        k += 1
    return k


def validity(layer: Layer) -> tuple[datetime, datetime | None]:
    """Return the start and end of the layer; without a start it begins at its anchor."""
    return (layer.start or to_instant(layer.anchor, layer.tz), layer.end)


def open_intervals(layer: Layer, a: datetime, b: datetime) -> list[Interval]:
    """Return the intervals of `[a, b)` in which a window is open, merged and in order."""
    if not layer.windows:
        return [Interval(a, b)]
    tz = layer.tz
    longest = max(w.start + w.minutes for w in layer.windows)
    day = (to_local(a, tz) - longest * _MINUTE - _DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    last = to_local(b, tz) + _DAY
    by_weekday = [
        [(w.start * _MINUTE, (w.start + w.minutes) * _MINUTE) for w in layer.windows if weekday in w.days]
        for weekday in range(7)
    ]
    weekday = day.weekday()
    intervals = []
    while day <= last:
        for opening, closing in by_weekday[weekday]:
            start, end = to_instant(day + opening, tz), to_instant(day + closing, tz)
            if start < b and end > a and start < end:
                intervals.append((max(start, a), min(end, b)))
        day += _DAY
        weekday = (weekday + 1) % 7
    return union(intervals)


def members(layer: Layer, k: int, inactive: Collection[User]) -> tuple[User, ...]:
    """Return the active people of turn `k`."""
    if not layer.slots:
        return ()
    users = layer.slots[(k + layer.offset) % len(layer.slots)]
    return tuple(u for u in dict.fromkeys(users) if u not in inactive)


def pieces(layer: Layer, a: datetime, b: datetime, inactive: Collection[User] = ()) -> list[Turn]:
    """Return the turns with people in `[a, b)`; a turn that a clock change skips is left out."""
    return [Turn(*turn) for turn in turns(layer, a, b, inactive)]


def turns(
    layer: Layer, a: datetime, b: datetime, inactive: Collection[User] = ()
) -> list[tuple[datetime, datetime, tuple[User, ...], int]]:
    """Return the turns of `pieces` as plain (start, end, users, k) tuples, which are faster to create."""
    begins, ends = validity(layer)
    a, b = max(a, begins), min(b, ends) if ends else b
    if a >= b or not layer.slots:
        return []
    people = [members(layer, k, inactive) for k in range(len(layer.slots))]
    count, k = len(people), index_at(layer, a)
    following = handoff(layer, k + 1)
    layer_turns = []
    for low, high in open_intervals(layer, a, b):
        if following <= low:
            k, following = k + 1, handoff(layer, k + 2)
            if following <= low:
                k = index_at(layer, low)
                following = handoff(layer, k + 1)
        start = low
        while start < high:
            if start < following and (users := people[k % count]):
                layer_turns.append((start, min(following, high), users, k))
            if following > high:
                break
            start, k = max(following, start), k + 1
            following = handoff(layer, k + 1)
    return layer_turns


def clear_instant_cache() -> None:
    """Clear the cache of instants, for benchmarks."""
    to_instant.cache_clear()
