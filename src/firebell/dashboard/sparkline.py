"""The sparkline of the home page: flat without alerts, a wave where alerts arrived (pure)."""

import math
from collections.abc import Sequence

WIDTH, HEIGHT, POINTS_PER_BIN = 1200, 72, 10
_WAVE_REACH_BINS = 2
"""Number of bins to each side over which a wave fades out."""


def _wave(distance: float) -> float:
    """Return the deflection, from -1 to 1, `distance` bins away from the busiest bin."""
    return math.exp(-((distance / 0.8) ** 2)) * math.sin(2 * math.pi * 1.1 * distance)


def path(counts: Sequence[int]) -> str:
    """Return an SVG path on a 1200 x 72 canvas, scaled to the busiest bin."""
    middle, most = HEIGHT / 2, max([*counts, 4])
    total = len(counts) * POINTS_PER_BIN
    points = []
    for i in range(total + 1):
        here = i / POINTS_PER_BIN - 0.5
        first = max(0, math.floor(here) - _WAVE_REACH_BINS)
        last = min(len(counts), math.ceil(here) + _WAVE_REACH_BINS + 1)
        swing = sum(counts[b] / most * _wave(here - b) for b in range(first, last) if counts[b])
        y = middle - max(-1.0, min(1.0, 1.3 * swing)) * (middle - 4)
        points.append((_shortest(i / max(total, 1) * WIDTH), _shortest(y)))
    return "M" + "L".join(f"{x} {y}" for x, y in _without_straight_parts(points))


def _shortest(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _without_straight_parts(points: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return points without those between two others of their height: a quiet day has only its ends."""
    kept = [
        here
        for before, here, after in zip(points, points[1:], points[2:], strict=False)
        if not before[1] == here[1] == after[1]
    ]
    return [points[0], *kept, *points[1:][-1:]]
