"""Stores each change of state in its transaction, as long as there is an endpoint (decision 0097)."""

from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.kit.db.events import payload
from firebell.paging.model import PagesChanged
from firebell.webhooks import change_store
from firebell.webhooks.event_types import PAGE_TYPES

LANE = "webhooks"


async def record(tx: Tx, event: Any, now: datetime) -> None:
    """Store an event of another slice with its instant."""
    await _store(tx, type(event).__name__, payload(event), now)


async def record_pages(tx: Tx, event: PagesChanged, now: datetime) -> None:
    """Store what happened to pages, one row for a batch; other entries of their logs are no changes of state."""
    changes = [change for change in event.changes if change[1] in PAGE_TYPES]
    if changes:
        await _store(tx, type(event).__name__, {"changes": changes}, now)


async def _store(tx: Tx, kind: str, data: dict[str, Any], now: datetime) -> None:
    if await change_store.insert(tx, kind, data, now):
        await tx.wake(LANE)
