"""Durations, shares and counts as they are shown, with their samples and intervals (pure; spec 5 and 11.11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from statistics import fmean
from typing import Literal

from firebell.kit import wilson
from firebell.metrics.statistics import kaplan_meier, order_statistics, permutation_test, poisson
from firebell.metrics.statistics.kaplan_meier import Step, Within
from firebell.metrics.statistics.permutation_test import Comparison

TOO_FEW_BELOW, FEW_BELOW = 5, 20
INLINE_VALUES = 100
"""Number of values of two periods up to which these are compared by shuffling; that takes 0.16 s."""
FAILURES_TARGET_S = 30 * 86_400
Sample = Literal["none", "too_few", "few", "enough"]
TargetResult = Literal["none", "too_few", "met", "missed"]


def sample_of(n: int) -> Sample:
    """Return what a sample of n allows: nothing, its points only, a median, or everything."""
    if n == 0:
        return "none"
    if n < TOO_FEW_BELOW:
        return "too_few"
    return "few" if n < FEW_BELOW else "enough"


@dataclass(frozen=True, slots=True)
class Summary:
    """Durations in seconds; a quantile is None if it is not reached, or if the sample is too small for it."""

    n: int
    unfinished: int
    """Those that did not end: they count as longer."""
    median: float | None
    p75: float | None
    p90: float | None
    longest: int | None
    interval: tuple[int, int | None] | None
    """The 95% interval of the median; its end is None if it is not reached."""
    mean: float | None
    """Of those that ended; for exports only."""
    within: Within | None
    target_s: int | None

    @property
    def sample(self) -> Sample:
        """What the sample allows."""
        return sample_of(self.n)

    @property
    def share(self) -> float | None:
        """The share within the target, or None."""
        return self.within.hits / self.within.n if self.within and self.within.n else None

    @property
    def share_interval(self) -> tuple[float, float] | None:
        """The 95% interval of the share within the target."""
        return wilson.interval(self.within.hits, self.within.n) if self.within else None

    @property
    def result(self) -> TargetResult:
        """Whether the median is within the target."""
        if self.target_s is None or self.n == 0:
            return "none"
        if self.n < TOO_FEW_BELOW:
            return "too_few"
        return "met" if self.median is not None and self.median <= self.target_s else "missed"


def summary(durations: Sequence[Step], target_s: int | None, *, is_censored: bool) -> Summary:
    """Return the summary of durations, shortest first.

    Kaplan-Meier for what can be censored, whether something was or not, so that one more page that no one acknowledges
    never improves anything; else type 7.
    """
    listed = list(durations)
    n = sum(step.ended + step.censored for step in listed)
    ended = [step.seconds for step in listed for _ in range(step.ended)]
    if is_censored or len(ended) < n:
        median, p75, p90 = (kaplan_meier.quantile(listed, p) for p in (0.5, 0.75, 0.9))
    else:
        median, p75, p90 = (order_statistics.quantile(ended, p) for p in (0.5, 0.75, 0.9))
    return Summary(
        n=n,
        unfinished=n - len(ended),
        median=median,
        p75=p75,
        p90=p90,
        longest=ended[-1] if ended else None,
        interval=kaplan_meier.median_interval(listed),
        mean=fmean(ended) if ended else None,
        within=None if target_s is None else kaplan_meier.within(listed, target_s),
        target_s=target_s,
    )


@dataclass(frozen=True, slots=True)
class Change:
    """How a duration differs from the period before; `comparison` is None if the samples are too large to shuffle."""

    n: int
    n_before: int
    median_before: float | None
    result: Literal["too_few", "none", "change"]
    comparison: Comparison | None
    is_shorter: bool


def change(now: Sequence[Step], before: Sequence[Step], seed: int, *, is_censored: bool) -> Change:
    """Return whether a duration changed since the period before.

    Small samples are shuffled, with censored values as if they had ended at the cutoff: there is a change only if the
    displayed medians differ in the same direction. Large samples changed if their medians' intervals don't touch, a
    stricter rule.
    """
    one, other = (summary(steps, None, is_censored=is_censored) for steps in (now, before))
    n, m = one.n, other.n
    # a median that isn't reached is longer than any other
    median, median_before = (inf if each.median is None else each.median for each in (one, other))
    is_shorter = median < median_before
    if n < TOO_FEW_BELOW or m < TOO_FEW_BELOW:
        return Change(n, m, other.median, "too_few", None, is_shorter)
    if n + m <= INLINE_VALUES:
        mine, theirs = (
            [step.seconds for step in steps for _ in range(step.ended + step.censored)]
            for steps in (now, before)
        )
        comparison = permutation_test.compare(mine, theirs, seed)
        assert comparison
        is_shown = median != median_before and is_shorter == (comparison.difference < 0)
        result: Literal["none", "change"] = "change" if comparison.is_change and is_shown else "none"
        return Change(n, m, other.median, result, comparison, is_shorter)
    assert one.interval
    assert other.interval
    apart = _ends_before(one.interval, other.interval) or _ends_before(other.interval, one.interval)
    return Change(n, m, other.median, "change" if apart else "none", None, is_shorter)


def _ends_before(one: tuple[int, int | None], other: tuple[int, int | None]) -> bool:
    return one[1] is not None and one[1] < other[0]


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many."""

    hits: int
    n: int

    @property
    def value(self) -> float | None:
        """The share, None without anything."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval by Wilson."""
        return wilson.interval(self.hits, self.n)

    @property
    def sample(self) -> Sample:
        """What the sample allows."""
        return sample_of(self.n)


@dataclass(frozen=True, slots=True)
class BetweenFailures:
    """The seconds between two failures of a service; without a failure, `seconds` is the period: longer than that."""

    seconds: int
    failures: int

    @property
    def lower_bound_s(self) -> int:
        """What the time is at least, with 95%: without a failure, a third of the period."""
        return self.seconds if self.failures else self.seconds // 3

    @property
    def interval(self) -> tuple[int, int] | None:
        """The 95% interval that the exact interval of the failures gives, None without a failure."""
        if not self.failures:
            return None
        low, high = poisson.interval(self.failures)
        working = self.seconds * self.failures
        return round(working / high), round(working / low)

    @property
    def result(self) -> TargetResult:
        """Whether it is longer than 30 days; fewer than five failures are too few to miss it."""
        if not self.failures:
            return "met" if self.seconds >= FAILURES_TARGET_S else "too_few"
        if self.seconds > FAILURES_TARGET_S:
            return "met"
        return "too_few" if self.failures < TOO_FEW_BELOW else "missed"


def between_failures(period_s: int, impact_s: int, failures: int) -> BetweenFailures:
    """Return the time between failures of a service: the period without its impact, divided by the failures."""
    working = max(0, period_s - impact_s)
    return BetweenFailures(working // failures if failures else period_s, failures)
