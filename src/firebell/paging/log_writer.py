"""The only place that starts pages and writes their logs; what changed is emitted, one event for a batch."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.paging import store
from firebell.paging.model import TIMER, NewLogEntry, NewPage, PagesChanged


async def start_pages(tx: Tx, new_pages: Sequence[NewPage], now: datetime) -> list[int]:
    """Start pages, each with a timer and a log entry, and wake their lane.

    Return the ids of those that had no open page.
    """
    page_ids, is_awaited = await store.start_pages(tx, TIMER, new_pages, now)
    if page_ids:
        await tx.wake(timers.Scheduled(TIMER).text)
    if page_ids and is_awaited:
        by = new_pages[0].actor
        await tx.emit(PagesChanged(tuple((page_id, "triggered", by, {}) for page_id in page_ids)), now)
    return page_ids


async def add_log(tx: Tx, entries: Sequence[NewLogEntry], now: datetime) -> None:
    """Append entries to the logs of pages."""
    if entries and await store.add_log(tx, entries, now):
        await tx.emit(PagesChanged(tuple((e.page_id, e.kind, e.actor, e.data) for e in entries)), now)
