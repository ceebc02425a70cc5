"""The update in the timeline of the incident, which its chat room and the announcements repeat."""

from collections.abc import Sequence
from datetime import datetime

from firebell.comms.target import Destination, PostTarget, Reference, Sending
from firebell.comms.tone.model import ReaderKind
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, Phase
from firebell.kit import public_markdown
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.people.action_permissions import internal

KIND = "timeline"
RECALL_REASON = "Recalled by its author."


async def _destinations(tx: Tx, incident: Incident, now: datetime) -> Sequence[Destination]:
    return [
        Destination(
            KIND,
            "Room and chat",
            "Timeline, chat room and announcements",
            ReaderKind.INTERNAL,
            is_suggested=incident.phase is not Phase.DISMISSED,
            is_first=incident.last_update_at is None,
        )
    ]


@internal("Part of publishing a post.")
async def _send(tx: Tx, actor: Actor, sending: Sending, now: datetime) -> Reference:
    """Add the entry as plain text, which the timeline and chats show as it is."""
    text = public_markdown.to_plain(sending.body) or sending.body
    data = {"post": sending.key}
    entry_id = await incidents.add_entry(tx, actor, sending.incident.id, "update", text, now, data=data)
    return {"entry": entry_id}


@internal("Part of recalling a post.")
async def _recall(tx: Tx, actor: Actor, incident: Incident, reference: Reference, now: datetime) -> None:
    await incidents.strike_entry(tx, actor, incident.id, reference["entry"], RECALL_REASON, now)


TARGET = PostTarget(KIND, False, _destinations, _send, _recall)
