"""Bound the memory that large inbound bodies take in this process, without ever refusing a small one."""

from collections.abc import Iterator
from contextlib import contextmanager

from firebell.kit.errors import Unavailable

FREE_BYTES = 64 * 1024
"""Bytes of each request that are not counted."""
LIMIT_BYTES = 64 * 2**20
"""Bytes of bodies, beyond the free ones, that all requests hold together."""


class BodyBudget:
    """A number of bytes shared by the requests in progress."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._limit = limit
        self.held = 0

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """Yield the share of one request; its bytes are released at the end."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.held

    def take(self, size: int) -> None:
        """Count `size` more bytes; raise Unavailable if they are too many."""
        if size > 0 and self.held + size > self._limit:
            raise Unavailable(
                "Too many large messages are being read; this one was not stored.", retry_after=5
            )
        self.held += size


class Share:
    """What one request holds of the budget."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self.held = 0

    def resize(self, size: int) -> None:
        """Hold the bytes of a body of `size`; raise Unavailable if that is more than there is."""
        counted = max(0, size - FREE_BYTES)
        self._budget.take(counted - self.held)
        self.held = counted
