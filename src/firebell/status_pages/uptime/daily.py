"""Uptime over 90 days and the bar of each day, in whole seconds and exact fractions (pure; spec 7.5)."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import lru_cache
from zoneinfo import ZoneInfo

from firebell.status_pages.derived_status import StatusSpan
from firebell.status_pages.model import STATUS_LOOKS, ComponentStatus, Weights

DAYS = 90
"""How many days a status page shows, today included."""
LEAST_SECONDS_OF_A_BAR = 60
"""How long a problem lasts in sum before it colors the bar of a day."""
PROBLEMS = tuple(
    (look, tuple(status for status in ComponentStatus if STATUS_LOOKS[status] == look))
    for look in ("outage", "degraded", "maintenance")
)
"""The states of a bar, the worst first, with the statuses that count."""


@dataclass(frozen=True, slots=True)
class DayBar:
    """One day of a component: ok, degraded, outage, maintenance, or none before its start."""

    day: date
    state: str
    minutes: Mapping[str, int]
    """The minutes of each status but operational, by code."""


def seconds_by_status(
    spans: Sequence[StatusSpan], start: datetime, end: datetime
) -> dict[ComponentStatus, int]:
    """Return the whole seconds of [start, end) with each status; the spans are in order and don’t overlap."""
    seconds = dict.fromkeys(ComponentStatus, 0)
    first = bisect_right(spans, start, key=lambda span: span.start) - 1
    for span in spans[max(first, 0) :]:
        if span.start >= end:
            break
        begin, until = max(span.start, start), min(span.end, end)
        if begin < until:
            seconds[span.status] += int((until - begin).total_seconds())
    return seconds


def uptime(seconds: Mapping[ComponentStatus, int], weights: Weights) -> Fraction | None:
    """Return the share of time that a component was up, without maintenance; None without data."""
    observed = sum(seconds.values()) - seconds[ComponentStatus.UNDER_MAINTENANCE]
    if observed <= 0:
        return None
    down = (
        100 * seconds[ComponentStatus.MAJOR_OUTAGE]
        + weights.partial * seconds[ComponentStatus.PARTIAL_OUTAGE]
        + weights.degraded * seconds[ComponentStatus.DEGRADED_PERFORMANCE]
    )
    return 1 - Fraction(down, 100 * observed)


def group_uptime(uptimes: Sequence[Fraction | None]) -> Fraction | None:
    """Return the mean of the uptimes of a group's components with data; None if none has any."""
    known = [value for value in uptimes if value is not None]
    return sum(known, Fraction(0)) / len(known) if known else None


def shown(value: Fraction | None) -> str:
    """Return an uptime as text, such as 99.95%; it is never rounded up, so only no downtime is 100%."""
    if value is None:
        return "No data"
    if value == 1:
        return "100%"
    hundredths = int(10_000 * value)
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


def window(now: datetime, tz: str, start_date: date = date.min) -> tuple[datetime, datetime]:
    """Return the 90 days up to now in the time zone of the page, cut at the first day of the component."""
    zone = ZoneInfo(tz)
    first = max(now.astimezone(zone).date() - timedelta(days=DAYS - 1), start_date)
    return _midnight(first, tz), now


def yesterday(now: datetime, tz: str) -> datetime:
    """Return when yesterday began in a zone: what was shown of the days before changes only with a second person."""
    return _midnight(now.astimezone(ZoneInfo(tz)).date() - timedelta(days=1), tz)


@lru_cache(maxsize=64)
def _midnight(day: date, tz: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(tz)).astimezone(UTC)


@lru_cache(maxsize=16)
def _days(today: date, tz: str) -> tuple[tuple[date, datetime, datetime], ...]:
    """Return the 90 days up to today with their bounds, oldest first; all components of a page share them."""
    days = [today - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    return tuple((day, _midnight(day, tz), _midnight(day + timedelta(days=1), tz)) for day in days)


def bars(spans: Sequence[StatusSpan], now: datetime, tz: str, start_date: date) -> list[DayBar]:
    """Return the 90 days of a component, oldest first; a day of a clock change has 23 or 25 hours."""
    problems = [span for span in spans if span.status is not ComponentStatus.OPERATIONAL]
    listed = []
    for day, start, end in _days(now.astimezone(ZoneInfo(tz)).date(), tz):
        of_day = [span for span in problems if span.start < end and start < span.end]
        if day < start_date or not of_day:
            listed.append(DayBar(day, "none" if day < start_date else "ok", {}))
            continue
        seconds = seconds_by_status(of_day, start, min(now, end))
        minutes = {status.code: lasted // 60 for status, lasted in seconds.items() if lasted >= 60}
        listed.append(DayBar(day, _state(seconds), minutes))
    return listed


def _state(seconds: Mapping[ComponentStatus, int]) -> str:
    for state, statuses in PROBLEMS:
        if sum(seconds[status] for status in statuses) >= LEAST_SECONDS_OF_A_BAR:
            return state
    return "ok"
