"""How often a sign-in may be tried, kept in the memory of this process.

Within five minutes: five tries of one account from one address, thirty from one address. Nobody can lock a
person out from elsewhere, and tries that run at the same time all count.
"""

from collections import deque
from datetime import datetime, timedelta

from firebell.kit.errors import TooMany

WINDOW = timedelta(minutes=5)
PER_ACCOUNT, PER_ADDRESS = 5, 30
_SWEEP_EVERY = timedelta(minutes=1)


class Throttle:
    """Counts tries before the password is looked at; a success forgets those of its account."""

    def __init__(self) -> None:
        self._tries: dict[tuple[str, str], deque[datetime]] = {}
        self._swept_at: datetime | None = None

    def attempt(self, account: str, address: str, now: datetime) -> None:
        """Count one try; raise `TooMany` instead when there were too many."""
        if self._swept_at is None or abs(now - self._swept_at) >= _SWEEP_EVERY:
            self._tries = {k: t for k, t in self._tries.items() if t[-1] > now - WINDOW}
            self._swept_at = now
        limits = {(account, address): PER_ACCOUNT, ("", address): PER_ADDRESS}
        recent = {name: self._recent(name, now) for name in limits}
        for name, limit in limits.items():
            if len(recent[name]) >= limit:
                wait = WINDOW - (now - recent[name][-limit])
                raise TooMany(
                    "Too many failed sign-ins.",
                    hint=f"Try again in {int(wait.total_seconds() // 60) + 1} min.",
                )
        for name, tries in recent.items():
            tries.append(now)
            self._tries[name] = tries

    def succeeded(self, account: str, address: str) -> None:
        """Forget the tries of an account whose password was right."""
        if tries := self._tries.pop((account, address), None):
            every = self._tries.get(("", address), deque())
            for _ in range(min(len(tries), len(every))):
                every.pop()
            if not every:
                self._tries.pop(("", address), None)

    def _recent(self, name: tuple[str, str], now: datetime) -> deque[datetime]:
        tries = self._tries.get(name, deque())
        while tries and tries[0] <= now - WINDOW:
            tries.popleft()
        return tries
