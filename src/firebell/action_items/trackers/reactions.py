"""What trackers do when an item is added or changed here."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firebell.action_items import store as item_store
from firebell.action_items.trackers import actions, link_store
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM


async def queue_sync(tx: Tx, payload: Mapping[str, Any], now: datetime) -> None:
    """Sync an item that changed, except with the tracker that the change comes from; link a new one. Idempotent."""
    item_id, via = payload["item_id"], payload["via"]
    if "added" in payload["fields"].split(","):
        items = await item_store.lock(tx, [item_id])
        if item_id in items:
            await actions.link_new_item(tx, SYSTEM, items[item_id], now)
    source = via.removeprefix("tracker:")
    source_id = int(source) if source != via and source.isdecimal() else None
    if await link_store.mark_changed(tx, item_id, source_id, now):
        await tx.wake(actions.LANE)
