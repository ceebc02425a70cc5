"""Reschedules timers and queued messages when the database's clock is set back (decision 0108)."""

from firebell.kit.db.database import Db
from firebell.kit.db.database_clock import DatabaseClock, measure_if_stale
from firebell.kit.db.migrate import fence
from firebell.notify import actions as notify
from firebell.paging import actions as paging

WAKE = "clock"
"""The message of `WORK_CHANNEL` after which each worker measures the database's time again."""


async def reschedule_if_set_back(db: Db, clock: DatabaseClock) -> None:
    """Measure the database's time if needed.

    If it was set back, make open pages and queued messages due earlier by the same amount; only one process does this.
    """
    if not await measure_if_stale(clock, db) and not clock.set_back_by:
        return
    async with db.tx() as tx:
        await fence(tx)
        moved_by = await clock.claim_set_back(tx)
        if moved_by:
            now = clock.now()
            await paging.move_timers(tx, moved_by, now)
            await notify.move_deliveries(tx, moved_by, now)
            for what in (WAKE, "due", "send"):
                await tx.wake(what)
    clock.clear_set_back()
