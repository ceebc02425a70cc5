"""The interval of a share by Wilson (pure; spec 5)."""

from math import sqrt

_Z = 1.959963984540054
"""The 97.5% quantile of the normal distribution."""


def interval(hits: int, n: int) -> tuple[float, float] | None:
    """Return the 95% interval of the share `hits / n`, None if n is 0; it always contains the share."""
    if not n:
        return None
    share, z = hits / n, _Z
    center = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return min(max(center - half, 0.0), share), max(min(center + half, 1.0), share)
