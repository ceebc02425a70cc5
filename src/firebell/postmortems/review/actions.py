"""Ask for a review, approve a version or want changes, and withdraw a document."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid
from firebell.kit.text import clean_text, required_text
from firebell.notify import actions as notify
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.action_permissions import permits, rights_of
from firebell.people.model import Role
from firebell.people.permissions import Rights, Verb
from firebell.postmortems import lookup, store
from firebell.postmortems.editing.saving import live_topic
from firebell.postmortems.model import Postmortem, Verdict
from firebell.postmortems.review import queries, rules
from firebell.postmortems.review import store as review_store

REVIEW_SUBJECT = "postmortem_review"
"""The kind of subject of a message that asks for a review; its id is that of the post-mortem."""
NOTE_MAX_CHARS = 2_000
REASON_MAX_CHARS = 500
REVIEWERS_MAX = 10


@permits(Verb.POSTMORTEM_WRITE)
async def ask_for_review(
    tx: Tx, actor: Actor, incident_id: int, reviewer_ids: Sequence[int], now: datetime
) -> Postmortem:
    """Ask for a review of the current version, of these people; they get a message. Idempotent.

    Raise `Invalid` for someone who wrote part of it, who has left, or who may not read a private incident.
    """
    postmortem = await lookup.locked(tx, incident_id)
    if postmortem.stage not in ("draft", "review"):
        raise Conflict(
            f"The post-mortem of {postmortem.ref} is {postmortem.stage}.", hint="Edit it to change it."
        )
    ids = list(dict.fromkeys(reviewer_ids))
    if len(ids) > REVIEWERS_MAX:
        raise Invalid("Ask fewer people.", fields={"reviewers": f"Ask at most {REVIEWERS_MAX} people."})
    await _check_reviewers(tx, postmortem, ids)
    new_ids = await review_store.set_reviewers(tx, postmortem.id, ids, now)
    if postmortem.stage == "draft":
        await store.set_review(tx, postmortem.id, postmortem.version, None)
        await tx.audit(
            *(actor, "postmortem.review_asked", postmortem.ref, now),
            version=postmortem.version,
            reviewers=ids,
        )
        new_ids = ids
    recipients = [person_id for person_id in new_ids if person_id != actor.person_id]
    await notify.send_about(tx, REVIEW_SUBJECT, {postmortem.id: recipients}, now)
    await _refresh(tx, postmortem)
    return await lookup.of_incident(tx, incident_id)


async def _check_reviewers(tx: Tx, postmortem: Postmortem, ids: Sequence[int]) -> None:
    if not ids:
        return
    about = await lookup.incidents_of(tx, postmortem)
    parties = await queries.parties(tx, postmortem)
    by_id = await people.people_by_id(tx, ids)
    readers = {person.id for person in await incidents.readers_among(tx, about, list(by_id.values()))}
    for person_id in ids:
        person = by_id.get(person_id)
        if person is None:
            raise Invalid(f"There is no person {person_id}.", fields={"reviewers": "Choose someone else."})
        may_approve = permissions.allows(Rights(Role(person.role)), Verb.POSTMORTEM_PUBLISH)
        if not person.active:
            problem = "has left"
        elif not may_approve:
            problem = "is a viewer, and viewers can’t approve"
        elif parties.wrote(person_id) and not parties.may_override:
            problem = "wrote part of it"
        elif person_id not in readers:
            problem = "may not read this private incident"
        else:
            continue
        raise Invalid(f"{person.name} {problem}.", fields={"reviewers": "Choose someone else."})


@permits(Verb.POSTMORTEM_PUBLISH)
async def approve(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    version: int,
    now: datetime,
    *,
    note: str = "",
    override_reason: str = "",
) -> Postmortem:
    """Approve a version that a review was asked for.

    Raise `Forbidden` for the author and everyone who saved a version, `Conflict` if the text changed meanwhile. In an
    organization of fewer than three active people a writer may approve, with a reason that becomes a finding.
    """
    postmortem = await _in_review(tx, incident_id, version)
    parties = await queries.parties(tx, postmortem)
    reason = clean_text(override_reason, REASON_MAX_CHARS, "override_reason")
    if refused := rules.approval_refusal(parties, actor.person_id, reason):
        if parties.may_override and actor.person_id is not None:
            raise Invalid(refused, fields={"override_reason": "Enter the reason."})
        raise Forbidden(refused, hint="Ask someone who saved no version of it.")
    assert actor.person_id
    await review_store.insert(
        tx,
        postmortem.id,
        version,
        Verdict.APPROVE,
        clean_text(note, NOTE_MAX_CHARS, "note"),
        actor.person_id,
        actor.label,
        now,
        override_reason=reason if parties.wrote(actor.person_id) else "",
    )
    await store.set_review(tx, postmortem.id, version, version)
    await tx.audit(actor, "postmortem.approved", postmortem.ref, now, version=version)
    await _refresh(tx, postmortem)
    return await lookup.of_incident(tx, incident_id)


@permits(Verb.POSTMORTEM_PUBLISH)
async def want_changes(
    tx: Tx, actor: Actor, incident_id: int, version: int, note: str, now: datetime
) -> Postmortem:
    """Say what a version needs before it can be approved; it is a draft again."""
    postmortem = await _in_review(tx, incident_id, version)
    text = required_text(note, NOTE_MAX_CHARS, name="note", hint="Enter what should change.")
    if actor.person_id is None:
        raise Forbidden("Only a person can review a post-mortem.")
    await review_store.insert(
        tx, postmortem.id, version, Verdict.CHANGES, text, actor.person_id, actor.label, now
    )
    await store.set_review(tx, postmortem.id, None, None)
    await tx.audit(actor, "postmortem.changes_wanted", postmortem.ref, now, version=version)
    await _refresh(tx, postmortem)
    return await lookup.of_incident(tx, incident_id)


@permits(Verb.POSTMORTEM_PUBLISH)
async def withdraw(tx: Tx, actor: Actor, incident_id: int, reason: str, now: datetime) -> Postmortem:
    """Withdraw a document: the author and a manager do it together, the second one completes it.

    The first call records the request with its reason; the same person again changes only the reason.
    """
    postmortem = await lookup.locked(tx, incident_id)
    if postmortem.state == "withdrawn":
        raise Conflict(f"The post-mortem of {postmortem.ref} is already withdrawn.")
    is_manager = permissions.allows(await rights_of(tx, actor), Verb.INCIDENT_SETTINGS_WRITE)
    sides = rules.withdrawal_sides(postmortem.author_id, actor.person_id, is_manager=is_manager)
    if not sides:
        raise Forbidden("Only the author and a manager can withdraw a post-mortem.", hint="Ask one of them.")
    first_id = postmortem.withdrawal_by
    is_second = first_id is not None and first_id != actor.person_id
    text = clean_text(reason, REASON_MAX_CHARS, "reason")
    if not text and not (is_second and postmortem.withdrawal_reason):
        raise Invalid("Enter why it is withdrawn.", fields={"reason": "Enter the reason."})
    text = text or postmortem.withdrawal_reason
    if is_second and first_id is not None and await _completes(tx, postmortem, first_id, sides):
        await store.set_withdrawal(tx, postmortem.id, first_id, text, now)
        await tx.audit(actor, "postmortem.withdrawn", postmortem.ref, now, reason=text)
    else:
        await store.set_withdrawal(tx, postmortem.id, actor.person_id, text, None)
        await tx.audit(actor, "postmortem.withdrawal_asked", postmortem.ref, now, reason=text)
    await _refresh(tx, postmortem)
    return await lookup.of_incident(tx, incident_id)


async def _completes(
    tx: Tx, postmortem: Postmortem, first_id: int, second: set[rules.WithdrawalSide]
) -> bool:
    first = await people.person(tx, first_id)
    was_manager = permissions.allows(Rights(Role(first.role)), Verb.INCIDENT_SETTINGS_WRITE)
    sides = rules.withdrawal_sides(postmortem.author_id, first_id, is_manager=first.active and was_manager)
    return rules.completes_withdrawal(sides, second)


async def _in_review(tx: Tx, incident_id: int, version: int) -> Postmortem:
    postmortem = await lookup.locked(tx, incident_id)
    if postmortem.version != version:
        raise Conflict(
            f"The post-mortem of {postmortem.ref} has version {postmortem.version} now.",
            hint="Read what changed, then decide about that version.",
        )
    if postmortem.stage not in ("review", "approved"):
        raise Conflict(f"No one asked for a review of {postmortem.ref}.", hint="Ask for a review first.")
    return postmortem


async def _refresh(tx: Tx, postmortem: Postmortem) -> None:
    await tx.live("incidents")
    await tx.live(live_topic(postmortem))
