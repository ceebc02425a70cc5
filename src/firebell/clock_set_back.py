"""Moves what waits for an instant when the database's clock is set back, so that no page is late (decision 0108)."""

from firebell.kit.db.database import Db
from firebell.kit.db.database_clock import DatabaseClock, agree
from firebell.kit.db.migrate import fence
from firebell.notify import actions as notify
from firebell.paging import actions as paging

WAKE = "clock"
"""The message of `WORK_CHANNEL` after which each worker measures the database's time again."""


async def follow(db: Db, clock: DatabaseClock) -> None:
    """Measure the database's time if needed; if it was set back, move open pages and their messages by as much.

    One of all processes moves them, once: what a clock that was ahead scheduled is due too late by the right one.
    """
    if not await agree(clock, db) and not clock.set_back_by:
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
    clock.settle()
