"""What the timers of on-call do."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit import timers
from firebell.kit.db import Tx
from firebell.oncall import queries
from firebell.oncall.checks import store as checks_store
from firebell.oncall.checks.grouping import group_gaps
from firebell.oncall.checks.rules import HORIZON
from firebell.oncall.checks.unreported import unreported
from firebell.oncall.model import ErrorsFound
from firebell.oncall.schedules import changes, store
from firebell.oncall.schedules.changes import ids
from firebell.oncall.swaps import covers, swaps

AT_ONCE = 5
"""So many schedules are checked in one go: a page that comes due meanwhile waits for no more."""


async def run_covers(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """End requests for cover that nobody took."""
    held = await covers.expire(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in held]


async def run_swaps(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """End swaps that nobody accepted."""
    held = await swaps.expire(tx, [int(timer.key) for timer in due_timers], now)
    return [timer for timer in due_timers if int(timer.key) in held]


async def run_clocks(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Compare the time zone data with what schedules were saved with, once a day."""
    await changes.look_at_clocks(tx, now)
    return []


async def run_checks(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Tell of the errors of a few of these schedules that are new, look again tomorrow, and keep the others."""
    here = [int(timer.key) for timer in due_timers[:AT_ONCE]]
    schedules = await store.schedules(tx, here, since=now - HORIZON)
    wrong, told, known = await queries.found_in(tx, schedules, now), await checks_store.told(tx, here), {}
    for schedule in schedules:
        i = int(schedule.id)
        fresh, known[i] = unreported(wrong[i], told[i], now)
        if fresh:
            errors = tuple(
                (f.code, f.message, f.start, ids(f.users)) for f in group_gaps(fresh, schedule.tz, now)
            )
            await tx.emit(ErrorsFound(i, errors), now)
    await checks_store.set_told(tx, here, known)
    tomorrow = now + timedelta(days=1)
    await timers.schedule_many(tx, changes.CHECKS_TIMER, [(str(s.id), tomorrow, 0) for s in schedules])
    return due_timers[AT_ONCE:]


HANDLERS: dict[str, timers.Handler] = {
    changes.CHECKS_TIMER: run_checks,
    changes.CLOCKS_TIMER: run_clocks,
    changes.COVER_TIMER: run_covers,
    changes.SWAP_TIMER: run_swaps,
}
