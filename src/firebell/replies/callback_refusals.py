"""Counts refused requests of message providers in this process, and says when to store them (pure; spec 10.8)."""

from collections import defaultdict, deque
from datetime import datetime, timedelta

LEAST = 5
"""Number of refused requests within `WITHIN` from which they are a finding: a scanner makes a few."""
WITHIN = timedelta(minutes=10)
STORED_EVERY = timedelta(minutes=1)
"""How often a process stores its count, because anyone can make such requests."""
REMEMBERED = 1_000


class RefusalCounter:
    """The refused requests of each channel; the number of channels is small."""

    def __init__(self) -> None:
        self._recent: dict[str, deque[datetime]] = defaultdict(lambda: deque(maxlen=REMEMBERED))
        self._unstored: dict[str, int] = defaultdict(int)
        self._stored_at: dict[str, datetime] = {}

    def add(self, channel: str, now: datetime) -> int:
        """Count a refused request; return how many to store now, 0 for none."""
        recent = self._recent[channel]
        recent.append(now)
        while recent[0] < now - WITHIN:
            recent.popleft()
        self._unstored[channel] = min(self._unstored[channel] + 1, REMEMBERED)
        stored_at = self._stored_at.get(channel)
        if len(recent) < LEAST or (stored_at is not None and now - stored_at < STORED_EVERY):
            return 0
        self._stored_at[channel] = now
        return self._unstored.pop(channel)
