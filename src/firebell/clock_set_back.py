"""Reschedules timers and queued messages when the database's clock is set back (decision 0108)."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Db, Tx
from firebell.kit.db.database_clock import DatabaseClock, measure_if_stale
from firebell.kit.db.migrate import fence, fence_alone
from firebell.kit.jobs import outbox, timers
from firebell.notify import actions as notify
from firebell.paging import actions as paging
from firebell.replies import answer_fetching

WAKE = "clock"
"""The message of `WORK_CHANNEL` after which each worker measures the database's time again."""


async def reschedule_if_set_back(db: Db, clock: DatabaseClock) -> None:
    """Measure the database's time if needed, and reschedule what waits if its clock was set back.

    If the clock was set back, everything that the old time scheduled is due too late: one process moves it earlier,
    once. Meanwhile no transaction claims work, and afterward none passes its fence with the old time. Rows that were
    written with the old time after the move are moved at the next measurement.
    """
    if not await measure_if_stale(clock, db) and not clock.set_back_by:
        return
    async with db.tx() as tx:
        # a process that has seen no set-back moves only single rows, and holds up no lane
        await (fence_alone(tx) if clock.set_back_by else fence(tx))
        set_back, now = await clock.claim_set_back(tx), clock.now()
        if set_back.moved_by:
            await _advance(tx, set_back.moved_by, now, only_after_now=False)
            await tx.wake(WAKE)
        elif set_back.written_by:
            await _advance(tx, set_back.written_by, now, only_after_now=True)
    clock.clear_set_back()


async def _advance(tx: Tx, by: timedelta, now: datetime, *, only_after_now: bool) -> None:
    await paging.advance_by(tx, by, now, only_after_now=only_after_now)
    await notify.advance_deliveries(tx, by, now, only_after_now=only_after_now)
    await outbox.advance_by(tx, by, now, only_after_now=only_after_now)
    await answer_fetching.limit_leases(tx, now)
    for what in (timers.WAKE_ALL, "send", "outbox"):
        await tx.wake(what)
