"""What chats do when an incident changes: it is compared with them again, in a lane of its own."""

from datetime import datetime
from typing import Any

from firebell.chat.mirror import comparison_queue_store
from firebell.chat.mirror.plan import first_rank
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx

VISIBILITY_KIND = "type"
"""The kind of timeline entries about who can see an incident."""


async def mirror_incident(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Queue a new comparison of an incident with every chat; nothing is called here.

    A page itself doesn't change when its incident becomes or is private, but its message is removed.
    """
    incident_id = int(payload["incident_id"])
    by_id = await incidents.incidents_by_id(tx, [incident_id])
    if incident_id in by_id:
        await comparison_queue_store.want(
            tx, f"inc-{incident_id}", first_rank(by_id[incident_id].severity), now
        )
        is_private = by_id[incident_id].is_private
        if is_private or payload.get("kind") == VISIBILITY_KIND:
            # don't announce a resolved page again
            await comparison_queue_store.want_pages_of(tx, incident_id, now, only_open=not is_private)
        await tx.wake("chat")
