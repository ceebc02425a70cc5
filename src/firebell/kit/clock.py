"""Time as a value: every rule and action takes `now`, only the edges ask a clock."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

YEARS = range(1970, 2201)
"""The years that are believed; arithmetic with time zones and rotations holds in all of them."""


class Clock(Protocol):
    """Something that knows the present instant."""

    def now(self) -> datetime:
        """Return the present instant as an aware UTC datetime."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FakeClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward by `by` and return the new instant."""
        self._now += by
        return self._now

    def set(self, to: datetime) -> datetime:
        """Move to `to` and return it."""
        self._now = to.astimezone(UTC)
        return self._now
