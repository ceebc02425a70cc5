"""The graph of incidents as coordinates of an SVG (pure)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.timeline.impact_graph import GraphRow, ImpactGraph
from firebell.kit.localtime import to_local

WIDTH, HEIGHT = 700, 196
LEFT, RIGHT, TOP, BOTTOM = 34, 684, 58, 172
"""The area of the curve in the units of the drawing."""
LANES, LANE_HEIGHT = 4, 13
"""Rows of labels above the curve, so that the labels of close moments do not overlap."""
_CHAR_WIDTH, _CLOCK_CHARS, _GAP = 5.9, 6, 8
_TICKS_MAX = 6
_TICK_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080)


@dataclass(frozen=True, slots=True)
class DrawnMoment:
    """A line at a moment; its label is only in the table if `label_y` is None."""

    x: float
    at: datetime
    text: str
    anchor: str
    label_y: float | None


@dataclass(frozen=True, slots=True)
class DrawnGraph:
    """A graph as coordinates: the curve, the impact as bands, the moments, and the axes."""

    graph: ImpactGraph
    finding: str
    path: str
    bands: Sequence[tuple[float, float]]
    """Where each begins, and how wide it is."""
    moments: Sequence[DrawnMoment]
    grid: Sequence[tuple[float, int]]
    ticks: Sequence[tuple[float, datetime]]
    dot: tuple[float, float] | None = None

    @property
    def top(self) -> float:
        """The upper edge of the drawing, above its highest label."""
        return min((m.label_y for m in self.moments if m.label_y is not None), default=TOP) - LANE_HEIGHT


def drawn(graph: ImpactGraph, tz: str, at: datetime | None = None) -> DrawnGraph:
    """Return a graph as it is drawn, with round times of a time zone on its axis, and a dot at an instant."""
    step = _count_step(graph.peak.firing)
    top = max(step, math.ceil(graph.peak.firing / step) * step)

    def x_of(instant: datetime) -> float:
        share = (instant - graph.start) / (graph.end - graph.start)
        return round(LEFT + (RIGHT - LEFT) * min(max(share, 0), 1), 1)

    def y_of(firing: int) -> float:
        return round(BOTTOM - (BOTTOM - TOP) * firing / top, 1)

    steps = [f"M{LEFT} {y_of(graph.rows[0].firing)}"]
    steps += [f"H{x_of(row.at)} V{y_of(row.firing)}" for row in graph.rows[1:]]
    return DrawnGraph(
        graph,
        graph.finding(tz),
        " ".join([*steps, f"H{RIGHT}"]) if graph.peak.firing else "",
        [(x_of(start), round(x_of(end) - x_of(start), 1)) for start, end in graph.impacts],
        _labeled([(x_of(row.at), row) for row in graph.rows if row.moments]),
        [(y_of(count), count) for count in range(0, top + 1, step)],
        [(x_of(tick), tick) for tick in _ticks(graph, tz)],
        (x_of(at), y_of(graph.firing_at(at))) if at and graph.start <= at <= graph.end else None,
    )


def _count_step(most: int) -> int:
    """Return the step of the grid that gives two or three lines above zero."""
    for magnitude in range(8):
        for base in (1, 2, 5):
            if most <= 3 * base * 10**magnitude:
                return int(base * 10**magnitude)
    return most


def _labeled(places: Sequence[tuple[float, GraphRow]]) -> list[DrawnMoment]:
    """Return moments with their labels, each in the lowest row above the curve that is free there."""
    taken: list[list[tuple[float, float]]] = [[] for _ in range(LANES)]
    result = []
    for x, row in places:
        text = ", ".join([row.moments[0], *(each[:1].lower() + each[1:] for each in row.moments[1:])])
        width = (len(text) + _CLOCK_CHARS) * _CHAR_WIDTH
        is_right = x + width > WIDTH
        left = x - width if is_right else x
        free = next(
            (
                lane
                for lane in range(LANES)
                if all(left > end + _GAP or left + width < begin - _GAP for begin, end in taken[lane])
            ),
            None,
        )
        if free is not None:
            taken[free].append((left, left + width))
        y = None if free is None else TOP - 6 - free * LANE_HEIGHT
        result.append(DrawnMoment(x, row.at, text, "end" if is_right else "start", y))
    return result


def _ticks(graph: ImpactGraph, tz: str) -> list[datetime]:
    """Return at most six round times of the local clock."""
    length = graph.end - graph.start
    minutes = next((each for each in _TICK_MINUTES if length / timedelta(minutes=each) <= _TICKS_MAX), None)
    step = timedelta(minutes=minutes) if minutes else timedelta(days=math.ceil(length.days / _TICKS_MAX))
    local = to_local(graph.start, tz)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    first = graph.start + (-(local - midnight) % step)
    return [first + number * step for number in range(_TICKS_MAX + 1) if first + number * step <= graph.end]
