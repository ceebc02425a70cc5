"""Publishing on status pages from a chat: the slice above that owns the composer does it, in the same transaction."""

from datetime import datetime

from firebell.chat.handlers.incident_queries import visible_incident
from firebell.chat.intents.commands import plain
from firebell.chat.intents.model import PublishUpdate, UnpublishUpdate
from firebell.chat.intents.reply_model import Reply, ReplyButton
from firebell.chat.linked_users.chat_context import ChatContext
from firebell.chat.model import PublicUpdateUndone, PublicUpdateWritten
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx

ENTRY_KIND = "public"
"""The kind of the timeline entries about what was published."""
UNDO_SECONDS = 30


async def publish(tx: Tx, context: ChatContext, intent: PublishUpdate, now: datetime) -> Reply:
    """Publish an update, or ask for its approval; the answer says which."""
    incident = await visible_incident(tx, context, intent.incident)
    assert context.person is not None
    before = await _published(tx, incident.id)
    event = PublicUpdateWritten(
        incident.id,
        plain(intent.text),
        context.person.id,
        context.person.name,
        context.tz,
        context.public_url,
        context.actor.via,
    )
    await tx.emit(event, now)
    buttons = (
        ReplyButton("Undo", UnpublishUpdate(incident.id)),
        ReplyButton("Open", url=context.url(f"/incidents/{incident.ref}/comms")),
    )
    if await _published(tx, incident.id) == before:
        return Reply("Nothing is published yet: someone has to approve it first.", buttons)
    return Reply(f"Published on status pages. You can undo it for {UNDO_SECONDS} seconds.", buttons)


async def _published(tx: Tx, incident_id: int) -> int:
    """Return the number of entries about what was published."""
    return sum(entry.kind == ENTRY_KIND for entry in await incidents.timeline(tx, incident_id))


async def unpublish(tx: Tx, context: ChatContext, intent: UnpublishUpdate, now: datetime) -> Reply:
    """Take back what this person published moments ago."""
    incident = await visible_incident(tx, context, intent.incident)
    assert context.person is not None
    event = PublicUpdateUndone(incident.id, context.person.id, context.person.name, context.actor.via)
    await tx.emit(event, now)
    open_ = ReplyButton("Open", url=context.url(f"/incidents/{incident.ref}/comms"))
    return Reply("Taken back. Your text is the draft of the next update.", (open_,))
