"""Business hours of the organization (pure)."""

from datetime import date, datetime, timedelta

from firebell.kit import business_days
from firebell.kit.business_days import BusinessDays
from firebell.kit.localtime import to_instant, to_local
from firebell.response.model import BusinessHours


def is_business_day(hours: BusinessHours, day: date) -> bool:
    """Return True unless the organization is closed on this day."""
    return business_days.is_business_day(BusinessDays(hours.days, hours.country), day)


def is_open(hours: BusinessHours, at: datetime) -> bool:
    """Return True if `at` is in business hours; the end is exclusive."""
    local = to_local(at, hours.tz)
    minute = local.hour * 60 + local.minute
    return hours.start <= minute < hours.end and is_business_day(hours, local.date())


def next_opening(hours: BusinessHours, after: datetime) -> datetime:
    """Return when the first business day begins after the local day of `after`, or later on that day."""
    today = to_local(after, hours.tz).date()
    for offset in range(business_days.LONGEST_CLOSURE_DAYS):
        day = today + timedelta(days=offset)
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001 - wall time
        wall = midnight + timedelta(minutes=hours.start)
        opening = to_instant(wall, hours.tz)
        if opening > after and is_business_day(hours, day):
            return opening
    return after


def from_now(hours: BusinessHours, now: datetime) -> datetime:
    """Return `now` in business hours, else when they begin."""
    return now if is_open(hours, now) else next_opening(hours, now)


def next_business_day_end(hours: BusinessHours, after: datetime) -> datetime:
    """Return when the business day ends that opens next after `after`."""
    return next_opening(hours, after) + timedelta(minutes=hours.end - hours.start)
