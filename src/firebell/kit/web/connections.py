"""Limits on inbound connections, and the choice of which to close when there are too many."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on inbound connections; times in seconds, sizes in bytes."""

    connections: int = 512
    backlog: int = 128
    """Connections that may wait in the listening socket."""
    url: int = 16 * 1024
    head: int = 64 * 1024
    headers: int = 100
    head_s: float = 10
    """Time limit for a whole request head, from its first byte or from the start of the connection."""
    body_s: float = 10
    body_rate: int = 1024
    """Bytes of a body that must arrive in every `body_s`."""
    write_s: float = 30
    """Time limit for a client to read some of a response."""
    keep_alive_s: int = 75
    """Time limit for the next request; longer than senders keep connections, so that no request is lost."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A connection that waits for its client: the client's address, and since when."""

    address: str
    since: float


def victims(waiting: Sequence[Waiting], count: int) -> list[int]:
    """Return the indexes of up to `count` connections to close for newer ones.

    The address with the most of them loses its oldest first, so that a client that floods closes its own.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    for index, connection in enumerate(waiting):
        groups[connection.address].append(index)
    largest = max(groups.values(), key=len, default=[])
    return sorted(largest, key=lambda index: waiting[index].since)[:count]


class Connection(Protocol):
    """The interface of an open connection that the register uses."""

    def waiting(self) -> Waiting | None:
        """Return since when it waits for its client; None while a response is being prepared."""
        ...

    def overdue(self, now: float) -> bool:
        """Return True if the client used up its time."""
        ...

    def expire(self) -> None:
        """Close it because of a time limit."""
        ...

    def abort(self) -> None:
        """Close it at once."""
        ...


class Register:
    """The open connections of this process, never more than `limits.connections`."""

    def __init__(self, limits: ConnectionLimits, report: Callable[[int], None] = lambda closed: None) -> None:
        self.limits = limits
        self._report = report
        self._open: dict[Connection, None] = {}
        self._closed = 0
        self._reported_at = float("-inf")

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Register a connection, closing idle ones if there are too many; return False to refuse it."""
        if len(self._open) >= self.limits.connections:
            self._make_room()
        if len(self._open) >= self.limits.connections:
            self._closed += 1
            return False
        self._open[connection] = None
        return True

    def leave(self, connection: Connection) -> None:
        """Remove a closed connection."""
        self._open.pop(connection, None)

    def sweep(self, now: float) -> None:
        """Close timed-out connections, and report once a minute how many were closed to make room."""
        for connection in list(self._open):
            if connection.overdue(now):
                self._open.pop(connection, None)
                connection.expire()
        if self._closed and now - self._reported_at >= 60:
            self._report(self._closed)
            self._closed, self._reported_at = 0, now

    def _make_room(self) -> None:
        candidates = [(c, waiting) for c in self._open if (waiting := c.waiting()) is not None]
        # several at once: scanning all connections for each new one would be an attack vector itself
        count = max(1, self.limits.connections // 20)
        for index in victims([waiting for _, waiting in candidates], count):
            connection = candidates[index][0]
            self._open.pop(connection, None)
            self._closed += 1
            connection.abort()
