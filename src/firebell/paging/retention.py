"""The daily timer that deletes used links and mail threads after their use."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.notify import actions as notify
from firebell.paging import retention_store

PRUNE = "paging.prune"
USED_LINK_RETENTION = timedelta(days=7)
"""Longer than a link or an action that a browser kept can be used: 24 hours and 30 minutes."""
MAIL_THREAD_RETENTION = timedelta(days=30)
"""Age of a page's end from which no email joins its conversation."""


async def run_prune(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
    """Delete in batches, a second apart, until none are left; then run again after a day."""
    more_links = await retention_store.prune_used_links(tx, now - USED_LINK_RETENTION)
    threads = await retention_store.ended_mail_threads(tx, now - MAIL_THREAD_RETENTION)
    await notify.forget_mail_threads(tx, threads)
    more_threads = len(threads) == retention_store.PRUNE_ROWS
    await timers.schedule_daily(tx, PRUNE, now, more=more_links or more_threads)
    return ()


HANDLERS: dict[str, timers.Handler] = {PRUNE: run_prune}
