"""Working days, and the day on which an item is due by default (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from firebell.action_items.model import Priority
from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.calendars.public_holidays import holidays_of

DEFAULT_DUE_DAYS: Mapping[Priority, int] = {Priority.P1: 14, Priority.P2: 30, Priority.P3: 90}
MORNING = time(9)
"""The local time of reminders."""
_LONGEST_CLOSURE_DAYS = 40
_WEEK = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The days on which an organization works: weekdays from 0 for Monday, without the holidays of a country."""

    weekdays: Sequence[int] = _WEEK
    country: str = ""
    """The ISO 3166 code whose public holidays are no working days; none if empty."""
    subdivision: str = ""
    due_days: Mapping[Priority, int] = field(default_factory=lambda: DEFAULT_DUE_DAYS)


def is_working_day(working: WorkingDays, day: date) -> bool:
    """Return True if the organization works on this day."""
    if day.weekday() not in working.weekdays:
        return False
    after = day + timedelta(days=1)
    return not (working.country and holidays_of(working.country, working.subdivision, day, after))


def holiday_name(working: WorkingDays, day: date) -> str:
    """Return the name of the public holiday on this day, empty if there is none."""
    if not working.country:
        return ""
    names = holidays_of(working.country, working.subdivision, day, day + timedelta(days=1))
    return names[0][1] if names else ""


def from_day_on(working: WorkingDays, day: date) -> date:
    """Return this day if it is a working day, else the next one; `day` if there is none within 40 days."""
    for offset in range(_LONGEST_CLOSURE_DAYS):
        if is_working_day(working, candidate := day + timedelta(days=offset)):
            return candidate
    return day


def add_working_days(working: WorkingDays, day: date, count: int) -> date:
    """Return the working day that is `count` working days after a day."""
    for _ in range(count):
        day = from_day_on(working, day + timedelta(days=1))
    return day


def default_due(working: WorkingDays, priority: Priority, today: date) -> date:
    """Return the day on which a new item of this priority is due: a working day."""
    return from_day_on(working, today + timedelta(days=working.due_days[priority]))


def morning(day: date, tz: str) -> datetime:
    """Return the instant of 09:00 on a day in a time zone."""
    return to_instant(datetime.combine(day, MORNING), tz)


def local_day(at: datetime, tz: str) -> date:
    """Return the day of an instant in a time zone."""
    return to_local(at, tz).date()
