"""When a time limit ends: elapsed hours, and days, business days and months in a time zone (spec 4.3); pure."""

import calendar
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from firebell.kit.localtime import to_instant, to_local
from firebell.oncall.calendars.public_holidays import of_year
from firebell.regulatory.model import Limit, Unit

END_OF_DAY = time(23, 59, 59)
SATURDAY = 5


@lru_cache(maxsize=256)
def _holidays(calendar_name: str, year: int) -> frozenset[date]:
    country, _, subdivision = calendar_name.partition("-")
    return frozenset(day for day, _ in of_year(country, subdivision, year))


def is_business_day(day: date, holidays: str) -> bool:
    """Return False for a Saturday, a Sunday and a public holiday of `holidays`, such as US or GB-ENG."""
    return day.weekday() < SATURDAY and not (holidays and day in _holidays(holidays, day.year))


def add_business_days(day: date, count: int, holidays: str) -> date:
    """Return the `count`th business day after `day`, which does not count itself."""
    while count:
        day += timedelta(days=1)
        count -= is_business_day(day, holidays)
    return day


def add_months(day: date, count: int) -> date:
    """Return the same day `count` months later, or the last day of that month if it is shorter."""
    months = day.year * 12 + day.month - 1 + count
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def end_of(limit: Limit, start: datetime, tz: str, holidays: str) -> datetime:
    """Return the last instant, inclusive and in whole seconds, at which the limit is met."""
    if limit.unit is Unit.HOURS:
        return start + timedelta(hours=limit.amount)
    day = to_local(start, tz).date()
    if limit.from_year_end:
        day = date(day.year, 12, 31)
    match limit.unit:
        case Unit.DAYS:
            day += timedelta(days=limit.amount)
        case Unit.BUSINESS_DAYS:
            day = add_business_days(day, limit.amount, holidays)
        case Unit.MONTHS:
            day = add_months(day, limit.amount)
    return to_instant(datetime.combine(day, limit.at or END_OF_DAY), tz)
