"""Recorded clocks of time zones, to find the handoffs that newer time zone data moves (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from firebell.kit.localtime import to_local, zone
from firebell.oncall.model import Layer, Schedule
from firebell.oncall.rota.rotation import handoff, handoff_wall_time, index_at

RECORDED_AHEAD = timedelta(days=730)
"""How far ahead clocks are recorded."""
COMPARED_AHEAD = timedelta(days=365)
"""How far ahead clocks are compared."""
_DAY, _MINUTE, _SECOND = timedelta(days=1), timedelta(minutes=1), timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class ZoneOffsets:
    """The UTC offsets of a zone on `[start, end)`, as (instant, offset from then on); the first is at `start`."""

    start: datetime
    end: datetime
    offsets: tuple[tuple[datetime, timedelta], ...]

    def offset(self, t: datetime) -> timedelta:
        """Return the offset at an instant in `[start, end)`."""
        return [offset for since, offset in self.offsets if since <= t][-1]

    def first(self, local: datetime) -> datetime:
        """Return the first instant in `[start, end)` whose local clock reads `local` or later."""
        ends = [since for since, _ in self.offsets[1:]] + [self.end]
        for (since, offset), until in zip(self.offsets, ends, strict=True):
            t = max(since, (local - offset).replace(tzinfo=since.tzinfo))
            if t < until:
                return t
        return self.end


def clock(of: tzinfo, start: datetime, end: datetime) -> ZoneOffsets:
    """Return the clock of a zone on `[start, end)`.

    Misses a change that is reverted within a day, which no zone ever had: the closest two changes are four days
    apart (Freetown, 1939).
    """

    def offset(t: datetime) -> timedelta:
        return t.astimezone(of).utcoffset() or timedelta()

    offsets = [(start, offset(start))]
    low = start
    while low < end:
        high = min(low + _DAY, end)
        while low < high and offset(high) != offsets[-1][1]:
            after = high
            while after - low > _SECOND:
                middle = low + (after - low) // _SECOND // 2 * _SECOND
                low, after = (low, middle) if offset(middle) != offsets[-1][1] else (middle, after)
            if after < end:
                offsets.append((after, offset(after)))
            low = after
        low = high
    return ZoneOffsets(start, end, tuple(offsets))


def difference(old: ZoneOffsets, new: ZoneOffsets) -> tuple[datetime, datetime, datetime] | None:
    """Return (first instant at which two clocks differ, old local time, new local time), or None."""
    low, high = max(old.start, new.start), min(old.end, new.end)
    changes = {since for one in (old, new) for since, _ in one.offsets}
    for t in sorted({low, *(since for since in changes if low < since < high)}):
        if low < high and old.offset(t) != new.offset(t):
            utc = t.replace(tzinfo=None)
            return t, utc + old.offset(t), utc + new.offset(t)
    return None


def of_layers(
    schedule: Schedule, now: datetime, length: timedelta = RECORDED_AHEAD
) -> dict[str, ZoneOffsets]:
    """Return the current clocks of the time zones of current and future layers, from `now` in whole seconds."""
    start = now.replace(microsecond=0)
    names = {layer.tz for layer in schedule.layers if layer.end is None or layer.end > now}
    return {tz: _clock(tz, start, start + length) for tz in sorted(names)}


@lru_cache(maxsize=256)
def _clock(tz: str, start: datetime, end: datetime) -> ZoneOffsets:
    """Return the clock of a zone, cached because hundreds of schedules are checked together."""
    return clock(zone(tz), start, end)


def _edges(layer: Layer, a: datetime, b: datetime) -> Iterator[datetime]:
    """Yield the local times at which turns and windows of the layer begin or end around `[a, b)`."""
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


@dataclass(frozen=True, slots=True)
class MovedEdge:
    """A clock that changed from `at` on, and the first turn or window that moves: its wall time and instants."""

    at: datetime
    local: datetime
    former_local: datetime
    edge: datetime
    instant: datetime
    former_instant: datetime


def moved_edges(schedule: Schedule, known: Mapping[str, ZoneOffsets], now: datetime) -> dict[str, MovedEdge]:
    """Return what moves within a year by time zone, for each zone whose clock changed and moves a turn."""
    moved = {}
    for tz, new in of_layers(schedule, now, COMPARED_AHEAD).items():
        if (old := known.get(tz)) and (edge := _moved_edge(schedule, tz, old, new)):
            moved[tz] = edge
    return moved


def _moved_edge(schedule: Schedule, tz: str, old: ZoneOffsets, new: ZoneOffsets) -> MovedEdge | None:
    first_difference = difference(old, new)
    if first_difference is None:
        return None
    at, old_local, new_local = first_difference
    low, high = max(old.start, new.start), min(old.end, new.end)
    edges = {edge for layer in schedule.layers if layer.tz == tz for edge in _edges(layer, at - _DAY, high)}
    moves = ((edge, old.first(edge), new.first(edge)) for edge in sorted(edges))
    moved = next((m for m in moves if m[1] != m[2] and low < min(m[1:]) and at <= max(m[1:]) < high), None)
    if moved is None:
        return None
    edge, before, after = moved
    return MovedEdge(
        at=at,
        local=new_local,
        former_local=old_local,
        edge=edge,
        instant=after,
        former_instant=before,
    )


def clocks_to_record(
    schedule: Schedule, known: Mapping[str, ZoneOffsets], now: datetime
) -> dict[str, ZoneOffsets]:
    """Return the clocks to record: the current ones, but the known one of a zone that moves a turn.

    So S-TZCHANGE stays until someone marks it as seen.
    """
    return of_layers(schedule, now) | {tz: known[tz] for tz in moved_edges(schedule, known, now)}


def to_json(clocks: Mapping[str, ZoneOffsets]) -> dict[str, Any]:
    """Return clocks as stored in JSON; instants and offsets are seconds."""
    return {
        tz: {
            "start": int(c.start.timestamp()),
            "end": int(c.end.timestamp()),
            "offsets": [[int(t.timestamp()), int(o.total_seconds())] for t, o in c.offsets],
        }
        for tz, c in clocks.items()
    }


def from_json(stored: Mapping[str, Any]) -> dict[str, ZoneOffsets]:
    """Return the clocks that `to_json` stored."""

    def instant(seconds: int) -> datetime:
        return datetime.fromtimestamp(seconds, UTC)

    return {
        tz: ZoneOffsets(
            instant(c["start"]),
            instant(c["end"]),
            tuple((instant(t), timedelta(seconds=o)) for t, o in c["offsets"]),
        )
        for tz, c in stored.items()
    }
