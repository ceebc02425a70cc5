"""Publishing on status pages from a chat: the slice above that owns the composer does it, in the same transaction."""

from datetime import datetime

from firebell.chat.commands import plain
from firebell.chat.incident_queries import visible_incident
from firebell.chat.intents import PublishUpdate, UnpublishUpdate
from firebell.chat.model import PublicUpdateUndone, PublicUpdateWritten
from firebell.chat.reply_model import Reply, ReplyButton
from firebell.chat.scene import Scene
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx

ENTRY_KIND = "public"
"""The kind of the timeline entries about what was published."""
UNDO_SECONDS = 30


async def publish(tx: Tx, scene: Scene, intent: PublishUpdate, now: datetime) -> Reply:
    """Publish an update, or ask for its approval; the answer says which."""
    incident = await visible_incident(tx, scene, intent.incident)
    assert scene.person is not None
    before = await _published(tx, incident.id)
    event = PublicUpdateWritten(
        incident.id,
        plain(intent.text),
        scene.person.id,
        scene.person.name,
        scene.tz,
        scene.public_url,
        scene.actor.via,
    )
    await tx.emit(event, now)
    buttons = (
        ReplyButton("Undo", UnpublishUpdate(incident.id)),
        ReplyButton("Open", url=scene.url(f"/incidents/{incident.ref}/comms")),
    )
    if await _published(tx, incident.id) == before:
        return Reply("Nothing is published yet: someone has to approve it first.", buttons)
    return Reply(f"Published on status pages. You can undo it for {UNDO_SECONDS} seconds.", buttons)


async def _published(tx: Tx, incident_id: int) -> int:
    """Return the number of entries about what was published."""
    return sum(entry.kind == ENTRY_KIND for entry in await incidents.timeline(tx, incident_id))


async def unpublish(tx: Tx, scene: Scene, intent: UnpublishUpdate, now: datetime) -> Reply:
    """Take back what this person published moments ago."""
    incident = await visible_incident(tx, scene, intent.incident)
    assert scene.person is not None
    event = PublicUpdateUndone(incident.id, scene.person.id, scene.person.name, scene.actor.via)
    await tx.emit(event, now)
    open_ = ReplyButton("Open", url=scene.url(f"/incidents/{incident.ref}/comms"))
    return Reply("Taken back. Your text is the draft of the next update.", (open_,))
