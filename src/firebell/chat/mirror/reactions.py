"""What chats do when an incident changes: it is compared with them again, in a lane of its own."""

from datetime import datetime
from typing import Any

from firebell.chat.mirror import comparison_queue_store
from firebell.chat.mirror.plan import first_rank
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx


async def mirror_incident(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Compare an incident with every chat again; nothing is called here."""
    incident_id = int(payload["incident_id"])
    by_id = await incidents.incidents_by_id(tx, [incident_id])
    if incident_id in by_id:
        await comparison_queue_store.want(
            tx, f"inc-{incident_id}", first_rank(by_id[incident_id].severity), now
        )
        await tx.wake("chat")
