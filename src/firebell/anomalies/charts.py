"""The chart of a back-test as coordinates (pure)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from math import ceil

from firebell.anomalies.backtest import ReplayedSize
from firebell.anomalies.bins import start_of
from firebell.anomalies.detection import JudgedBin
from firebell.kit.localtime import to_local

WIDTH, HEIGHT = 700, 220
LEFT, RIGHT, TOP, BOTTOM = 34, 8, 16, 34
COLUMNS = 360
"""Number of columns in which the bins are drawn; each shows its highest bin."""
TOP_MIN = 6
_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000)
DAY_LABELS_EVERY = 5

Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Mark:
    """A label of an axis, or a bin that fired."""

    at: float
    label: str
    y: float = 0


@dataclass(frozen=True, slots=True)
class BacktestChart:
    """Counts as a line above the band of what is usual; `missing` are columns without counts, as (x, width)."""

    line: Sequence[str]
    band: Sequence[str]
    missing: Sequence[tuple[float, float]]
    fired: Sequence[Mark]
    days: Sequence[Mark]
    grid: Sequence[Mark]


def chart(replayed: ReplayedSize, tz: str) -> BacktestChart:
    """Return the chart of one size of bins; its days are those of `tz`."""
    bins = replayed.bins
    per_column = max(ceil(len(bins) / COLUMNS), 1)
    columns = [bins[at : at + per_column] for at in range(0, len(bins), per_column)]
    column_px = (WIDTH - LEFT - RIGHT) / max(len(columns), 1)
    peaks = [_highest(column) for column in columns]
    usual = [_usual(column) for column in columns]
    highest = max((*(p.count for p in peaks if p), *(high for high in usual if high is not None)), default=0)
    step = next((one for one in _STEPS if max(highest, TOP_MIN) / one <= 5), _STEPS[-1])
    top = ceil(max(highest, TOP_MIN) / step) * step
    per_alert = (HEIGHT - TOP - BOTTOM) / top
    base = HEIGHT - BOTTOM

    def x(column: float) -> float:
        return round(LEFT + column * column_px, 1)

    def y(count: float) -> float:
        return round(base - count * per_alert, 1)

    fired = []
    for one in replayed.anomalies:
        anomaly = one.anomaly
        column = (_number(replayed, anomaly.peak_at) - replayed.first) // per_column
        fired.append(Mark(x(column + 0.5), str(anomaly.count), y(anomaly.count)))
    return BacktestChart(
        line=[_path(at, values, x, y) for at, values in _runs([p.count if p else None for p in peaks])],
        band=[f"{_path(at, values, x, y)}V{base}H{x(at)}Z" for at, values in _runs(usual)],
        missing=[(x(at), round(column_px, 2)) for at, peak in enumerate(peaks) if peak is None],
        fired=fired,
        days=_days(replayed, per_column, x, tz),
        grid=[Mark(y(count), str(count)) for count in range(0, top + 1, step)],
    )


@dataclass(frozen=True, slots=True)
class DayRow:
    """A day of a back-test: its alerts, its highest bin, and how many anomalies fired."""

    label: str
    alerts: int
    highest: JudgedBin | None
    anomalies: int


def days(replayed: ReplayedSize, tz: str) -> list[DayRow]:
    """Return the days of one size of bins in `tz`, oldest first."""
    bins_of: dict[date, list[JudgedBin | None]] = {}
    for at, judged in enumerate(replayed.bins):
        day = to_local(start_of(replayed.first + at, replayed.size), tz).date()
        bins_of.setdefault(day, []).append(judged)
    fired = [to_local(one.anomaly.peak_at, tz).date() for one in replayed.anomalies]
    return [
        DayRow(
            f"{day.day} {day:%b}",
            sum(one.count for one in bins if one is not None),
            _highest(bins),
            fired.count(day),
        )
        for day, bins in bins_of.items()
    ]


def _number(replayed: ReplayedSize, at: datetime) -> int:
    return replayed.first + (at - start_of(replayed.first, replayed.size)) // replayed.size.length


def _highest(column: Sequence[JudgedBin | None]) -> JudgedBin | None:
    return max((one for one in column if one is not None), key=lambda one: one.count, default=None)


def _usual(column: Sequence[JudgedBin | None]) -> int | None:
    return max((one.usual.high for one in column if one is not None and one.usual), default=None)


def _runs(values: Sequence[int | None]) -> list[tuple[int, list[int]]]:
    """Return the runs of values without a gap, each with the place of its first one."""
    runs: list[tuple[int, list[int]]] = []
    for at, value in enumerate(values):
        if value is None:
            continue
        if runs and runs[-1][0] + len(runs[-1][1]) == at:
            runs[-1][1].append(value)
        else:
            runs.append((at, [value]))
    return runs


def _path(first: int, values: Sequence[int], x: Scale, y: Scale) -> str:
    """Return a line in steps; columns of the same height are one step."""
    parts = [f"M{x(first)} {y(values[0])}"]
    for at, value in enumerate(values[1:], 1):
        if value != values[at - 1]:
            parts.append(f"H{x(first + at)}V{y(value)}")
    return "".join([*parts, f"H{x(first + len(values))}"])


def _days(replayed: ReplayedSize, per_column: int, x: Scale, tz: str) -> list[Mark]:
    """Return a label at every fifth midnight."""
    marks: list[Mark] = []
    day: date | None = None
    for at in range(len(replayed.bins)):
        local = to_local(start_of(replayed.first + at, replayed.size), tz).date()
        if day is not None and local != day:
            marks.append(Mark(x(at / per_column), f"{local.day} {local:%b}"))
        day = local
    return marks[::-1][::DAY_LABELS_EVERY][::-1]
