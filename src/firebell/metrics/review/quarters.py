"""Quarters of a year in UTC, so that everyone reads the same numbers (pure)."""

import re
from datetime import date, datetime

from firebell.kit.calendar_periods import quarter_of
from firebell.kit.errors import Invalid
from firebell.metrics import windows
from firebell.metrics.windows import Window

ZONE = "UTC"
OFFERED = 8
"""Number of quarters that the screen offers."""
_QUARTER = re.compile(r"([1-9]\d{3})-?[Qq]([1-4])", re.ASCII)


def window(text: str, now: datetime) -> Window:
    """Return the window of a quarter such as 2026-Q3, of the last one that is over if blank; raise `Invalid`."""
    if not text:
        return windows.quarter(quarter_of(now.date()).previous.first, ZONE)
    match = _QUARTER.fullmatch(text.strip())
    first = date(int(match[1]), 3 * int(match[2]) - 2, 1) if match else date.max
    if not windows.FIRST_DAY <= first <= now.date():
        raise Invalid(
            f"{text[:20]!r} is not a quarter that has begun.",
            fields={"quarter": "Enter a quarter such as 2026-Q3."},
        )
    return windows.quarter(first, ZONE)


def name(of: Window) -> str:
    """Return the name of a quarter, such as 2026-Q3."""
    return quarter_of(of.first_day).label


def name_before(of: Window) -> str:
    """Return the name of the quarter before."""
    return quarter_of(of.first_day).previous.label


def offered(now: datetime) -> list[str]:
    """Return the names of the latest quarters, that of today first."""
    quarters = [quarter_of(now.date())]
    while len(quarters) < OFFERED:
        quarters.append(quarters[-1].previous)
    return [quarter.label for quarter in quarters]
