"""Business days: weekdays without the public holidays of a country, one answer for everything that is due."""

from datetime import date, timedelta

import pytest

from firebell.kit.business_days import (
    LONGEST_CLOSURE_DAYS,
    BusinessDays,
    add_business_days,
    from_day_on,
    holiday_name,
    is_business_day,
)
from firebell.kit.errors import Invalid

ANY = BusinessDays()
BERLIN = BusinessDays(country="DE", subdivision="BE")
SUNDAYS = BusinessDays(weekdays=(6,))
FRIDAY = date(2026, 4, 3)
"""Good Friday."""


@pytest.mark.parametrize(
    ("days", "day", "is_holiday", "is_open"),
    [
        (ANY, FRIDAY, False, True),
        (ANY, FRIDAY + timedelta(days=1), False, False),
        (BERLIN, FRIDAY, True, False),
        (BERLIN, FRIDAY + timedelta(days=3), True, False),
        (BERLIN, FRIDAY + timedelta(days=4), False, True),
        (BusinessDays(country="DE"), date(2027, 3, 8), False, True),
        (BERLIN, date(2027, 3, 8), True, False),
        (SUNDAYS, FRIDAY, False, False),
    ],
)
def test_weekdays_and_holidays(days: BusinessDays, day: date, is_holiday: bool, is_open: bool) -> None:
    assert (bool(holiday_name(days, day)), is_business_day(days, day)) == (is_holiday, is_open)


@pytest.mark.parametrize(
    ("days", "count", "expected"),
    [(ANY, 0, 0), (ANY, 1, 3), (ANY, 5, 7), (BERLIN, 1, 4), (BERLIN, 4, 7), (SUNDAYS, 2, 9)],
)
def test_counting_skips_what_is_no_business_day(days: BusinessDays, count: int, expected: int) -> None:
    assert add_business_days(days, FRIDAY, count) == FRIDAY + timedelta(days=expected)


def test_an_organization_that_never_works_gets_the_day_itself() -> None:
    never = BusinessDays(weekdays=())
    assert from_day_on(never, FRIDAY) == FRIDAY
    assert add_business_days(never, FRIDAY, LONGEST_CLOSURE_DAYS) == FRIDAY + timedelta(
        days=LONGEST_CLOSURE_DAYS
    )
    assert from_day_on(BERLIN, FRIDAY) == FRIDAY + timedelta(days=4)
    with pytest.raises(Invalid):
        is_business_day(BusinessDays(country="XX"), FRIDAY)
