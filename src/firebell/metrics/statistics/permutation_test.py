"""Whether two periods differ by more than chance: deterministic, because its draws are seeded (spec 11.11)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb
from random import Random

from firebell.metrics.statistics import order_statistics

MAX_DRAWS = 10_000
SIGNIFICANT_BELOW = 0.05
_TOLERANCE = 1e-9
_KEPT = 256
"""Number of comparisons that are kept: the readers of a digest and of a screen mostly ask for the same ones."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference of two medians, and the share of shufflings that give one as large."""

    difference: float
    p: float

    @property
    def is_change(self) -> bool:
        """True if chance alone rarely gives such a difference."""
        return self.p < SIGNIFICANT_BELOW


def compare(now: Sequence[float], before: Sequence[float], seed: int) -> Comparison | None:
    """Return the difference of the medians of two samples, None if one is empty.

    All ways to divide the values are counted if there are at most 10,000; otherwise as many are drawn, the same ones
    for the same seed.
    """
    if not now or not before:
        return None
    return _compared(tuple(now), tuple(before), seed)


@lru_cache(_KEPT)
def _compared(now: tuple[float, ...], before: tuple[float, ...], seed: int) -> Comparison:
    pooled = sorted([*now, *before])
    difference = _median(sorted(now)) - _median(sorted(before))
    limit = abs(difference) - _TOLERANCE
    ways = comb(len(pooled), len(now))
    is_exact = ways <= MAX_DRAWS
    divisions = (
        combinations(range(len(pooled)), len(now)) if is_exact else _draws(len(pooled), len(now), seed)
    )
    hits = sum(abs(_difference(pooled, chosen)) >= limit for chosen in divisions)
    return Comparison(difference, hits / ways if is_exact else (hits + 1) / (MAX_DRAWS + 1))


def _draws(n: int, size: int, seed: int) -> Iterator[Sequence[int]]:
    random = Random(seed)  # noqa: S311 - a statistic, no secret
    for _ in range(MAX_DRAWS):
        yield random.sample(range(n), size)


def _difference(pooled: list[float], chosen: Sequence[int]) -> float:
    """Return the difference of the medians of the chosen values and the others; `pooled` is sorted."""
    taken = bytearray(len(pooled))
    for i in chosen:
        taken[i] = 1
    mine = [value for value, is_mine in zip(pooled, taken, strict=True) if is_mine]
    others = [value for value, is_mine in zip(pooled, taken, strict=True) if not is_mine]
    return _median(mine) - _median(others)


def _median(values: list[float]) -> float:
    median = order_statistics.quantile(values, 0.5)
    assert median is not None
    return median
