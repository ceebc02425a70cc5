"""How often a sign-in may be tried, kept in the memory of this process.

Within five minutes: five tries of one account from one address, thirty from one address. Nobody can lock a
person out from elsewhere, and tries that run at the same time all count.
"""

from datetime import datetime, timedelta

from firebell.kit.throttle import Lately

WINDOW = timedelta(minutes=5)
PER_ACCOUNT, PER_ADDRESS = 5, 30


class Throttle:
    """Counts tries before the password is looked at; a success forgets those of its account."""

    def __init__(self) -> None:
        self._tries = Lately(WINDOW)

    def attempt(self, account: str, address: str, now: datetime) -> None:
        """Count one try; raise `TooMany` instead when there were too many."""
        limits = {(account, address): PER_ACCOUNT, ("", address): PER_ADDRESS}
        for name, limit in limits.items():
            self._tries.check(name, limit, now, "Too many failed sign-ins.")
        for name in limits:
            self._tries.count(name, now)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the tries of an account whose password was right."""
        self._tries.forget(("", address), self._tries.forget((account, address)))
