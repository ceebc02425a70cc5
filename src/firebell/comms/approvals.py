"""Approvals of posts: who is asked, and what they answer."""

from collections.abc import Sequence
from datetime import datetime

from firebell.comms import asking, drafts, sending, store
from firebell.comms.model import ApproverAnswer, CommsPost, PostState
from firebell.comms.target import Destination
from firebell.incidents import actions as incidents
from firebell.incidents.model import EntryAdded, Incident
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import clean_text
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb

NOTE_MAX_CHARS = 1000
TYPE_ENTRY = "type"
"""The kind of the timeline entry after which other rules may apply."""


async def ask(
    tx: Tx, incident: Incident, one: CommsPost, listed: Sequence[Destination], now: datetime
) -> None:
    """Ask for the approvals that a post to these destinations needs, by notification."""
    by_reader = await sending.rules_by_reader(tx, incident, one.content, listed)
    rules = {rule.id: rule for matched in by_reader.values() for rule in matched}
    await asking.ask(tx, incident, one, rules.values(), now)


async def check_waiting(tx: Tx, event: EntryAdded, now: datetime) -> None:
    """Decide again about the posts that wait once the type of their incident has changed."""
    if event.kind == TYPE_ENTRY:
        waiting = await store.waiting_posts(tx, event.incident_id)
        await timers.schedule_many(tx, sending.APPROVAL_TIMER, [(str(one.id), now, 0) for one in waiting])


@permits(Verb.INCIDENT_READ)
async def answer(
    tx: Tx,
    actor: Actor,
    post_id: int,
    answered: ApproverAnswer,
    body_sha256: str,
    note: str,
    now: datetime,
) -> CommsPost:
    """Approve a post, or ask for changes, as someone who was asked; raise `Conflict` for another text than was read."""
    one = await sending.post(tx, post_id)
    with private_reader.as_reader(None if one.asks(actor.person_id) else private_reader.reader()):
        return await _answer(tx, actor, one, answered, body_sha256, note, now)


async def _answer(
    tx: Tx,
    actor: Actor,
    one: CommsPost,
    answered: ApproverAnswer,
    body_sha256: str,
    note: str,
    now: datetime,
) -> CommsPost:
    incident = await incidents.locked(tx, one.incident_id)
    one = await sending.post(tx, one.id)
    own = [each for each in one.approvals if actor.person_id in each.asked_ids]
    if not own or actor.person_id == one.author_id:
        raise NotFound("No one asked you to approve this.", hint="The author never approves.")
    if one.state is not PostState.WAITING:
        raise Conflict("This approval is no longer needed.", hint="Reload the page to see its status.")
    if body_sha256 != one.body_sha256:
        raise Conflict("The text changed since you read it.", hint="Read it again, then answer.")
    note = clean_text(note, NOTE_MAX_CHARS)
    await store.set_answer(
        tx, [each.id for each in own], answered, actor.person_id, actor.label, body_sha256, note, now
    )
    await tx.audit(
        actor,
        "comms.approved" if answered is ApproverAnswer.APPROVED else "comms.changes_requested",
        f"comms_post:{one.id}",
        now,
        incident=incident.ref,
        note=note,
    )
    one = await sending.continue_post(tx, sending.author_of(one), incident, one.id, now)
    if answered is ApproverAnswer.CHANGES:
        await _return(tx, actor, incident, one, note, now)
    return one


async def _return(tx: Tx, actor: Actor, incident: Incident, one: CommsPost, note: str, now: datetime) -> None:
    """Give a post back to its author as the draft, unless someone began another one."""
    await timers.cancel(tx, sending.APPROVAL_TIMER, str(one.id))
    if await store.draft(tx, incident.id) is None:
        await drafts.insert_draft(tx, one.author_id, one.author, incident, one.content, now)
    if one.author_id is not None:
        notice = Notice(
            key=f"comms-changes:{one.id}",
            person_id=one.author_id,
            kind="changes",
            title=f"{incident.marked_ref}: {actor.label} asks for changes to your update",
            note=note or "Change the draft and publish it again.",
            link=f"/incidents/{incident.ref}/comms",
            urgency="high" if incident.severity == 0 else "low",
        )
        await notify.send_notices(tx, [notice], now)


@permits(Verb.INCIDENT_UPDATE)
async def ask_again(tx: Tx, actor: Actor, post_id: int, now: datetime) -> CommsPost:
    """Notify those who have not answered about a post once more; no deadline moves."""
    one = await sending.post(tx, post_id)
    incident = await incidents.incident(tx, one.incident_id)
    if one.state is not PostState.WAITING:
        raise Conflict("This approval is no longer needed.", hint="Reload the page to see its status.")
    waiting = {person for each in one.approvals if each.answer is None for person in each.asked_ids}
    await asking.notify_approvers(tx, incident, one, sorted(waiting), now)
    await tx.audit(actor, "comms.asked_again", f"comms_post:{post_id}", now, incident=incident.ref)
    return one
