"""How unusual a count of alerts is among the counts it is compared with (pure; spec 11.12).

Anscombe's transform gives counts with Poisson noise a standard deviation of 1 for any mean. The median and the median
absolute deviation resist the storms that the history may contain.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, lgamma, log, sqrt
from statistics import median

HISTORY_MIN = 8
"""Number of counts below which nothing is usual yet."""
COUNT_MIN = 5
SCORE_ABOVE = 4.0
CHANCE_BELOW = 1e-5
EXTREME_ABOVE = 8.0
CALM_BELOW = 2.0
TRIMMED_SHARE = 0.1
"""Share of the highest counts that the mean leaves out."""
_MAD_TO_SD = 1.4826
_NEGLIGIBLE = 1e-12


def anscombe(count: float) -> float:
    """Return the transform under which Poisson noise has a standard deviation of 1."""
    return 2 * sqrt(count + 3 / 8)


def _count_of(transformed: float) -> float:
    return max((max(transformed, 0.0) / 2) ** 2 - 3 / 8, 0.0)


def chance_of_at_least(count: int, mean: float) -> float:
    """Return the probability that a Poisson variable with this mean is `count` or more."""
    if count <= 0:
        return 1.0
    if mean <= 0:
        return 0.0
    if count > mean:
        return min(_sum_from(count, mean, up=True), 1.0)
    return max(1.0 - _sum_from(count - 1, mean, up=False), 0.0)


def _sum_from(count: int, mean: float, *, up: bool) -> float:
    """Return the sum of the probabilities from `count` on, upward or downward; they fall in that direction."""
    term = exp(count * log(mean) - mean - lgamma(count + 1))
    total = 0.0
    while term > total * _NEGLIGIBLE:
        total += term
        if up:
            count += 1
            term *= mean / count
        elif count > 0:
            term *= count / mean
            count -= 1
        else:
            break
    return total


@dataclass(frozen=True, slots=True)
class Usual:
    """What a bin usually counts: the median and the expected count, and both on the transformed scale."""

    bins: int
    median: float
    expected: float
    center: float
    spread: float

    @property
    def low(self) -> int:
        """The lowest whole count of the usual range, two standard deviations around the median."""
        return round(_count_of(self.center - CALM_BELOW * self.spread))

    @property
    def high(self) -> int:
        """The highest whole count of the usual range."""
        return round(_count_of(self.center + CALM_BELOW * self.spread))

    def score(self, count: int) -> float:
        """Return by how many standard deviations a count is above the median."""
        return (anscombe(count) - self.center) / self.spread

    def is_unusual(self, count: int) -> bool:
        """Return True if a count is too high to be chance."""
        return (
            count >= COUNT_MIN
            and self.score(count) > SCORE_ABOVE
            and chance_of_at_least(count, self.expected) < CHANCE_BELOW
        )


def usual(history: Sequence[int]) -> Usual | None:
    """Return what these counts say is usual; None if they are fewer than eight."""
    if len(history) < HISTORY_MIN:
        return None
    ordered = sorted(history)
    middle = float(median(ordered))
    kept = ordered[: len(ordered) - int(len(ordered) * TRIMMED_SHARE)]
    transformed = [anscombe(count) for count in ordered]
    center = float(median(transformed))
    deviation = median(abs(value - center) for value in transformed)
    return Usual(
        bins=len(ordered),
        median=middle,
        expected=max(middle, sum(kept) / len(kept)),
        center=center,
        spread=max(_MAD_TO_SD * deviation, 1.0),
    )
