"""How many alerts of a list began in each interval of its range of time (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

MAX_BARS = 50
NO_SEVERITY = "none"
"""The key of alerts without a severity in counts."""
MINOR_SEVERITIES = ("warning", "info")
"""Severities that are shown as less urgent; an alert without one may be critical."""
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
_LENGTHS_S = (
    *(1, 5, 15, 30),
    *(n * _MINUTE for n in (1, 2, 5, 10, 15, 30)),
    *(n * _HOUR for n in (1, 2, 4, 6, 12)),
    *(n * _DAY for n in (1, 2, 7, 14, 28, 91, 364, 3_640)),
)
"""Lengths of a bar; each divides a day or is a number of days. The longest cover the years of all instants."""
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class IntervalCount:
    """The number of alerts of one status and severity that began in bar number `bar`."""

    bar: int
    is_firing: bool
    severity: str | None
    alerts: int


@dataclass(slots=True)
class HistogramBar:
    """The alerts that began in the half-open interval `[start, end)`.

    `firing` of them still fire; `minor_firing` of these have one of `MINOR_SEVERITIES`.
    """

    start: datetime
    end: datetime
    alerts: int = 0
    firing: int = 0
    minor_firing: int = 0
    severities: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Grid:
    """Intervals of equal length that cover a range of time; `start` is the start of the first one."""

    start: datetime
    length: timedelta
    number: int


@dataclass(frozen=True, slots=True)
class AlertListHistogram:
    """The bars of a list, oldest first; without alerts there are none.

    `is_partial` means that older alerts may match, which no bar counts.
    """

    bars: tuple[HistogramBar, ...] = ()
    counted: int = 0
    is_partial: bool = False

    @property
    def highest(self) -> int:
        """Return how many alerts the highest bar has."""
        return max((bar.alerts for bar in self.bars), default=0)


def grid(start: datetime, end: datetime, utc_offset: timedelta) -> Grid:
    """Return the shortest intervals of which at most `MAX_BARS` cover `[start, end)`.

    They begin at round times of a clock with this offset: those of a day at midnight, those of a week on Monday.
    """
    base = _MONDAY - utc_offset
    for length in (timedelta(seconds=seconds) for seconds in _LENGTHS_S):
        first = base + (start - base) // length * length
        number = max(-((first - end) // length), 1)
        if number <= MAX_BARS:
            return Grid(first, length, number)
    raise AssertionError("the longest bars cover all years")


def bars(
    grid: Grid, start: datetime, end: datetime, counted: Iterable[IntervalCount]
) -> tuple[HistogramBar, ...]:
    """Return a bar for each interval of the grid, the first and the last cut to `[start, end)`."""
    result = []
    for number in range(grid.number):
        begins = grid.start + number * grid.length
        result.append(HistogramBar(max(begins, start), min(begins + grid.length, end)))
    for each in counted:
        bar = result[min(max(each.bar, 0), grid.number - 1)]
        bar.alerts += each.alerts
        severity = each.severity or NO_SEVERITY
        bar.severities[severity] = bar.severities.get(severity, 0) + each.alerts
        if each.is_firing:
            bar.firing += each.alerts
            bar.minor_firing += each.alerts if severity in MINOR_SEVERITIES else 0
    return tuple(result)
