"""Whether a metric changed from one quarter to the next, and for better or worse (pure; spec 11.11)."""

from enum import StrEnum
from math import exp, lgamma, log

from firebell.metrics.definitions import SUMS, Kind
from firebell.metrics.presentation.results import Result
from firebell.metrics.presentation.summaries import TOO_FEW_BELOW, Share

SIGNIFICANCE = 0.05
NEITHER = frozenset({"cost", "frequency"})
"""Metrics of which more is neither better nor worse: declaring early raises both."""
BETTER_HIGHER = frozenset({"actions", "delivery", "levels", "severity", "updates", "postmortems", "mtbf"})


class Trend(StrEnum):
    """What a comparison with the quarter before says."""

    BETTER = "better"
    WORSE = "worse"
    HIGHER = "higher"
    LOWER = "lower"
    NONE = "none"
    TOO_FEW = "too_few"
    UNTESTED = "untested"
    """The metric is a total, for which no test can say what chance alone would do."""


def trend(result: Result, days: float, days_before: float) -> Trend:
    """Return how a metric changed; the numbers of days say how many cases each quarter would have had by chance."""
    slug = result.definition.slug
    match result.definition.kind:
        case Kind.DURATION:
            assert result.change
            if result.change.result != "change":
                return Trend(result.change.result)
            return Trend.BETTER if result.change.is_shorter else Trend.WORSE
        case Kind.SHARE:
            assert result.share
            return _named(slug, share_change(result.share, result.share_before or Share(0, 0)))
        case Kind.COUNT if slug not in SUMS:
            assert result.count
            if result.count_before is None:
                return Trend.TOO_FEW
            return _named(
                slug, count_change(result.count.number, result.count_before.number, days, days_before)
            )
    return Trend.UNTESTED


def _named(slug: str, change: Trend) -> Trend:
    if change not in (Trend.HIGHER, Trend.LOWER) or slug in NEITHER:
        return change
    is_better = (change is Trend.HIGHER) == (slug in BETTER_HIGHER)
    return Trend.BETTER if is_better else Trend.WORSE


def share_change(now: Share, before: Share) -> Trend:
    """Return whether a share changed: its 95% intervals must not touch, and each quarter needs five cases."""
    if now.n < TOO_FEW_BELOW or before.n < TOO_FEW_BELOW:
        return Trend.TOO_FEW
    assert now.interval
    assert before.interval
    if now.interval[0] > before.interval[1]:
        return Trend.HIGHER
    return Trend.LOWER if now.interval[1] < before.interval[0] else Trend.NONE


def count_change(now: int, before: int, days: float, days_before: float) -> Trend:
    """Return whether a count changed, by the exact test of two Poisson counts; both together must be at least five."""
    if now + before < TOO_FEW_BELOW:
        return Trend.TOO_FEW
    if p_of_counts(now, before, days, days_before) >= SIGNIFICANCE:
        return Trend.NONE
    return Trend.HIGHER if now / days > before / days_before else Trend.LOWER


def p_of_counts(now: int, before: int, days: float, days_before: float) -> float:
    """Return the probability of counts at least as far apart as these, if both quarters had the same rate.

    Given their sum, the first count is binomial with the share of its days; the smaller tail counts twice.
    """
    n, share = now + before, days / (days + days_before)

    def probability(k: int) -> float:
        return exp(
            lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) + k * log(share) + (n - k) * log(1 - share)
        )

    at_most = sum(probability(k) for k in range(now + 1))
    return min(1.0, 2 * min(at_most, 1 - at_most + probability(now)))
