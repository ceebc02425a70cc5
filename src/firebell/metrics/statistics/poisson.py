"""The exact interval of a count by Garwood (pure; spec 11.11)."""

from collections.abc import Callable
from functools import lru_cache
from math import exp, lgamma, log, sqrt

_TAIL = 0.025
_Z = 1.959963984540054
_EXACT_UP_TO = 100
"""Above this, Wilson and Hilferty's approximation differs by less than 0.01%."""
_BISECTIONS = 60


@lru_cache(maxsize=4096)
def interval(count: int) -> tuple[float, float]:
    """Return the 95% interval of the expected count, given one that was observed."""
    if count > _EXACT_UP_TO:
        return _approximate(count, -_Z), _approximate(count + 1, _Z)
    low = _root(lambda mean: 1 - _at_most(count - 1, mean) >= _TAIL, count) if count else 0.0
    return low, _root(lambda mean: _at_most(count, mean) <= _TAIL, count + 1)


def _approximate(shape: int, z: float) -> float:
    return float(shape * (1 - 1 / (9 * shape) + z / (3 * sqrt(shape))) ** 3)


def _at_most(count: int, mean: float) -> float:
    """Return the probability of at most `count` events with a mean above 0."""
    return sum(exp(i * log(mean) - mean - lgamma(i + 1)) for i in range(count + 1))


def _root(is_above: Callable[[float], bool], near: int) -> float:
    """Return the mean from which on a condition holds, by bisection."""
    low, high = 1e-9, near + 10 * sqrt(near) + 10
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if is_above(middle):
            high = middle
        else:
            low = middle
    return (low + high) / 2
