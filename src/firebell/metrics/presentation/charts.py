"""Charts as coordinates, made from the tables that stand below them (pure; spec 11.11, N19)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from firebell.kit.text import plural
from firebell.metrics.presentation.summaries import FEW_BELOW, TOO_FEW_BELOW
from firebell.metrics.presentation.tables import Cell, Table
from firebell.metrics.presentation.wording import length, month_name

WIDTH, HEIGHT = 640, 220
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 24, 34
MAX_LABELS = 12
_TICKS_S = (
    1,
    10,
    30,
    60,
    300,
    600,
    1200,
    3600,
    7200,
    14_400,
    43_200,
    86_400,
    259_200,
    864_000,
    2_592_000,
    31_536_000,
)


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the grid, or a mark of an axis, with its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A part of a stacked bar."""

    x: float
    y: float
    width: float
    height: float
    severity: int
    label: str


@dataclass(frozen=True, slots=True)
class Whisker:
    """The interval of a bar."""

    x: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Stacked:
    """Bars by month."""

    bars: Sequence[Bar]
    whiskers: Sequence[Whisker]
    months: Sequence[Tick]
    grid: Sequence[Tick]


def _labels(months: Sequence[str], step_px: float) -> list[Tick]:
    every = max(1, math.ceil(len(months) / MAX_LABELS))
    return [
        Tick(round(LEFT + (number + 0.5) * step_px, 1), month_name(month) if every == 1 else month)
        for number, month in enumerate(months)
        if (len(months) - 1 - number) % every == 0
    ]


def _nice(highest: float) -> int:
    """Return a step of the grid that gives three lines or so."""
    for step in (1, 2, 3, 5, 6, 10, 20, 30, 50, 100, 200, 300, 500, 1000, 2000, 5000):
        if highest / step <= 4:
            return step
    return int(10 ** math.ceil(math.log10(highest / 4)))


def stacked(table: Table) -> Stacked:
    """Return the incidents by month, SEV3 below; the intervals of the last three months."""
    months = [str(month) for month in table.column("month")]
    highs = [float(high or 0) for high in table.column("high")]
    totals = [int(total or 0) for total in table.column("total")]
    shown = max(len(months) - 3, 0)
    top = max([4.0, *totals, *(high for high in highs[shown:])])
    step = _nice(top)
    top = math.ceil(top / step) * step
    per_px = (HEIGHT - TOP - BOTTOM) / top
    base = HEIGHT - BOTTOM
    column = (WIDTH - LEFT - RIGHT) / max(len(months), 1)
    width = min(30.0, column * 0.7)
    bars, whiskers = [], []
    for number, row in enumerate(table.records()):
        x, y = LEFT + (number + 0.5) * column, float(base)
        for severity in (3, 2, 1, 0):
            count = int(row[f"sev{severity}"] or 0)
            if count:
                height = count * per_px
                y -= height
                label = f"{months[number]}: {count} SEV{severity}"
                gap = 1 if height > 3 else 0
                bars.append(
                    Bar(
                        round(x - width / 2, 1),
                        round(y, 1),
                        round(width, 1),
                        round(height - gap, 1),
                        severity,
                        label,
                    )
                )
        if number >= shown and totals[number]:
            low = float(row["low"] or 0)
            whiskers.append(
                Whisker(round(x, 1), round(base - low * per_px, 1), round(base - highs[number] * per_px, 1))
            )
    grid = [Tick(round(base - value * per_px, 1), str(value)) for value in range(0, int(top) + 1, step)]
    return Stacked(bars, whiskers, _labels(months, column), grid)


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a chart; hollow if there are too few cases, or if it is over its target."""

    x: float
    y: float
    label: str
    is_hollow: bool
    href: str = ""


@dataclass(frozen=True, slots=True)
class Trend:
    """The median of a duration by month with the band of 10% to 90%, on a logarithmic axis."""

    solid: Sequence[str]
    dashed: Sequence[str]
    band: Sequence[str]
    points: Sequence[Point]
    months: Sequence[Tick]
    grid: Sequence[Tick]
    target: float | None


def _axis(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of a logarithmic axis on ticks around the values."""
    low, high = max(1.0, min(values)), max(1.0, *values)
    first = max((t for t in _TICKS_S if t <= low), default=_TICKS_S[0])
    last = min((t for t in _TICKS_S if t >= high), default=_TICKS_S[-1])
    if first == last:
        last = _TICKS_S[min(_TICKS_S.index(first) + 1, len(_TICKS_S) - 1)]
        first = first if first < last else _TICKS_S[-2]
    return float(first), float(last)


def _scaled(value: float, ends: tuple[float, float], start_px: float, end_px: float) -> float:
    low, high = (math.log(end) for end in ends)
    share = (math.log(min(max(value, ends[0]), ends[1])) - low) / (high - low)
    return round(start_px + share * (end_px - start_px), 1)


def _quantiles(table: Table) -> list[float]:
    names = ("p10_s", "median_s", "p90_s")
    return [float(row[name] or 0) for row in table.records() for name in names if row["n"]]


def trends(tables: Sequence[Table], target_s: int | None) -> list[Trend | None]:
    """Return several trends on the same axis."""
    values = [value for table in tables for value in _quantiles(table)]
    return [trend(table, target_s, values) for table in tables]


def trend(table: Table, target_s: int | None, axis_values: Sequence[float] = ()) -> Trend | None:
    """Return a trend, None without any case; months without a median interrupt the line.

    Its axis also covers `axis_values`, which it shares with other trends.
    """
    rows = table.records()
    months = [str(row["month"]) for row in rows]
    values = _quantiles(table)
    if not values:
        return None
    ends = _axis([*values, *axis_values, *([target_s] if target_s else [])])
    column = (WIDTH - LEFT - RIGHT) / len(rows)
    base = HEIGHT - BOTTOM

    def y(value: object) -> float:
        return _scaled(float(str(value)), ends, base, TOP)

    points: list[Point] = []
    solid: list[str] = []
    dashed: list[str] = []
    band: list[str] = []
    for number, row in enumerate(rows):
        n = int(row["n"] or 0)
        if not n:
            continue
        x = round(LEFT + (number + 0.5) * column, 1)
        month = date.fromisoformat(f"{months[number]}-01")
        label = f"{month:%b %Y}: median {length(float(row['median_s'] or 0))}, {plural(n, 'case')}"
        points.append(Point(x, y(row["median_s"]), label, n < TOO_FEW_BELOW))
        before = rows[number - 1] if number else None
        before_n = int(before["n"] or 0) if before else 0
        if before and before_n >= TOO_FEW_BELOW and n >= TOO_FEW_BELOW:
            left = round(x - column, 1)
            line = f"M{left} {y(before['median_s'])} L{x} {y(row['median_s'])}"
            (solid if n >= FEW_BELOW and before_n >= FEW_BELOW else dashed).append(line)
            low, high = f"M{left} {y(before['p10_s'])} L{x} {y(row['p10_s'])}", f"L{x} {y(row['p90_s'])}"
            band.append(f"{low} {high} L{left} {y(before['p90_s'])} Z")
    grid = [Tick(_scaled(t, ends, base, TOP), length(t)) for t in _TICKS_S if ends[0] <= t <= ends[1]]
    return Trend(
        solid,
        dashed,
        band,
        points,
        _labels(months, column),
        grid,
        y(target_s) if target_s is not None else None,
    )


STRIP_HEIGHT, STRIP_TOP, STRIP_ROW = 190, 36, 56
LANES = (-11, 0, 11, -5, 6)
"""Offsets by which points of one row are moved apart, by the id of their case."""


@dataclass(frozen=True, slots=True)
class StripRow:
    """The points of one period, its median, and the interval of that."""

    label: str
    y: float
    points: Sequence[Point]
    median: float | None
    interval: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Strip:
    """Every case as a point on a logarithmic axis."""

    rows: Sequence[StripRow]
    ticks: Sequence[Tick]
    target: float | None
    target_label: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case to draw."""

    id: int
    ref: str
    seconds: int
    has_ended: bool


Interval = tuple[float, float | None] | None


def strip(
    now: Sequence[Case],
    before: Sequence[Case],
    medians: tuple[float | None, float | None],
    interval: Interval,
    target_s: int | None,
    path: str,
) -> Strip | None:
    """Return the cases of this period, linked below `path`, and of the one before, None without any."""
    values = [float(case.seconds) for case in (*now, *before)]
    if not now:
        return None
    ends = _axis([*values, *([target_s] if target_s else [])])
    start_px, end_px = 70.0, WIDTH - 16.0

    def x(value: float) -> float:
        return _scaled(value, ends, start_px, end_px)

    rows = []
    for number, (label, cases) in enumerate((("Now", now), ("Before", before))):
        if not cases:
            continue
        y = STRIP_TOP + STRIP_ROW * number + 28
        points = [
            Point(
                x(case.seconds),
                y + LANES[case.id % len(LANES)],
                f"{case.ref}: {length(case.seconds)}" + ("" if case.has_ended else ", not ended"),
                not case.has_ended or (target_s is not None and case.seconds > target_s),
                f"{path}/{case.ref}" if number == 0 else "",
            )
            for case in cases
        ]
        median = medians[number]
        band = None
        if number == 0 and interval is not None:
            band = (x(interval[0]), x(ends[1] if interval[1] is None else interval[1]))
        rows.append(StripRow(label, y, points, None if median is None else x(median), band))
    ticks = [Tick(x(t), length(t)) for t in _TICKS_S if ends[0] <= t <= ends[1]]
    target = x(target_s) if target_s is not None else None
    return Strip(rows, ticks, target, f"target {length(target_s)}" if target_s is not None else "")


SERVICES_DRAWN = 12
BETWEEN_LEFT, BETWEEN_ROW = 150, 26


@dataclass(frozen=True, slots=True)
class BetweenRow:
    """The time between the failures of a service, and its interval."""

    label: str
    y: float
    x: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Between:
    """The time between failures by service on a logarithmic axis; services after the first twelve are not drawn."""

    rows: Sequence[BetweenRow]
    ticks: Sequence[Tick]
    target: float
    height: int


def between(table: Table, target_s: int) -> Between | None:
    """Return the time between failures of the services that failed, None without any."""
    rows = table.records()[:SERVICES_DRAWN]
    if not rows:
        return None
    names = ("low_s", "between_s", "high_s")
    ends = _axis([target_s, *(float(row[name] or 1) for row in rows for name in names)])

    def x(value: Cell) -> float:
        return _scaled(float(value or 1), ends, BETWEEN_LEFT, WIDTH - 24.0)

    drawn = [
        BetweenRow(
            str(row["service"]),
            TOP + BETWEEN_ROW * (number + 0.5),
            x(row["between_s"]),
            x(row["low_s"]),
            x(row["high_s"]),
        )
        for number, row in enumerate(rows)
    ]
    ticks = [Tick(x(t), length(t)) for t in _TICKS_S if ends[0] <= t <= ends[1]]
    return Between(drawn, ticks[::2], x(target_s), TOP + BETWEEN_ROW * len(rows) + BOTTOM)


@dataclass(frozen=True, slots=True)
class HeatCell:
    """An hour of the week: its pages, how dark it is from 0 to 100, and whether most woke someone."""

    pages: int
    dark: int
    is_night: bool


def heat(hours: dict[int, tuple[int, int]]) -> list[tuple[str, list[HeatCell]]]:
    """Return the hours of each day of the week."""
    most = max((pages for pages, _ in hours.values()), default=0)
    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    return [
        (
            day,
            [
                HeatCell(pages, math.ceil(pages / most * 100) if most else 0, 2 * nights > pages)
                for hour in range(24)
                for pages, nights in [hours.get(number * 24 + hour, (0, 0))]
            ],
        )
        for number, day in enumerate(days)
    ]
