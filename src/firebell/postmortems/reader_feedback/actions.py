"""Say whether a published post-mortem was useful."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems.reader_feedback import store
from firebell.postmortems.reader_feedback.store import Readership


@permits(Verb.POSTMORTEM_RATE)
async def rate(tx: Tx, actor: Actor, incident_id: int, is_useful: bool, now: datetime) -> Readership:
    """Store whether a published document was useful, instead of an earlier answer of the same person. Idempotent."""
    postmortem = await lookup.of_incident(tx, incident_id)
    if postmortem.published_version is None:
        raise Conflict(
            f"The post-mortem of {postmortem.ref} is not published.",
            hint="Comment on its text instead.",
        )
    if actor.person_id is None:
        raise Forbidden("Only a person can say whether it was useful.", hint="Sign in to answer.")
    before = await store.readership(tx, postmortem.id, actor.person_id)
    if before.mine is is_useful:
        return before
    await store.answer(tx, postmortem.id, actor.person_id, is_useful, now)
    await tx.audit(actor, "postmortem.rated", postmortem.ref, now)
    await tx.live(f"pm-{postmortem.id}")
    return await store.readership(tx, postmortem.id, actor.person_id)
