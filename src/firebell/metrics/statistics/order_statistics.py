"""Quantiles of a sorted sample, and the interval of its median (pure; spec 5 and 11.11)."""

from functools import lru_cache
from math import comb, sqrt
from statistics import NormalDist

COVERAGE = 0.95
_EXACT_UP_TO = 1000
"""Above this, the rank of the interval follows from the normal approximation, which is conservative by one rank."""


def quantile(values: list[float] | list[int], p: float) -> float | None:
    """Return the quantile p of sorted values by linear interpolation (Hyndman-Fan type 7), None without values."""
    if not values:
        return None
    position = (len(values) - 1) * p
    low = int(position)
    high = min(low + 1, len(values) - 1)
    return values[low] + (values[high] - values[low]) * (position - low)


@lru_cache(maxsize=1024)
def median_rank(n: int) -> int | None:
    """Return the largest k for which the k-th smallest to the k-th largest of n values cover the median in 95%.

    None with fewer than six values, for which no such k exists.
    """
    if n > _EXACT_UP_TO:
        return int((n + 1) / 2 - NormalDist().inv_cdf((1 + COVERAGE) / 2) * sqrt(n) / 2) - 1
    below, best = 0, None
    for k in range(1, n // 2 + 1):
        below += comb(n, k - 1)
        if 2 * below / 2**n > 1 - COVERAGE:
            break
        best = k
    return best


def median_coverage(n: int, rank: int) -> float:
    """Return how surely the values of rank k and n + 1 - k enclose the median."""
    return float(1 - 2 * sum(comb(n, i) for i in range(rank)) / 2**n)
