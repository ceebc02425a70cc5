"""The period of a metric and the one before it, in a time zone (pure; spec 11.11)."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from firebell.kit.calendar_periods import next_month, quarter_of
from firebell.kit.errors import Invalid
from firebell.kit.localtime import to_instant, to_local

PRESETS = {
    "7d": "7 d",
    "30d": "30 d",
    "90d": "90 d",
    "quarter": "Quarter",
    "1y": "1 y",
    "5y": "5 y",
}
"""The label of each period by its name in addresses."""
DEFAULT = "90d"
_DAYS = {"7d": 7, "30d": 30, "90d": 90, "1y": 365, "5y": 1826}
LONGEST_DAYS = 3660
FIRST_DAY = date(2000, 1, 1)


@dataclass(frozen=True, slots=True)
class Window:
    """The instants of `[start, end)` with its local days, and of the window before it."""

    start: datetime
    end: datetime
    first_day: date
    last_day: date
    before_start: datetime
    zone: str
    period: str = ""

    @property
    def before(self) -> tuple[datetime, datetime]:
        """The window before this one, as `[start, end)`."""
        return self.before_start, self.start

    @property
    def days(self) -> int:
        """The number of local days."""
        return (self.last_day - self.first_day).days + 1

    def contains(self, at: datetime) -> bool:
        """Return True if an instant lies in the window."""
        return self.start <= at < self.end


def preset(period: str, now: datetime, zone: str) -> Window:
    """Return the window of a named period that ends with today; raise `Invalid` for an unknown one."""
    today = to_local(now, zone).date()
    if period == "quarter":
        return quarter(today, zone)
    if period not in _DAYS:
        raise Invalid(
            f"{period[:20]!r} is not a period.", fields={"period": f"Use {', '.join(PRESETS)}, or two days."}
        )
    end = today + timedelta(days=1)
    first = end - timedelta(days=_DAYS[period])
    return _window(first, end, first - timedelta(days=_DAYS[period]), zone, period)


def quarter(day: date, zone: str) -> Window:
    """Return the window of the calendar quarter of a day, compared with the quarter before."""
    this = quarter_of(day)
    return _window(this.first, this.following.first, this.previous.first, zone, "quarter")


def between(first: date, last: date, zone: str) -> Window:
    """Return the window of the days from `first` to `last`, with both; raise `Invalid` if there are none."""
    if last < first:
        raise Invalid(
            "The period ends before it begins.", fields={"to": "Enter a day that is not before the first."}
        )
    if (last - first).days >= LONGEST_DAYS or first < FIRST_DAY:
        raise Invalid(
            "The period is too long.",
            fields={"from": f"Enter a day from {FIRST_DAY} on, at most ten years before the last."},
        )
    end = last + timedelta(days=1)
    return _window(first, end, first - (end - first), zone)


def _window(first: date, end: date, before: date, zone: str, period: str = "") -> Window:
    start, stop, earlier = (to_instant(datetime.combine(day, time()), zone) for day in (first, end, before))
    return Window(start, stop, first, end - timedelta(days=1), earlier, zone, period)


def months(first: date, last: date, zone: str) -> list[tuple[date, datetime]]:
    """Return the first day of each calendar month that these days touch, and the instant at which it begins."""
    month, result = first.replace(day=1), []
    while month <= last:
        result.append((month, to_instant(datetime.combine(month, time()), zone)))
        month = next_month(month)
    return result
