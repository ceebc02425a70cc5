"""The days on which an organization works: weekdays without public holidays (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

from firebell.kit.public_holidays import of_year

LONGEST_CLOSURE_DAYS = 40
"""Number of days in a row that are looked at for a business day."""
MONDAY_TO_FRIDAY = (0, 1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """Weekdays, from 0 for Monday, without the public holidays of a country, an ISO 3166 code; none if empty."""

    weekdays: Sequence[int] = MONDAY_TO_FRIDAY
    country: str = ""
    subdivision: str = ""


@lru_cache(maxsize=256)
def _holidays(country: str, subdivision: str, year: int) -> Mapping[date, str]:
    return dict(of_year(country, subdivision, year))


def holiday_name(days: BusinessDays, day: date) -> str:
    """Return the name of the public holiday on a day, empty if there is none."""
    return _holidays(days.country, days.subdivision, day.year).get(day, "") if days.country else ""


def is_business_day(days: BusinessDays, day: date) -> bool:
    """Return True if the organization works on a day."""
    if day.weekday() not in days.weekdays:
        return False
    return not days.country or day not in _holidays(days.country, days.subdivision, day.year)


def from_day_on(days: BusinessDays, day: date) -> date:
    """Return a day if it is a business day, else the next one; the day itself if there is none within 40 days."""
    for offset in range(LONGEST_CLOSURE_DAYS):
        if is_business_day(days, candidate := day + timedelta(days=offset)):
            return candidate
    return day


def add_business_days(days: BusinessDays, day: date, count: int) -> date:
    """Return the `count`th business day after a day, which does not count itself."""
    for _ in range(count):
        day = from_day_on(days, day + timedelta(days=1))
    return day
