"""The one draft of an incident, and how a second writer learns of the first."""

from datetime import datetime

from firebell.comms import approval_rules, store
from firebell.comms.content import cleaned
from firebell.comms.model import CommsPost, PostContent, PostState
from firebell.comms.publication_queries import public_state, publications
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


async def revision_of(tx: Tx, incident: Incident, now: datetime) -> int:
    """Return the number of what was saved and published about an incident, which the next writer has read."""
    return await store.last_seq(tx, incident.id) + public_state(await publications(tx, incident, now)).updates


async def check_revision(tx: Tx, incident: Incident, revision: int, now: datetime) -> None:
    """Raise `Conflict` if someone saved or published about an incident since `revision`; it must be locked."""
    if revision == await revision_of(tx, incident, now):
        return
    latest = await store.latest(tx, incident.id)
    is_draft = latest is not None and latest.state is PostState.DRAFT
    verb = "saved a draft" if is_draft else "published"
    raise Conflict(
        f"{latest.author if latest else 'Someone'} {verb} since you began.",
        hint="Read it, combine the two, and send yours again.",
    )


@permits(Verb.INCIDENT_UPDATE)
async def save_draft(
    tx: Tx, actor: Actor, incident_id: int, content: PostContent, revision: int, now: datetime
) -> CommsPost:
    """Save the one draft of an incident; raise `Conflict` if someone saved or published since `revision`."""
    incident = await incidents.locked(tx, incident_id)
    content = cleaned(content)
    await check_revision(tx, incident, revision, now)
    return await insert_draft(tx, actor.person_id, actor.label, incident, content, now)


async def insert_draft(
    tx: Tx, author_id: int | None, author: str, incident: Incident, content: PostContent, now: datetime
) -> CommsPost:
    """Replace the draft of an incident; open browsers are refreshed."""
    seq = await store.last_seq(tx, incident.id) + 1
    await store.delete_draft(tx, incident.id)
    body_sha256 = approval_rules.content_hash(content)
    post_id = await store.insert_post(
        tx, incident.id, seq, PostState.DRAFT, author_id, author, content, body_sha256, (), now
    )
    await tx.live(f"inc-{incident.id}")
    draft = await store.post(tx, post_id)
    assert draft
    return draft
