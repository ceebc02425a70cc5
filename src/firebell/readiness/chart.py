"""The curve of the score over 180 days, as the numbers of an SVG (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from firebell.readiness.model import ReadinessDay
from firebell.readiness.queries import Loss, losses

WIDTH, LEFT, RIGHT = 1080, 34, 1076
TOP, BOTTOM = 16, 124
LOSSES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class LostPoint:
    """A point at which an item was lost, with its label."""

    x: int
    y: int
    anchor: str
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """The path of the step curve, the points at which items were lost, and the days of the axis."""

    path: str
    points: Sequence[LostPoint]
    first: date
    middle: date
    last: date


def _y(score: int) -> int:
    return round(BOTTOM - (BOTTOM - TOP) * score / 100)


def chart(days: Sequence[ReadinessDay]) -> Chart | None:
    """Return the curve of these days, oldest first; None for fewer than two."""
    if len(days) < 2:
        return None
    first, last = days[0].day, days[-1].day
    width = max(1, (last - first).days)

    def x_of(day: date) -> int:
        return round(LEFT + (RIGHT - LEFT) * (day - first).days / width)

    steps = [f"M{LEFT} {_y(days[0].score)}"]
    steps += [f"H{x_of(day.day)} V{_y(day.score)}" for day in days[1:]]
    scores = {day.day: day.score for day in days}
    by_day: dict[date, list[Loss]] = {}
    for loss in losses(days):
        by_day.setdefault(loss.day, []).append(loss)
    points = []
    for day, lost in list(by_day.items())[-LOSSES_SHOWN:]:
        x = x_of(day)
        anchor = "end" if x > WIDTH * 0.8 else "start" if x < WIDTH * 0.2 else "middle"
        names = ", ".join(loss.name for loss in lost)
        points.append(LostPoint(x, _y(scores[day]), anchor, f"{day.day} {day:%b}: {names}"))
    return Chart(" ".join(steps), points, first, first + (last - first) / 2, last)
