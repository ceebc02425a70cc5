"""File descriptors: how many this process may open, and how they are divided."""

import contextlib
import sys
from dataclasses import dataclass

UNKNOWN = 512
"""What is assumed where the system sets no limit that can be read (Windows)."""
_MOST_CONNECTIONS = 8192
_RESERVED = 512
"""Three channels of 64 messages, calendars, the database pool, look-ups, files, and room for a burst."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Inbound connections that are open at once, and those that may wait in the listening socket."""

    connections: int
    backlog: int


def budget(limit: int) -> Budget:
    """Return how a limit of descriptors is divided; what is not inbound is left for everything else.

    Even when the whole backlog is accepted in one go, half of what is reserved stays free.
    """
    reserved = min(_RESERVED, limit // 2)
    connections = min(_MOST_CONNECTIONS, limit - reserved)
    return Budget(connections, backlog=max(16, min(2048, (limit - connections) // 2)))


def limit() -> int:
    """Return how many descriptors this process may open."""
    if sys.platform == "win32":
        return UNKNOWN
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return UNKNOWN if soft == resource.RLIM_INFINITY else soft


def raise_limit() -> int:
    """Raise the soft limit of descriptors to the hard one; return what it is then."""
    if sys.platform != "win32":
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        # some systems refuse a soft limit without bound
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return limit()
