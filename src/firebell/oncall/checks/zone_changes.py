"""What the clocks of zones do, written down, so that newer time zone data can be compared with it (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from firebell.kit.localtime import to_local, zone
from firebell.oncall.checks.rules import Finding, Fix, Level
from firebell.oncall.model import Layer, Schedule
from firebell.oncall.rota.rotation import handoff, handoff_wall_time, index_at

KEPT = timedelta(days=730)
"""How far ahead a clock is written down."""
LOOKED = timedelta(days=365)
"""How far ahead a change of it is looked for."""
_DAY, _MINUTE, _SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Clock:
    """The offsets of a zone from UTC on `[start, end)`: each from its instant on, the first from `start` on."""

    start: datetime
    end: datetime
    offsets: tuple[tuple[datetime, timedelta], ...]

    def offset(self, t: datetime) -> timedelta:
        """Return the offset at an instant of the stretch."""
        return [offset for since, offset in self.offsets if since <= t][-1]

    def first(self, x: datetime) -> datetime:
        """Return the first instant of the stretch whose local clock reads `x` or later, as `kit.localtime.mu`."""
        ends = [since for since, _ in self.offsets[1:]] + [self.end]
        for (since, offset), until in zip(self.offsets, ends, strict=True):
            t = max(since, (x - offset).replace(tzinfo=since.tzinfo))
            if t < until:
                return t
        return self.end


def clock(of: tzinfo, start: datetime, end: datetime) -> Clock:
    """Return what the clock of a zone does on `[start, end)`.

    Every change is found but one that another takes back within a day: no zone ever had that, the closest
    two are four days apart (Freetown, 1939).
    """

    def offset(t: datetime) -> timedelta:
        return t.astimezone(of).utcoffset() or timedelta()

    found = [(start, offset(start))]
    low = start
    while low < end:
        high = min(low + _DAY, end)
        while low < high and offset(high) != found[-1][1]:
            after = high
            while after - low > _SECOND:
                middle = low + (after - low) // _SECOND // 2 * _SECOND
                low, after = (low, middle) if offset(middle) != found[-1][1] else (middle, after)
            if after < end:
                found.append((after, offset(after)))
            low = after
        low = high
    return Clock(start, end, tuple(found))


def difference(old: Clock, new: Clock) -> tuple[datetime, datetime, datetime] | None:
    """Return the first instant at which two clocks differ, and what the old and the new one read then."""
    low, high = max(old.start, new.start), min(old.end, new.end)
    changes = {since for one in (old, new) for since, _ in one.offsets}
    for t in sorted({low, *(since for since in changes if low < since < high)}):
        if low < high and old.offset(t) != new.offset(t):
            plain = t.replace(tzinfo=None)
            return t, plain + old.offset(t), plain + new.offset(t)
    return None


def of_layers(schedule: Schedule, now: datetime, length: timedelta = KEPT) -> dict[str, Clock]:
    """Return the present clocks of the zones of the layers that are not over; whole seconds, from `now` on."""
    start = now.replace(microsecond=0)
    names = {layer.tz for layer in schedule.layers if layer.end is None or layer.end > now}
    return {tz: _clock(tz, start, start + length) for tz in sorted(names)}


@lru_cache(maxsize=256)
def _clock(tz: str, start: datetime, end: datetime) -> Clock:
    """Return the clock of a zone, computed once where hundreds of schedules are looked at together."""
    return clock(zone(tz), start, end)


def _edges(layer: Layer, a: datetime, b: datetime) -> Iterator[datetime]:
    """Yield the wall times at which turns of the layer or its windows begin or end around `[a, b)`."""
    k = index_at(layer, a)
    while handoff(layer, k) < b:
        yield handoff_wall_time(layer, k)
        k += 1
    day = (to_local(a, layer.tz) - _DAY).replace(hour=0, minute=0, second=0, microsecond=0)
    while layer.windows and day < to_local(b, layer.tz):
        for window in layer.windows:
            if day.weekday() in window.days:
                yield day + window.start * _MINUTE
                yield day + (window.start + window.minutes) * _MINUTE
        day += _DAY


def changed(schedule: Schedule, known: Mapping[str, Clock], now: datetime) -> dict[str, Finding]:
    """Return S-TZCHANGE by zone for each whose clock is not what it was and moves a turn within a year."""
    found = {}
    for tz, new in of_layers(schedule, now, LOOKED).items():
        if (old := known.get(tz)) and (one := _changed(schedule, tz, old, new)):
            found[tz] = one
    return found


def _changed(schedule: Schedule, tz: str, old: Clock, new: Clock) -> Finding | None:
    found = difference(old, new)
    if found is None:
        return None
    at, was, is_ = found
    low, high = max(old.start, new.start), min(old.end, new.end)
    edges = {x for layer in schedule.layers if layer.tz == tz for x in _edges(layer, at - _DAY, high)}
    moves = ((x, old.first(x), new.first(x)) for x in sorted(edges))
    moved = next((m for m in moves if m[1] != m[2] and low < min(m[1:]) and at <= max(m[1:]) < high), None)
    if moved is None:
        return None
    x, before, after = moved
    return Finding(
        f"S-TZCHANGE:{tz}:{at:%Y%m%dT%H%MZ}",
        "S-TZCHANGE",
        Level.WARNING,
        f"New time zone data: from {at:%Y-%m-%d %H:%M} UTC, clocks in {tz} read {is_:%H:%M}"
        f" instead of {was:%H:%M}. The handoff or active hours at {x:%Y-%m-%d %H:%M} local time move from"
        f" {before:%H:%M} to {after:%H:%M} UTC.",
        min(before, after),
        None,
        (),
        Fix("seen", "Mark as seen", {}),
    )


def noted(schedule: Schedule, known: Mapping[str, Clock], now: datetime) -> dict[str, Clock]:
    """Return what to write down of the clocks: the present ones, but the known one of a zone that moves a turn.

    So S-TZCHANGE stays until somebody has looked, whatever else is changed or how many days go by.
    """
    return of_layers(schedule, now) | {tz: known[tz] for tz in changed(schedule, known, now)}


def to_json(clocks: Mapping[str, Clock]) -> dict[str, Any]:
    """Return clocks as they are stored."""
    return {
        tz: {
            "start": int(c.start.timestamp()),
            "end": int(c.end.timestamp()),
            "offsets": [[int(t.timestamp()), int(o.total_seconds())] for t, o in c.offsets],
        }
        for tz, c in clocks.items()
    }


def from_json(found: Mapping[str, Any]) -> dict[str, Clock]:
    """Return stored clocks."""

    def instant(seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, UTC)

    return {
        tz: Clock(
            instant(c["start"]),
            instant(c["end"]),
            tuple((instant(t), timedelta(seconds=o)) for t, o in c["offsets"]),
        )
        for tz, c in found.items()
    }
