"""Rate limits of calendar feeds, in the memory of this process (pure).

Within five minutes: 300 reads of one feed, enough for sixty apps that poll every minute; and thirty unknown
tokens from one client address. A token that has worked before is never refused because of other tokens, and
concurrent reads all count.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from firebell.kit.errors import Gone, NotFound
from firebell.kit.rate_limit import SlidingWindow

WINDOW = timedelta(minutes=5)
MAX_READS_PER_FEED, MAX_UNKNOWN_TOKENS_PER_ADDRESS = 300, 30


class FeedLimiter:
    """Counts reads before any lookup, and remembers the tokens that have worked."""

    def __init__(self) -> None:
        self._reads, self._strays = SlidingWindow(WINDOW), SlidingWindow(WINDOW)
        self._known: set[bytes] = set()

    @contextmanager
    def read(self, token_hash: bytes, address: str, now: datetime) -> Iterator[None]:
        """Count one read or raise `TooMany`; a `NotFound` in the block counts as an unknown token."""
        self._reads.check(token_hash, MAX_READS_PER_FEED, now, "This calendar is read too often.")
        fresh = token_hash not in self._known
        if fresh:
            self._strays.check(
                address, MAX_UNKNOWN_TOKENS_PER_ADDRESS, now, "Too many unknown calendar addresses."
            )
            self._strays.count(address, now)
        self._reads.count(token_hash, now)
        stray = known = False
        try:
            yield
            known = True
        except NotFound:
            stray = True
            raise
        except Gone:
            known = True
            raise
        finally:
            if stray:
                self._reads.forget(token_hash, 1)
            elif fresh:
                self._strays.forget(address, 1)
            if known:
                self._known.add(token_hash)
