"""How often a sign-in may fail (pure): budgets that refill slowly, after OWASP's device cookies.

A browser in which the person has signed in before has a budget of its own. All other browsers share the budget of
the account and that of their address, so that a stranger who guesses never locks out the known browser.
"""

import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Scope(StrEnum):
    """The scopes in which failed sign-ins are counted."""

    ACCOUNT = "account"
    DEVICE = "device"
    ADDRESS = "address"
    UNKNOWN = "unknown"
    """Accounts that do not exist, counted together for the audit log."""


@dataclass(frozen=True, slots=True)
class FailureBudget:
    """`burst` failures at once, then one more each time `refill` has passed."""

    burst: int
    refill: timedelta

    @property
    def refill_time(self) -> timedelta:
        """How long an empty budget takes to be full again."""
        return self.refill * self.burst


BUDGETS = {
    Scope.ACCOUNT: FailureBudget(10, timedelta(minutes=6)),
    Scope.DEVICE: FailureBudget(10, timedelta(seconds=30)),
    Scope.ADDRESS: FailureBudget(30, timedelta(seconds=10)),
    Scope.UNKNOWN: FailureBudget(10**6, timedelta(0)),
}
BURST_ENDS_AFTER = timedelta(hours=1)
"""Failures that are further apart belong to two bursts, and are audited separately."""


@dataclass(frozen=True, slots=True)
class Counter:
    """One counter of failures; `subject` is a hash, so that the table keeps no addresses."""

    scope: Scope
    subject: bytes

    @property
    def budget(self) -> FailureBudget:
        """The budget of this counter's scope."""
        return BUDGETS[self.scope]


def _network(address: str) -> str:
    """Return the network that counts as one address: an IPv6 host is given a /64 and can change addresses within it."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is None:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)


def _counter(scope: Scope, *parts: str) -> Counter:
    return Counter(scope, hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).digest())


def counters(account: str, address: str, device: str) -> tuple[Counter, ...]:
    """Return the counters of a failed sign-in; `device` names a known browser of the account, or is empty."""
    if device:
        return (_counter(Scope.DEVICE, device, account),)
    return _counter(Scope.ADDRESS, _network(address)), _counter(Scope.ACCOUNT, account)


def unknown_accounts() -> Counter:
    """Return the counter of failures for accounts that do not exist."""
    return Counter(Scope.UNKNOWN, b"")


def is_audited(count: int) -> bool:
    """Return True for 1, 10, 100 and so on: a burst leaves a few audit entries, however long it is."""
    return count > 0 and str(count).rstrip("0") == "1"


def is_private(address: str) -> bool:
    """Return True if an address belongs to a private network, and not to this machine alone."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return ip.is_private and not ip.is_loopback


def is_untrusted_proxy(address: str, forwarded_for: str) -> bool:
    """Return True if a request came through a private proxy whose X-Forwarded-For was not believed."""
    forwarded = [part.strip() for part in forwarded_for.split(",") if part.strip()]
    return bool(forwarded) and is_private(address) and not any(address in part for part in forwarded)
