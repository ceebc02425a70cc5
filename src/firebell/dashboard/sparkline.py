"""The line on the home page: flat when all is clear, a wave where alerts came (pure)."""

import math
from collections.abc import Sequence

WIDTH, HEIGHT, POINTS_PER_BIN = 1200, 72, 10
_REACH = 2
"""How many bins to each side a wave runs out over."""


def _wave(distance: float) -> float:
    """Return how far the line swings `distance` bins away from a bin full of alerts, from -1 to 1."""
    return math.exp(-((distance / 0.8) ** 2)) * math.sin(2 * math.pi * 1.1 * distance)


def path(counts: Sequence[int]) -> str:
    """Return an SVG path on 1200 x 72 that swings as far as alerts came, on the scale of the busiest bin."""
    middle, most = HEIGHT / 2, max([*counts, 4])
    total = len(counts) * POINTS_PER_BIN
    points = []
    for i in range(total + 1):
        here = i / POINTS_PER_BIN - 0.5
        near = range(max(0, math.floor(here) - _REACH), min(len(counts), math.ceil(here) + _REACH + 1))
        swing = sum(counts[b] / most * _wave(here - b) for b in near if counts[b])
        y = middle - max(-1.0, min(1.0, 1.3 * swing)) * (middle - 4)
        points.append(f"{i / max(total, 1) * WIDTH:.1f} {y:.1f}")
    return "M" + " L".join(points)
