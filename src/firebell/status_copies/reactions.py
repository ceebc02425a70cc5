"""What copies do when something is published."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.status_copies import step_store


async def queue_update(tx: Tx, payload: Mapping[str, Any], now: datetime) -> None:
    """Queue what was published for every copy of its page. Idempotent."""
    page_id, incident_id = payload["status_page_id"], payload["public_incident_id"]
    if await step_store.enqueue(tx, page_id, now, incident_id):
        await tx.wake("status_copies")
