"""Quarters of a year in UTC, so that everyone reads the same numbers (pure)."""

import re
from datetime import date, datetime, timedelta

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
        return _before(windows.quarter(now.date(), ZONE))
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
    return f"{of.first_day.year}-Q{(of.first_day.month + 2) // 3}"


def name_before(of: Window) -> str:
    """Return the name of the quarter before."""
    return name(_before(of))


def offered(now: datetime) -> list[str]:
    """Return the names of the latest quarters, that of today first."""
    quarters = [windows.quarter(now.date(), ZONE)]
    while len(quarters) < OFFERED:
        quarters.append(_before(quarters[-1]))
    return [name(each) for each in quarters]


def _before(of: Window) -> Window:
    return windows.quarter(of.first_day - timedelta(days=1), ZONE)
