"""Half-open intervals `[start, end)` of aware UTC instants, and their arithmetic (pure)."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, TypeVar

T = TypeVar("T")


class Interval(NamedTuple):
    """The instants from `start` until before `end`; none if `end` is not after `start`."""

    start: datetime
    end: datetime


Pair = tuple[datetime, datetime]
"""The start and end of an interval, as arguments accept them."""
OpenInterval = tuple[datetime, datetime | None]
"""An interval that has no end if its end is None."""


def union(intervals: Iterable[Pair]) -> list[Interval]:
    """Return the instants in any of the intervals, as the fewest intervals, in order."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if start >= end:
            continue
        if merged and start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(end, merged[-1].end))
        else:
            merged.append(Interval(start, end))
    return merged


def minus(intervals: Iterable[Pair], removed: Iterable[Pair]) -> list[Interval]:
    """Return the parts of each of the intervals that are outside all of `removed`, in order."""
    parts = [Interval(start, end) for start, end in sorted(intervals) if start < end]
    for low, high in union(removed):
        cut = [part for start, end in parts for part in ((start, min(end, low)), (max(start, high), end))]
        parts = [Interval(start, end) for start, end in cut if start < end]
    return parts


def overlap(one: Pair, other: Pair) -> Interval | None:
    """Return the instants in both intervals; None if there are none."""
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return Interval(start, end) if start < end else None


def clip(intervals: Iterable[Pair], bounds: Pair) -> list[Interval]:
    """Return the part of each of the intervals that is within `bounds`, in the same order."""
    return [part for interval in intervals if (part := overlap(interval, bounds))]


def within(intervals: Iterable[OpenInterval], at: datetime) -> bool:
    """Return True if `at` is in one of the intervals."""
    return any(start <= at and (end is None or at < end) for start, end in intervals)


def joined(pieces: Iterable[tuple[datetime, datetime, T]]) -> list[tuple[datetime, datetime, T]]:
    """Return the (start, end, value) tuples in order, merging adjacent ones with equal values."""
    merged: list[tuple[datetime, datetime, T]] = []
    for start, end, value in pieces:
        if merged and merged[-1][1:] == (start, value):
            merged[-1] = (merged[-1][0], end, value)
        else:
            merged.append((start, end, value))
    return merged
