"""In-memory sliding-window counters (pure)."""

import math
from collections import deque
from collections.abc import Hashable
from datetime import datetime, timedelta

from firebell.kit.errors import TooMany

_SWEEP_EVERY = timedelta(minutes=1)


class SlidingWindow:
    """Counts events by name within a sliding window."""

    def __init__(self, window: timedelta) -> None:
        self._window = window
        self._times: dict[Hashable, deque[datetime]] = {}
        self._swept_at: datetime | None = None

    def __len__(self) -> int:
        return len(self._times)

    def check(self, name: Hashable, limit: int, now: datetime, message: str) -> None:
        """Raise `TooMany` with `message` if this name reached `limit` within the window."""
        self._sweep(now)
        times = self._times.get(name, deque())
        while times and times[0] <= now - self._window:
            times.popleft()
        if len(times) >= limit:
            wait = (self._window - (now - times[-limit])).total_seconds()
            hint = f"Try again in {int(wait // 60) + 1} min."
            raise TooMany(message, hint=hint, retry_after=math.ceil(wait))

    def count(self, name: Hashable, now: datetime) -> None:
        """Count one."""
        self._times.setdefault(name, deque()).append(now)

    def forget(self, name: Hashable, most: int | None = None) -> int:
        """Remove up to `most` (default all) of the latest events of a name; return the number removed."""
        times = self._times.get(name, deque())
        forgotten = len(times) if most is None else min(most, len(times))
        for _ in range(forgotten):
            times.pop()
        if not times:
            self._times.pop(name, None)
        return forgotten

    def _sweep(self, now: datetime) -> None:
        if self._swept_at is None or abs(now - self._swept_at) >= _SWEEP_EVERY:
            self._times = {name: t for name, t in self._times.items() if t and t[-1] > now - self._window}
            self._swept_at = now
