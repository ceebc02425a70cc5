"""Uses the database's time as this process's clock, because processes share timers."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.clock import Clock, SystemClock
from firebell.kit.db import org_settings
from firebell.kit.db.database import Db, Reads, Tx
from firebell.kit.errors import Unavailable
from firebell.kit.intervals import Interval

log = logging.getLogger(__name__)

MEASURE_EVERY_S = 60.0
TOLERANCE = timedelta(seconds=5)
"""How far two clocks may differ before it is reported; later times were written before a clock was set back."""
_JUMP_S = 1.0
_ATTEMPTS, _CLOSE_ENOUGH_S = 3, 0.1
_LATE_WRITES_END = timedelta(minutes=10)
"""How long after a set-back rows with the old time may still be committed; far longer than any transaction."""
_SETTING = "database_clock"
"""The time of the last measurement, the total seconds that the clock was set back, and the last gap."""
_GAP_AFTER = timedelta(minutes=5)
"""The time without a measurement that counts as a gap: no process ran, or a backup was restored."""
_GAP_MATTERS = timedelta(days=7)
"""How long after a gap people may still answer messages sent during it."""
_READING = """
    select
        clock_timestamp() as now,
        (select value from setting where key = $1) as stored
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """What the database's clock showed, at most `error_s` seconds wrong, at `at` monotonic seconds."""

    now: datetime
    at: float
    error_s: float


@dataclass(frozen=True, slots=True)
class SetBack:
    """By how much to move what waits: all of it by `moved_by`, or rows written with a future time by `written_by`."""

    moved_by: timedelta = timedelta()
    written_by: timedelta = timedelta()


def set_back_between(before: Reading, after: Reading) -> timedelta | None:
    """Return by how much a clock was set back between two readings; 0 for less than they can prove.

    Return None if it may be more than `TOLERANCE`, and a more exact second reading can tell.
    """
    difference = before.now + timedelta(seconds=after.at - before.at) - after.now
    if difference <= TOLERANCE:
        return timedelta()
    error = timedelta(seconds=before.error_s + after.error_s)
    if difference > TOLERANCE + error:
        return difference
    return None if after.error_s > _CLOSE_ENOUGH_S else timedelta()


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
        self._set(Reading(self._system.now(), self._elapsed(), 0))

    def _set(self, reading: Reading) -> None:
        self._reading = reading
        self._system_then = self._system.now() - timedelta(seconds=self._elapsed() - reading.at)

    def now(self) -> datetime:
        return self._reading.now + timedelta(seconds=self._elapsed() - self._reading.at)

    def check(self, now: datetime, database: datetime) -> None:
        if now - database > TOLERANCE:
            self.expire()
            raise Unavailable("The database's clock was set back. Try again in a few seconds.")

    @property
    def offset(self) -> timedelta:
        """How far this machine's clock was ahead of the database's at the last measurement."""
        return self._system_then - self._reading.now

    @property
    def problem(self) -> str:
        """What is wrong with this machine's clock; empty if it is close enough to the database's."""
        if abs(self.offset) <= TOLERANCE:
            return ""
        ahead_s = self.offset.total_seconds()
        direction = "ahead of" if ahead_s > 0 else "behind"
        return f"The machine’s clock is {abs(ahead_s):.1f} s {direction} the database’s, which Firebell uses."

    def stale(self) -> bool:
        """True if no recent measurement exists or the system clock jumped: measure before claiming a timer."""
        passed = self._elapsed() - self._reading.at
        by_system = (self._system.now() - self._system_then).total_seconds()
        return (
            not self._measured
            or self._is_expired
            or passed > MEASURE_EVERY_S
            or abs(by_system - passed) > _JUMP_S
        )

    async def measure(self, db: Db) -> None:
        """Measure the database's time, using the fastest of several responses. Raises `Unavailable`.

        The earlier measurement stays if the responses are too slow to tell whether the clock was set back.
        """
        reading, stored = await self._read(db)
        if self._measured:
            before = self._reading
        elif stored:
            # a process that has just started knows only what another one recorded
            before = Reading(datetime.fromisoformat(stored["at"]), reading.at, 0)
        else:
            before = reading
        set_back_by = set_back_between(before, reading)
        if set_back_by is None and self._measured:
            self._is_expired = True
            log.warning("the database is too slow to measure its clock", extra={"error_s": reading.error_s})
            return
        # at once, so that nothing acts by the new time before what waits is moved
        self._set(reading)
        self._record_set_back(set_back_by or timedelta(), _moved_by(stored), is_first=not self._measured)
        self._measured, self._is_expired = True, False
        if abs(self.offset) > TOLERANCE:
            log.warning(
                "this machine's clock differs from the database's, which timers use",
                extra={"ahead_s": round(self.offset.total_seconds(), 1)},
            )

    async def _read(self, db: Db) -> tuple[Reading, Mapping[str, Any]]:
        """Return the most exact of several readings, and what is stored about the clock."""
        best: Reading | None = None
        stored = dict[str, Any]()
        for _ in range(_ATTEMPTS):
            async with db.reads() as reads:
                asked = self._elapsed()
                row = await reads.row(_READING, _SETTING)
                error_s = (self._elapsed() - asked) / 2
            assert row
            stored = row["stored"] or {}
            if best is None or error_s < best.error_s:
                best = Reading(row["now"], asked + error_s, error_s)
            if 2 * error_s < _CLOSE_ENOUGH_S:
                break
        assert best
        return best, stored

    def _record_set_back(self, set_back_by: timedelta, moved_by: timedelta, *, is_first: bool) -> None:
        is_set_back = bool(set_back_by)
        if is_first or not (is_set_back or self.set_back_by):
            self._moved_by = moved_by
        if is_set_back:
            self.set_back_by += set_back_by
            log.warning(
                "the database's clock was set back: open pages and queued messages are rescheduled",
                extra={"by_s": round(set_back_by.total_seconds(), 1)},
            )

    async def claim_set_back(self, tx: Tx) -> SetBack:
        """Record the database's time, and return by how much to move what waits; zero if another process did that.

        The transaction moves them; call `clear_set_back` once it is committed.
        """
        now = self.now()
        await org_settings.put_once(tx, _SETTING, {})
        stored = await tx.value("select value from setting where key = $1 for update", _SETTING)
        rest = self.set_back_by - (_moved_by(stored) - self._moved_by)
        self._claimed = _moved_by(stored) + (rest if rest > TOLERANCE else timedelta())
        moved_by = self._claimed - _moved_by(stored)
        last = {key: stored[key] for key in ("moved_at", "moved_by_s") if key in stored}
        if moved_by:
            last = {"moved_at": now.isoformat(), "moved_by_s": moved_by.total_seconds()}
        value = {"at": now.isoformat(), "set_back_s": self._claimed.total_seconds(), **last}
        value |= _gap(stored, now)
        await org_settings.put(tx, _SETTING, value)
        return SetBack(moved_by, _late_by(last, now))

    def clear_set_back(self) -> None:
        """Forget that the database's clock was set back, because timers and queued messages were moved."""
        self.set_back_by, self._moved_by = timedelta(), self._claimed

    def expire(self) -> None:
        """Let `measure_if_stale` measure again, because another process saw that the clock was set back."""
        self._is_expired = True


def _gap(stored: Mapping[str, Any], now: datetime) -> dict[str, str]:
    """Return the last gap as stored values, or an empty dict if there was none."""
    if "at" in stored and now - datetime.fromisoformat(stored["at"]) > _GAP_AFTER:
        return {"gap_from": stored["at"], "gap_until": now.isoformat()}
    return {key: stored[key] for key in ("gap_from", "gap_until") if key in stored}


async def last_gap(tx: Reads, now: datetime) -> Interval | None:
    """Return the interval whose rows may be missing because an old backup was restored within `_GAP_MATTERS`.

    None if there is none. A backup doesn't say that it was restored, so any interval in which nothing ran counts.
    """
    gap = _gap(await org_settings.get(tx, _SETTING, {}), now)
    if not gap:
        return None
    start, end = (datetime.fromisoformat(gap[key]) for key in ("gap_from", "gap_until"))
    return Interval(start, end) if now - end <= _GAP_MATTERS else None


def _moved_by(stored: Mapping[str, Any]) -> timedelta:
    return timedelta(seconds=stored.get("set_back_s", 0))


def _late_by(last: Mapping[str, Any], now: datetime) -> timedelta:
    """Return how far the clock was ahead before the last set-back; zero once no more rows can have that time."""
    if not last or abs(now - datetime.fromisoformat(last["moved_at"])) > _LATE_WRITES_END:
        return timedelta()
    return timedelta(seconds=last["moved_by_s"])


async def measure_if_stale(clock: Clock, db: Db) -> bool:
    """Measure the database's time if needed, and return True if so; raise `Unavailable` without the database."""
    if not isinstance(clock, DatabaseClock) or not clock.stale():
        return False
    await clock.measure(db)
    return True
