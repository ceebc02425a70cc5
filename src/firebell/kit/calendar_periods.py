"""Calendar months and quarters (pure)."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar

Day = TypeVar("Day", bound=date)


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """A calendar quarter, by its first day."""

    first: date

    @property
    def label(self) -> str:
        """The name in addresses, such as 2026-Q3."""
        return f"{self.first.year}-{self._number}"

    @property
    def name(self) -> str:
        """The name in sentences, such as Q3 2026."""
        return f"{self._number} {self.first.year}"

    @property
    def _number(self) -> str:
        return f"Q{(self.first.month + 2) // 3}"

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
        """The instant at which the next quarter begins in UTC."""
        return datetime.combine(self.following.first, time(), UTC)


def quarter_of(day: date) -> Quarter:
    """Return the quarter that a day belongs to."""
    return Quarter(date(day.year, (day.month - 1) // 3 * 3 + 1, 1))


def next_month(first: Day) -> Day:
    """Return the first day of the month after the one that begins with `first`."""
    return (first + timedelta(days=31)).replace(day=1)
