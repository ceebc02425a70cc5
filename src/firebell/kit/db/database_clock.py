"""Uses the database's time as this process's clock, because processes share timers."""

import logging
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.clock import Clock, SystemClock
from firebell.kit.db import org_settings
from firebell.kit.db.database import Db, Tx

log = logging.getLogger(__name__)

MEASURE_EVERY_S = 60.0
TOLERANCE = timedelta(seconds=5)
"""How far this machine's clock may be from the database's before it is reported."""
_JUMP_S = 1.0
_ATTEMPTS, _CLOSE_ENOUGH_S = 3, 0.1


_SETTING = "database_clock"
"""The time at the last measurement, and the total seconds by which the clock was set back."""
_READING = """
    select
        clock_timestamp() as now,
        (select value from setting where key = 'database_clock') as stored
"""


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
        self._measured = self._is_expired = False
        self.set_back_by = timedelta()
        """How far the database's clock was set back since timers were last moved."""
        self._moved_by = timedelta()
        """How far all processes together had moved timers before the clock was set back."""
        self._claimed = timedelta()
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

    @property
    def problem(self) -> str:
        """What is wrong with this machine's clock; empty if it is close enough to the database's."""
        if abs(self.offset) <= TOLERANCE:
            return ""
        ahead_s = self.offset.total_seconds()
        direction = "ahead of" if ahead_s > 0 else "behind"
        return (
            f"This machine's clock is {abs(ahead_s):.1f} s {direction} the database's, which Firebell uses."
        )

    def stale(self) -> bool:
        """True if no recent measurement exists or the system clock jumped: measure before claiming a timer."""
        passed = self._elapsed() - self._at
        by_system = (self._system.now() - self._system_then).total_seconds()
        return (
            not self._measured
            or self._is_expired
            or passed > MEASURE_EVERY_S
            or abs(by_system - passed) > _JUMP_S
        )

    async def measure(self, db: Db) -> None:
        """Measure the database's time, using the fastest of several responses. Raises `Unavailable`."""
        known = (self._base, self._at) if self._measured else None
        quickest, stored = float("inf"), dict[str, Any]()
        for _ in range(_ATTEMPTS):
            async with db.reads() as reads:
                asked = self._elapsed()
                row = await reads.row(_READING)
                took = self._elapsed() - asked
            assert row
            stored = row["stored"] or {}
            if took < quickest:
                quickest = took
                self._set(row["now"] + timedelta(seconds=self._elapsed() - asked - took / 2), self._elapsed())
            if took < _CLOSE_ENOUGH_S:
                break
        if known:
            expected = known[0] + timedelta(seconds=self._at - known[1])
        else:
            # a process that has just started knows only what another one recorded
            expected = datetime.fromisoformat(stored["at"]) if stored else self._base
        self._record_set_back(expected - self._base, _moved_by(stored), is_first=known is None)
        self._measured, self._is_expired = True, False
        if abs(self.offset) > TOLERANCE:
            log.warning(
                "this machine's clock differs from the database's, which timers use",
                extra={"ahead_s": round(self.offset.total_seconds(), 1)},
            )

    def _record_set_back(self, set_back_by: timedelta, moved_by: timedelta, *, is_first: bool) -> None:
        is_set_back = set_back_by > TOLERANCE
        if is_first or not (is_set_back or self.set_back_by):
            self._moved_by = moved_by
        if is_set_back:
            self.set_back_by += set_back_by
            log.warning(
                "the database's clock was set back: open pages and queued messages are rescheduled",
                extra={"by_s": round(set_back_by.total_seconds(), 1)},
            )

    async def claim_set_back(self, tx: Tx) -> timedelta:
        """Record the database's time, and return how far to move timers; zero if another process did that.

        The transaction moves them; call `clear_set_back` once it is committed.
        """
        await org_settings.put_once(tx, _SETTING, {})
        stored = await tx.value("select value from setting where key = $1 for update", _SETTING)
        rest = self.set_back_by - (_moved_by(stored) - self._moved_by)
        self._claimed = _moved_by(stored) + (rest if rest > TOLERANCE else timedelta())
        value = {"at": self.now().isoformat(), "set_back_s": self._claimed.total_seconds()}
        await org_settings.put(tx, _SETTING, value)
        return self._claimed - _moved_by(stored)

    def clear_set_back(self) -> None:
        """Forget that the database's clock was set back, because timers and queued messages were moved."""
        self.set_back_by, self._moved_by = timedelta(), self._claimed

    def expire(self) -> None:
        """Let `measure_if_stale` measure again, because another process saw that the clock was set back."""
        self._is_expired = True


def _moved_by(stored: Mapping[str, Any]) -> timedelta:
    return timedelta(seconds=stored.get("set_back_s", 0))


async def measure_if_stale(clock: Clock, db: Db) -> bool:
    """Measure the database's time if needed, and return True if it was; raise `Unavailable` without the database."""
    if not isinstance(clock, DatabaseClock) or not clock.stale():
        return False
    await clock.measure(db)
    return True
