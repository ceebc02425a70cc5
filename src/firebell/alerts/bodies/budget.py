"""Limit the memory of large inbound bodies in this process; small bodies are never refused."""

from collections.abc import Iterator
from contextlib import contextmanager

from firebell.kit.errors import Unavailable

FREE_BYTES = 64 * 1024
"""Bytes of each request that do not count."""
LIMIT_BYTES = 64 * 2**20
"""Bytes, beyond the free ones, that the bodies of all requests in progress may have together."""


class BodyBudget:
    """A limit in bytes that all requests in progress share."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._limit = limit
        self.held = 0

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """Yield the share of one request and release it on exit."""
        share = Share(self)
        try:
            yield share
        finally:
            self.held -= share.held

    def take(self, size: int) -> None:
        """Reserve `size` more bytes; raise Unavailable if that exceeds the limit."""
        if size > 0 and self.held + size > self._limit:
            raise Unavailable(
                "Too many large messages are being read; this one was not stored.", retry_after=5
            )
        self.held += size


class Share:
    """The bytes that one request has reserved."""

    def __init__(self, budget: BodyBudget) -> None:
        self._budget = budget
        self.held = 0

    def resize(self, size: int) -> None:
        """Reserve what a body of `size` bytes needs; raise Unavailable if that exceeds the limit."""
        counted = max(0, size - FREE_BYTES)
        self._budget.take(counted - self.held)
        self.held = counted
