"""When a time limit ends: elapsed hours, and days, business days and months in a time zone (spec 4.3); pure."""

import calendar
from datetime import date, datetime, time, timedelta

from firebell.kit.business_days import BusinessDays, add_business_days
from firebell.kit.localtime import to_instant, to_local
from firebell.regulatory.model import Limit, Unit

END_OF_DAY = time(23, 59, 59)


def business_days_of(holidays: str) -> BusinessDays:
    """Return Monday to Friday without the public holidays of a calendar, such as US or GB-ENG."""
    country, _, subdivision = holidays.partition("-")
    return BusinessDays(country=country, subdivision=subdivision)


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
            day = add_business_days(business_days_of(holidays), day, limit.amount)
        case Unit.MONTHS:
            day = add_months(day, limit.amount)
    return to_instant(datetime.combine(day, limit.at or END_OF_DAY), tz)
