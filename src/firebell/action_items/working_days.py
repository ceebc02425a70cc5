"""Working days, and the day on which an item is due by default (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from firebell.action_items.model import Priority
from firebell.kit import business_days
from firebell.kit.business_days import BusinessDays
from firebell.kit.localtime import to_instant, to_local

DEFAULT_DUE_DAYS: Mapping[Priority, int] = {Priority.P1: 14, Priority.P2: 30, Priority.P3: 90}
MORNING = time(9)
"""The local time of reminders."""


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """The days on which an organization works: weekdays from 0 for Monday, without the holidays of a country."""

    weekdays: Sequence[int] = business_days.MONDAY_TO_FRIDAY
    country: str = ""
    """The ISO 3166 code whose public holidays are no working days; none if empty."""
    subdivision: str = ""
    due_days: Mapping[Priority, int] = field(default_factory=lambda: DEFAULT_DUE_DAYS)

    @property
    def calendar(self) -> BusinessDays:
        """The days alone."""
        return BusinessDays(self.weekdays, self.country, self.subdivision)


def is_working_day(working: WorkingDays, day: date) -> bool:
    """Return True if the organization works on this day."""
    return business_days.is_business_day(working.calendar, day)


def holiday_name(working: WorkingDays, day: date) -> str:
    """Return the name of the public holiday on this day, empty if there is none."""
    return business_days.holiday_name(working.calendar, day)


def from_day_on(working: WorkingDays, day: date) -> date:
    """Return this day if it is a working day, else the next one; `day` if there is none within 40 days."""
    return business_days.from_day_on(working.calendar, day)


def add_working_days(working: WorkingDays, day: date, count: int) -> date:
    """Return the working day that is `count` working days after a day."""
    return business_days.add_business_days(working.calendar, day, count)


def default_due(working: WorkingDays, priority: Priority, today: date) -> date:
    """Return the day on which a new item of this priority is due: a working day."""
    return from_day_on(working, today + timedelta(days=working.due_days[priority]))


def morning(day: date, tz: str) -> datetime:
    """Return the instant of 09:00 on a day in a time zone."""
    return to_instant(datetime.combine(day, MORNING), tz)


def local_day(at: datetime, tz: str) -> date:
    """Return the day of an instant in a time zone."""
    return to_local(at, tz).date()
