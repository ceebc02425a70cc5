"""Clocks: rules and actions take `now` as an argument; only the edges read a clock."""

from datetime import UTC, datetime, timedelta
from typing import Protocol

YEARS = range(1970, 2201)
"""The accepted years, in all of which time zone and rotation arithmetic works."""


class Clock(Protocol):
    """A source of the current time."""

    def now(self) -> datetime:
        """Return the current time as an aware UTC datetime."""
        ...


class CheckedClock(Clock, Protocol):
    """A clock that follows the database's."""

    def check(self, now: datetime, database: datetime) -> None:
        """Raise `Unavailable` if `now`, which this clock returned, is well after `database`, which was read later."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Move forward by `by` and return the new time."""
        self._now += by
        return self._now

    def set(self, to: datetime) -> datetime:
        """Move to `to` and return it."""
        self._now = to.astimezone(UTC)
        return self._now
