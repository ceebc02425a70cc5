"""Store change events, such as deployments, and list them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.alerts.batches import dedup_and_grouping
from firebell.alerts.batches import store as batch_store
from firebell.alerts.change_events import store as change_event_store
from firebell.alerts.model import ChangeEvent, InboundRequest, NewChangeEvent
from firebell.catalog import actions as catalog
from firebell.kit.db.database import Tx

CHANGES_PER_LIST = 20
CHANGE_LOOKBACK = timedelta(hours=24)
"""Changes this long before a page began are shown with it."""


async def record_change(tx: Tx, received: InboundRequest, change: NewChangeEvent, now: datetime) -> None:
    """Store a change event and its request; a redelivered change is stored once."""
    await catalog.lock_services(tx, [received.service_id])
    await batch_store.insert_messages(tx, [received], now)
    digest = hashlib.sha256(received.body).digest()
    if await change_event_store.insert_change(
        tx, received, change, digest, now, dedup_and_grouping.LATE_WINDOW
    ):
        await tx.live("pages")


async def changes(
    tx: Tx,
    service_ids: Sequence[int] | None,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = CHANGES_PER_LIST,
) -> list[ChangeEvent]:
    """Return the changes of these services, or of all, within `[since, until]`, newest first."""
    return await change_event_store.changes(tx, service_ids, since, until, before, limit)


async def changes_before(tx: Tx, service_id: int | None, began_at: datetime) -> list[ChangeEvent]:
    """Return the changes of a service in the 24 hours before `began_at`, newest first."""
    if service_id is None:
        return []
    return await changes(tx, [service_id], since=began_at - CHANGE_LOOKBACK, until=began_at)
