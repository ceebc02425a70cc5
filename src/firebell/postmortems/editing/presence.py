"""Who writes in which section. Advisory: nothing is locked."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import NotFound
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems.document import sections
from firebell.postmortems.editing import presence_store
from firebell.postmortems.editing.saving import live_topic
from firebell.postmortems.model import Postmortem, Presence

PRESENT_FOR = timedelta(seconds=60)


@permits(Verb.POSTMORTEM_WRITE)
async def note_presence(tx: Tx, actor: Actor, incident_id: int, section: str, now: datetime) -> None:
    """Note that a person writes in a section for the next minute; an empty section means that the person left."""
    postmortem = await lookup.of_incident(tx, incident_id)
    if actor.person_id is None:
        return
    if section and sections.by_slug(sections.split(postmortem.body), section) is None:
        raise NotFound(f"The post-mortem of {postmortem.ref} has no section {section}.")
    if section:
        moved = await presence_store.note(tx, postmortem.id, actor.person_id, section, now)
    else:
        moved = await presence_store.leave(tx, postmortem.id, actor.person_id)
    if moved:
        await tx.live(live_topic(postmortem))


async def present(tx: Tx, postmortem: Postmortem, now: datetime) -> list[Presence]:
    """Return who writes in a document now."""
    return await presence_store.present(tx, postmortem.id, now - PRESENT_FOR)
