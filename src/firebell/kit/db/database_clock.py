"""Uses the database's time as this process's clock, because processes share timers."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from firebell.kit.clock import Clock, SystemClock
from firebell.kit.db.database import Db

log = logging.getLogger(__name__)

MEASURE_EVERY_S = 60.0
TOLERANCE = timedelta(seconds=5)
"""How far this machine's clock may be from the database's before it is reported."""
_JUMP_S = 1.0
_ATTEMPTS, _CLOSE_ENOUGH_S = 3, 0.1


def _elapsed() -> float:
    """Return monotonic seconds, including time asleep where the system counts it."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class DatabaseClock:
    """Returns the last measured database time plus elapsed time; unaffected by changes of the system clock."""

    def __init__(self, system: Clock | None = None, elapsed: Callable[[], float] = _elapsed) -> None:
        self._system = system or SystemClock()
        self._elapsed = elapsed
        self._measured = False
        self._set(self._system.now(), self._elapsed())

    def _set(self, database: datetime, at: float) -> None:
        self._base, self._at = database, at
        self._system_then = self._system.now()

    def now(self) -> datetime:
        return self._base + timedelta(seconds=self._elapsed() - self._at)

    @property
    def offset(self) -> timedelta:
        """How far this machine's clock was ahead of the database's at the last measurement."""
        return self._system_then - self._base

    def stale(self) -> bool:
        """True if no recent measurement exists or the system clock jumped: measure before claiming a timer."""
        passed = self._elapsed() - self._at
        by_system = (self._system.now() - self._system_then).total_seconds()
        return not self._measured or passed > MEASURE_EVERY_S or abs(by_system - passed) > _JUMP_S

    async def measure(self, db: Db) -> None:
        """Measure the database's time, using the fastest of several responses. Raises `Unavailable`."""
        known = (self._base, self._at) if self._measured else None
        quickest = float("inf")
        for _ in range(_ATTEMPTS):
            async with db.reads() as reads:
                asked = self._elapsed()
                database = await reads.value("select clock_timestamp()")
                took = self._elapsed() - asked
            assert isinstance(database, datetime)
            if took < quickest:
                quickest = took
                self._set(database + timedelta(seconds=self._elapsed() - asked - took / 2), self._elapsed())
            if took < _CLOSE_ENOUGH_S:
                break
        if known is not None:
            set_back_by = known[0] + timedelta(seconds=self._at - known[1]) - self._base
            if set_back_by > TOLERANCE:
                log.warning(
                    "the database's clock was set back: timers and messages that wait are that much later",
                    extra={"by_s": round(set_back_by.total_seconds(), 1)},
                )
        self._measured = True
        if abs(self.offset) > TOLERANCE:
            log.warning(
                "this machine's clock differs from the database's, which timers use",
                extra={"ahead_s": round(self.offset.total_seconds(), 1)},
            )


async def agree(clock: Clock, db: Db) -> None:
    """Measure the database's time if needed; raise `Unavailable` if the database is unavailable."""
    if isinstance(clock, DatabaseClock) and clock.stale():
        await clock.measure(db)
