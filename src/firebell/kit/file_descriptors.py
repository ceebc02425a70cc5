"""The limit of open file descriptors, and how it is divided."""

import contextlib
import sys
from dataclasses import dataclass

UNKNOWN = 512
"""The limit assumed on systems whose limit cannot be read (Windows)."""
_MOST_CONNECTIONS = 8192
_RESERVED = 512
"""Reserved for three channels of 64 messages, calendars, the database pool, DNS lookups, files and a margin."""


@dataclass(frozen=True, slots=True)
class DescriptorBudget:
    """Inbound connections open at once, and connections that may wait in the backlog."""

    connections: int
    backlog: int


def budget(limit: int) -> DescriptorBudget:
    """Return how a descriptor limit is divided between inbound connections and everything else.

    Even if the whole backlog is accepted at once, half of the reserve stays free.
    """
    reserved = min(_RESERVED, limit // 2)
    connections = min(_MOST_CONNECTIONS, limit - reserved)
    return DescriptorBudget(connections, backlog=max(16, min(2048, (limit - connections) // 2)))


def limit() -> int:
    """Return the number of descriptors that this process may open."""
    if sys.platform == "win32":
        return UNKNOWN
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNKNOWN if soft == resource.RLIM_INFINITY else soft


def raise_limit() -> int:
    """Raise the soft descriptor limit to the hard one and return the new limit."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # some systems refuse an unlimited soft limit
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return limit()
