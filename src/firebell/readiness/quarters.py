"""Which quarters are due for a review, and until when (pure)."""

import re
from datetime import UTC, date, datetime, timedelta

from firebell.kit.calendar_periods import Quarter, quarter_of
from firebell.kit.errors import NotFound

REVIEW_GRACE = timedelta(days=30)
"""How long after the end of a quarter its review is in time."""
_LABEL = re.compile(r"(20[0-9]{2})-Q([1-4])")


def deadline(quarter: Quarter) -> datetime:
    """Return the deadline of the review of a quarter."""
    return quarter.end + REVIEW_GRACE


def last_closed(now: datetime) -> Quarter:
    """Return the last quarter that has ended."""
    return quarter_of(now.astimezone(UTC).date()).previous


def parse_quarter(label: str) -> Quarter:
    """Return the quarter with a label such as 2026-Q3; raise `NotFound`."""
    match = _LABEL.fullmatch(label.strip().upper())
    if match is None:
        raise NotFound(f"There is no quarter {label[:20]!r}.", hint="Write it like 2026-Q3.")
    return Quarter(date(int(match[1]), int(match[2]) * 3 - 2, 1))
