"""Quantiles of durations of which some were cut off before they ended (pure; spec 11.11).

A page that nobody acknowledged took longer than until it was resolved: it is censored, not dropped, so that it
never improves a metric.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from firebell.metrics.statistics import order_statistics

_TOLERANCE = 1e-9
"""Survival is a product of fractions: 1/2 can come out as 0.49999999999999994."""


@dataclass(frozen=True, slots=True)
class Step:
    """How many durations ended after this many seconds, and how many were cut off then."""

    seconds: int
    ended: int
    censored: int


@dataclass(frozen=True, slots=True)
class Within:
    """How many durations ended within a target.

    `n` are those that ended or still ran when the target passed; `cut_off` were cut off before, so that they say
    nothing about the target and stand beside the share.
    """

    hits: int
    n: int
    cut_off: int


def steps(ended: Iterable[int], censored: Iterable[int] = ()) -> list[Step]:
    """Return durations in seconds as steps, shortest first."""
    ends, cuts = Counter(ended), Counter(censored)
    return [Step(t, ends[t], cuts[t]) for t in sorted({*ends, *cuts})]


def quantile(durations: list[Step], p: float) -> float | None:
    """Return the quantile p in seconds, None if it is not reached; steps are in order, shortest first.

    It is the midpoint of the first times at which at most, and less than, 1 - p of the durations continue. At one time,
    durations end before others are cut off. Without censoring, the median equals the usual one (type 7).
    """
    at_risk = sum(step.ended + step.censored for step in durations)
    survival, first = 1.0, None
    for step in durations:
        if step.ended:
            survival *= 1 - step.ended / at_risk
            if first is None and survival <= 1 - p + _TOLERANCE:
                first = step.seconds
            if survival < 1 - p - _TOLERANCE and first is not None:
                return (first + step.seconds) / 2
        at_risk -= step.ended + step.censored
    return None


def within(durations: list[Step], seconds: int) -> Within:
    """Return how many durations ended within a target, inclusive."""
    hits = sum(step.ended for step in durations if step.seconds <= seconds)
    late = sum(step.ended for step in durations if step.seconds > seconds)
    running = sum(step.censored for step in durations if step.seconds >= seconds)
    cut_off = sum(step.censored for step in durations if step.seconds < seconds)
    return Within(hits, hits + late + running, cut_off)


def median_interval(durations: list[Step]) -> tuple[int, int | None] | None:
    """Return the 95% interval of the median, its end None if not reached; None with fewer than six durations.

    Conservative with censoring: for its start, what was cut off counts as ended then, for its end as never.
    """
    n = sum(step.ended + step.censored for step in durations)
    rank = order_statistics.median_rank(n)
    if rank is None:
        return None
    start = _ranked(((step.seconds, step.ended + step.censored) for step in durations), rank)
    end = _ranked(((step.seconds, step.ended) for step in durations), n + 1 - rank)
    assert start is not None
    return start, end


def _ranked(counts: Iterable[tuple[int, int]], rank: int) -> int | None:
    """Return the value with a rank among counted values in order, None if there are fewer."""
    total = 0
    for value, count in counts:
        total += count
        if total >= rank:
            return value
    return None
