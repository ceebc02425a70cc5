"""The timer of maintenance: one per window, at what is due next."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.timers import Handler, Timer
from firebell.status_pages.maintenance import automatic_changes, transitions
from firebell.status_pages.maintenance_windows import store


async def run_due_windows(tx: Tx, due_timers: Sequence[Timer], now: datetime) -> Sequence[Timer]:
    """Do what is due; return the timers of windows whose status page is locked, to run them again."""
    pages, locked = await store.lock_free_pages(tx, [int(timer.key) for timer in due_timers])
    for timer in due_timers:
        page_id = pages.get(int(timer.key))
        if page_id is not None:
            await automatic_changes.run_due(tx, int(timer.key), page_id, timer.epoch, now)
    return [timer for timer in due_timers if int(timer.key) in locked]


HANDLERS: dict[str, Handler] = {transitions.MAINTENANCE_TIMER: run_due_windows}
