"""Counts of alerts in bins of 15 minutes or an hour, and the bins they are compared with (pure; spec 11.12)."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from operator import itemgetter

from firebell.kit.intervals import Pair, union
from firebell.kit.localtime import to_instant, to_local

QUARTER = timedelta(minutes=15)
WEEKS = 8
"""Number of earlier weeks that a bin is compared with."""
NEIGHBORS = 1
"""Number of bins on each side of the same time of an earlier week."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WEEK = timedelta(days=7)
_TICK = timedelta(microseconds=1)


class BinSize(IntEnum):
    """The length of a bin in minutes."""

    QUARTER = 15
    HOUR = 60

    @property
    def length(self) -> timedelta:
        """The length of a bin."""
        return timedelta(minutes=self.value)

    @property
    def label(self) -> str:
        """The length for people."""
        return "15 min" if self is BinSize.QUARTER else "1 h"

    @property
    def quarters(self) -> int:
        """The number of quarters of an hour in a bin."""
        return self.value // BinSize.QUARTER


def bin_of(at: datetime, size: BinSize) -> int:
    """Return the number of the bin that contains an instant; bins are numbered from 1970 on, in UTC."""
    return (at - _EPOCH) // size.length


def start_of(number: int, size: BinSize) -> datetime:
    """Return when a bin starts."""
    return _EPOCH + number * size.length


@dataclass(frozen=True, slots=True)
class CountSeries:
    """Counts of the bins from number `first` until before `end`; a bin that is not in `counts` had no alert.

    Bins within one of the `missing` ranges, which are in order and apart, have no count: data is missing, or
    maintenance was under way.
    """

    size: BinSize
    first: int
    end: int
    counts: Mapping[int, int]
    missing: Sequence[tuple[int, int]]

    def at(self, number: int) -> int | None:
        """Return the count of a bin, None if it has none."""
        if not self.first <= number < self.end:
            return None
        place = bisect_right(self.missing, number, key=itemgetter(0)) - 1
        if place >= 0 and number < self.missing[place][1]:
            return None
        return self.counts.get(number, 0)


def series(
    quarters: Mapping[int, int], begins_at: datetime, end: datetime, missing: Iterable[Pair], size: BinSize
) -> CountSeries:
    """Return the counts of the whole bins in `[begins_at, end)`; `quarters` has the alerts by number of the quarter.

    A bin that overlaps one of the intervals in `missing` has no count.
    """
    counts: dict[int, int] = {}
    for quarter, alerts in quarters.items():
        number = quarter // size.quarters
        counts[number] = counts.get(number, 0) + alerts
    return CountSeries(
        size=size,
        first=bin_of(begins_at + size.length - _TICK, size),
        end=bin_of(end, size),
        counts=counts,
        missing=[(bin_of(start, size), bin_of(until - _TICK, size) + 1) for start, until in union(missing)],
    )


def comparable(number: int, size: BinSize, tz: str) -> list[int]:
    """Return the bins of the same time of the week in `tz` over the last eight weeks, each with its neighbors."""
    start = start_of(number, size)
    wall = to_local(start, tz)
    numbers: list[int] = []
    for week in range(1, WEEKS + 1):
        middle = bin_of(to_instant(wall - week * _WEEK, tz), size)
        numbers += range(middle - NEIGHBORS, middle + NEIGHBORS + 1)
    return numbers
