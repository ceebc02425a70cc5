"""Public updates from a chat: published as if their author had used the composer, with its checks and its undo."""

from dataclasses import replace
from datetime import datetime

from firebell.chat.model import PublicUpdateUndone, PublicUpdateWritten
from firebell.comms import actions, queries, store
from firebell.comms.tone.model import ReaderKind
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.status_pages.model import Stage


async def publish_written(tx: Tx, event: PublicUpdateWritten, now: datetime) -> None:
    """Publish what someone wrote on the status pages that the composer suggests, with what it suggests besides.

    Raise `Conflict` if someone has a draft or no status page shows the incident, and whatever the composer refuses.
    """
    actor = Actor("person", event.person_name, event.person_id, via=event.via)
    incident = await incidents.locked(tx, event.incident_id)
    shown = await queries.composition(tx, incident, event.public_url, event.tz, now)
    if shown.draft is not None:
        raise Conflict(
            f"{shown.draft.author} saved a draft.", hint=f"Finish it at /incidents/{incident.ref}/comms."
        )
    public = [each for each in shown.destinations if each.reader is ReaderKind.PUBLIC]
    chosen = [each.key for each in public if each.is_suggested and not each.refusal]
    if not chosen:
        reasons = [each.refusal for each in public if each.refusal]
        raise Conflict(
            f"No status page shows {incident.ref}.",
            hint=reasons[0] if reasons else f"Choose one at /incidents/{incident.ref}/comms.",
        )
    if not event.text.strip():
        raise Invalid("The text is empty.", fields={"text": "Enter what customers should know."})
    is_over = shown.content.stage == Stage.RESOLVED
    content = replace(
        shown.content,
        bodies={ReaderKind.PUBLIC: event.text},
        targets=tuple(chosen),
        next_update_at=None if is_over else shown.content.next_update_at,
        eta_at=None if is_over else shown.content.eta_at,
    )
    await actions.publish(tx, actor, incident.id, content, shown.revision, now)


async def undo_published(tx: Tx, event: PublicUpdateUndone, now: datetime) -> None:
    """Take back the latest post about an incident if this person published it moments ago."""
    actor = Actor("person", event.person_name, event.person_id, via=event.via)
    [*listed] = await store.posts(tx, event.incident_id, 1)
    if not listed:
        raise Conflict("Nothing was published about this incident.")
    if listed[0].author_id != event.person_id:
        raise Conflict(
            f"{listed[0].author} published the latest update.", hint="Publish a correction instead."
        )
    await actions.recall_own(tx, actor, listed[0].id, now)
