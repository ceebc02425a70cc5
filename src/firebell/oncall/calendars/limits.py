"""How often feeds may be read, kept in the memory of this process (pure).

Within five minutes: 300 reads of one feed, so that sixty apps that poll it every minute never notice; and
thirty tokens that never were one, from one client address. What others try never keeps a token that is known
here from its feed, and reads that run at the same time all count.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from firebell.kit.errors import Gone, NotFound
from firebell.kit.rate_limit import SlidingWindow

WINDOW = timedelta(minutes=5)
PER_FEED, STRAYS_PER_ADDRESS = 300, 30


class FeedLimiter:
    """Counts reads before anything is looked up; `known` are the tokens that led to a feed before."""

    def __init__(self) -> None:
        self._reads, self._strays = SlidingWindow(WINDOW), SlidingWindow(WINDOW)
        self._known: set[bytes] = set()

    @contextmanager
    def read(self, token_hash: bytes, address: str, now: datetime) -> Iterator[None]:
        """Count one read, or raise `TooMany`; within it `NotFound` is a stray, `Gone` is not."""
        self._reads.check(token_hash, PER_FEED, now, "This calendar is read too often.")
        fresh = token_hash not in self._known
        if fresh:
            self._strays.check(address, STRAYS_PER_ADDRESS, now, "Too many calendars that are not there.")
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
