"""The line on the home page: flat when all is clear, a wave where alerts came (pure)."""

import math
from collections.abc import Sequence

WIDTH, HEIGHT, POINTS_PER_BIN = 1200, 72, 8


def path(counts: Sequence[int]) -> str:
    """Return an SVG path on 1200 x 72 that swings as far as alerts came, on the scale of the busiest bin."""
    middle, most = HEIGHT / 2, max([*counts, 4])
    points = []
    total = len(counts) * POINTS_PER_BIN
    for i in range(total + 1):
        bin_ = min(i // POINTS_PER_BIN, len(counts) - 1)
        swing = counts[bin_] / most * (middle - 4)
        inside = math.sin(math.pi * (i % POINTS_PER_BIN) / POINTS_PER_BIN * 2)
        points.append(f"{i / total * WIDTH:.1f} {middle - swing * inside:.1f}")
    return "M" + " L".join(points)
