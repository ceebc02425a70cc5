"""Calendar quarters, and which of them is due for a review (pure)."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from firebell.kit.errors import NotFound

REVIEW_GRACE = timedelta(days=30)
"""How long after the end of a quarter its review is in time."""
_LABEL = re.compile(r"(20[0-9]{2})-Q([1-4])")


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A calendar quarter in UTC."""

    first: date

    @property
    def label(self) -> str:
        """The name in addresses, such as 2026-Q3."""
        return f"{self.first.year}-Q{(self.first.month + 2) // 3}"

    @property
    def name(self) -> str:
        """The name in sentences, such as Q3 2026."""
        return f"Q{(self.first.month + 2) // 3} {self.first.year}"

    @property
    def following(self) -> "Quarter":
        """The quarter after this one."""
        return quarter_of(self.first + timedelta(days=95))

    @property
    def previous(self) -> "Quarter":
        """The quarter before this one."""
        return quarter_of(self.first - timedelta(days=1))

    @property
    def last_day(self) -> date:
        """The last day of the quarter."""
        return self.following.first - timedelta(days=1)

    @property
    def end(self) -> datetime:
        """The instant at which the next quarter begins."""
        first = self.following.first
        return datetime(first.year, first.month, first.day, tzinfo=UTC)

    @property
    def deadline(self) -> datetime:
        """The deadline of the review of the quarter."""
        return self.end + REVIEW_GRACE


def quarter_of(day: date) -> Quarter:
    """Return the quarter that a day belongs to."""
    return Quarter(date(day.year, (day.month - 1) // 3 * 3 + 1, 1))


def last_closed(now: datetime) -> Quarter:
    """Return the last quarter that has ended."""
    return quarter_of(now.astimezone(UTC).date()).previous


def parse_quarter(label: str) -> Quarter:
    """Return the quarter with a label such as 2026-Q3; raise `NotFound`."""
    match = _LABEL.fullmatch(label.strip().upper())
    if match is None:
        raise NotFound(f"There is no quarter {label[:20]!r}.", hint="Write it like 2026-Q3.")
    return Quarter(date(int(match[1]), int(match[2]) * 3 - 2, 1))
