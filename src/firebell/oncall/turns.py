"""Rotation arithmetic on the wall clock of one layer (spec 1.1 and 1.3)."""

from bisect import bisect_right
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from firebell.oncall.model import Layer, Piece, Unit, User

_STEP = {Unit.HOUR: timedelta(hours=1), Unit.DAY: timedelta(days=1), Unit.WEEK: timedelta(weeks=1)}
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)


def local(t: datetime, tz: str) -> datetime:
    """Return what a wall clock in `tz` reads at instant `t`, as a naive datetime."""
    return t.astimezone(ZoneInfo(tz)).replace(tzinfo=None)


@lru_cache(maxsize=65536)
def mu(x: datetime, tz: str) -> datetime:
    """Return the first instant whose local clock reads `x` or later (spec 1.1).

    The one bridge from wall time to instants: a time that comes twice means its first coming, a time that
    is skipped means the instant of the jump. Monotone in `x`, so turns that abut never gap or overlap.
    """
    zone = ZoneInfo(tz)
    first = x.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if local(first, tz) == x:
        return first
    # `x` is skipped: fold 0 lands after the jump, fold 1 before it; the jump lies between.
    low, high = x.replace(tzinfo=zone, fold=1).astimezone(UTC), first
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=1) // 2)
        if local(middle, tz) >= x:
            high = middle
        else:
            low = middle
    return high


def _wall(layer: Layer, k: int) -> datetime:
    if layer.unit is not Unit.MONTH:
        return layer.anchor + k * layer.every * _STEP[layer.unit]
    months = layer.anchor.year * 12 + layer.anchor.month - 1 + k * layer.every
    year, month = divmod(months, 12)
    following = datetime(year + month // 11, (month + 1) % 12 + 1, 1)  # noqa: DTZ001 - wall time
    last = (following - _DAY).day
    return layer.anchor.replace(year=year, month=month + 1, day=min(layer.anchor.day, last))


def handoff(layer: Layer, k: int) -> datetime:
    """Return the instant of handoff `k`; months count from the anchor with the day clamped."""
    return mu(_wall(layer, k), layer.tz)


def index_at(layer: Layer, t: datetime) -> int:
    """Return the greatest `k` with `handoff(layer, k) <= t`, in constant time."""
    x = local(t, layer.tz)
    if layer.unit is Unit.MONTH:
        months = (x.year - layer.anchor.year) * 12 + x.month - layer.anchor.month
        k = months // layer.every
    else:
        k = (x - layer.anchor) // (layer.every * _STEP[layer.unit])
    while handoff(layer, k) > t:
        k -= 1
    while handoff(layer, k + 1) <= t:
        k += 1
    return k


def extent(layer: Layer) -> tuple[datetime, datetime | None]:
    """Return when the layer begins and ends; without a start it begins at its anchor."""
    return (layer.start or mu(layer.anchor, layer.tz), layer.end)


def opens(layer: Layer, a: datetime, b: datetime) -> list[tuple[datetime, datetime]]:
    """Return the stretches of `[a, b)` in which a window is open, merged and in order."""
    if not layer.windows:
        return [(a, b)]
    longest = max(w.minutes for w in layer.windows)
    day = local(a, layer.tz).replace(hour=0, minute=0, second=0, microsecond=0) - longest * _MINUTE
    day = day.replace(hour=0, minute=0) - _DAY
    last = local(b, layer.tz) + _DAY
    found = []
    while day <= last:
        for window in layer.windows:
            if day.weekday() in window.days:
                opening = day + window.start * _MINUTE
                start, end = mu(opening, layer.tz), mu(opening + window.minutes * _MINUTE, layer.tz)
                if max(start, a) < min(end, b):
                    found.append((max(start, a), min(end, b)))
        day += _DAY
    return _merged(sorted(found))


def _merged(stretches: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    out: list[tuple[datetime, datetime]] = []
    for start, end in stretches:
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def slot(layer: Layer, k: int, inactive: Collection[User]) -> tuple[User, ...]:
    """Return who has turn `k`, without inactive people."""
    if not layer.slots:
        return ()
    users = layer.slots[(k + layer.offset) % len(layer.slots)]
    return tuple(u for u in dict.fromkeys(users) if u not in inactive)


def pieces(layer: Layer, a: datetime, b: datetime, inactive: Collection[User] = ()) -> list[Piece]:
    """Return the turns of the layer that someone has in `[a, b)`; a turn squeezed to nothing is dropped."""
    begins, ends = extent(layer)
    a, b = max(a, begins), min(b, ends) if ends else b
    if a >= b:
        return []
    cuts, k = [], index_at(layer, a)
    while (start := handoff(layer, k)) < b:
        cuts.append((start, k))
        k += 1
    cuts.append((handoff(layer, k), k))
    starts = [start for start, _ in cuts]
    found = []
    for low, high in opens(layer, a, b):
        at = bisect_right(starts, low) - 1
        while at < len(cuts) - 1 and cuts[at][0] < high:
            start, end = max(cuts[at][0], low), min(cuts[at + 1][0], high)
            users = slot(layer, cuts[at][1], inactive)
            if start < end and users:
                found.append(Piece(start, end, users, cuts[at][1]))
            at += 1
    return found
