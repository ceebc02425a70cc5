"""Sends a post to the targets at which nothing is missing: the approvals that its rules ask for decide."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.comms import approval_rules, asking, store, target_registry, tone_queries
from firebell.comms.approval_rules import ApprovalDecision, ApprovalOutcome, ApprovalRule, Silence
from firebell.comms.approval_settings import approval_rules as rules_in_force
from firebell.comms.model import CommsPost, PostContent, PostDelivery, PostState, SendState
from firebell.comms.target import Destination, PostTarget, Sending
from firebell.comms.targets import status_page
from firebell.comms.tone.model import ReaderKind
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import FirebellError, NotFound
from firebell.kit.jobs import timers
from firebell.people.action_permissions import internal

APPROVAL_TIMER = "comms.approval"


async def post(tx: Tx, post_id: int) -> CommsPost:
    """Return a post; raise `NotFound`."""
    one = await store.post(tx, post_id)
    if one is None:
        raise NotFound(f"There is no post {post_id}.")
    return one


async def post_of(
    tx: Tx, person_id: int | None, incident_id: int, post_id: int
) -> tuple[Incident, CommsPost]:
    """Return an incident and a post about it if this person may read the post; raise `NotFound`.

    People who are asked to approve a post about a private incident may read it while it waits.
    """
    one = await store.post(tx, post_id)
    is_asked = one is not None and one.incident_id == incident_id and one.asks(person_id)
    with private_reader.as_reader(None if is_asked else private_reader.reader()):
        incident = await incidents.incident(tx, incident_id)
    if one is None or one.incident_id != incident.id:
        raise NotFound(f"{incident.ref} has no post {post_id}.")
    return incident, one


async def rules_by_reader(
    tx: Tx, incident: Incident, content: PostContent, listed: Sequence[Destination]
) -> dict[ReaderKind, list[ApprovalRule]]:
    """Return the rules that a post to these destinations matches, by the kind of reader."""
    rules, vendors = await rules_in_force(tx), frozenset(await tone_queries.vendors(tx))
    by_reader = {}
    for reader in {destination.reader for destination in listed}:
        occasions = approval_rules.occasions(
            content,
            frozenset({reader}),
            str(incident.type),
            title=incident.title,
            is_first=all(each.is_first for each in listed if each.reader is reader),
            vendors=vendors,
        )
        by_reader[reader] = approval_rules.matching(rules, occasions, incident.severity)
    return by_reader


@internal("Part of publishing, answering, and the timer of an approval.")
async def continue_post(
    tx: Tx, actor: Actor, incident: Incident, post_id: int, now: datetime, *, is_present: bool = False
) -> CommsPost:
    """Send what waits no longer, and set what the post is now; the incident must be locked.

    If its author is present, what a strict target refuses is raised. If the incident has changed so that a rule that
    holds applies only now, its approvers are asked, and what waits goes on waiting.
    """
    one = await post(tx, post_id)
    await status_page.lock_pages(tx, one.content.targets)
    known = await target_registry.destinations(tx, incident, now)
    rules = {rule.id: rule for rule in await rules_in_force(tx)}
    vendors = frozenset(await tone_queries.vendors(tx))
    # with those that were sent, so that a later update that is tried again does not count as the first
    own = [known[each.target][1] for each in one.deliveries if each.target in known]
    by_reader = await rules_by_reader(tx, incident, one.content, own)
    waiting = {each.target for each in one.deliveries if each.state is SendState.WAITING}
    readers = {pair[1].reader for key, pair in known.items() if key in waiting}
    unasked = _unasked(one, [rule for reader in readers for rule in by_reader[reader]])
    if unasked:
        await asking.ask(tx, incident, one, unasked, now)
        one = await post(tx, post_id)
    until: datetime | None = None
    for delivery in one.deliveries:
        if delivery.state is not SendState.WAITING:
            continue
        if delivery.target not in known:
            error = "Nothing about this incident can be sent there anymore."
            await store.change_delivery(tx, one.id, delivery.target, SendState.FAILED, error=error)
            continue
        target, destination = known[delivery.target]
        asked = {rule.id for rule in by_reader[destination.reader]}
        decision = approval_rules.decide(
            rules,
            [each for each in one.approvals if each.rule in asked],
            one.body_sha256,
            one.author_id,
            approval_rules.claims_for(one.content, destination.reader, incident.title, vendors),
            now,
        )
        until = max(filter(None, (until, decision.until)), default=None)
        sending = _sending(one, incident, destination, decision.sentences, vendors)
        await _act(tx, actor, one, sending, target, decision, now, is_present)
    if until is not None:
        await timers.schedule(tx, APPROVAL_TIMER, str(post_id), until)
    one = await post(tx, post_id)
    await store.set_state(tx, post_id, state_of(one.deliveries), now)
    await tx.live(f"inc-{incident.id}")
    return await post(tx, post_id)


def _unasked(one: CommsPost, rules: Sequence[ApprovalRule]) -> list[ApprovalRule]:
    """Return the rules that hold a post and have asked no one yet, each once."""
    asked = {approval.rule for approval in one.approvals}
    holding = {rule.id: rule for rule in rules if rule.silence is Silence.HOLD and rule.id not in asked}
    return list(holding.values())


def _sending(
    one: CommsPost,
    incident: Incident,
    destination: Destination,
    removed: Sequence[str],
    vendors: frozenset[str],
) -> Sending:
    """Return what a destination gets of a post, without the sentences that no one approved."""
    content = one.content
    if removed:
        subject = approval_rules.subject_without_claims(content, incident.title, vendors)
        content = replace(content, mail_subject=subject)
    text = approval_rules.without(content.body(destination.reader), removed)
    return Sending(one.id, incident, destination.key, content, text, f"comms-{one.id}-{destination.key}")


async def _act(
    tx: Tx,
    actor: Actor,
    one: CommsPost,
    sending: Sending,
    target: PostTarget,
    decision: ApprovalDecision,
    now: datetime,
    is_present: bool,
) -> None:
    if decision.outcome is ApprovalOutcome.RETURNED:
        await store.change_delivery(tx, one.id, sending.destination, SendState.RETURNED)
        return
    removed = decision.sentences
    if decision.outcome in (ApprovalOutcome.WAIT, ApprovalOutcome.BLOCKED):
        if is_present and target.is_strict:
            await _rehearse(tx, actor, target, sending, now)
        return
    if not sending.body:
        error = "Nothing was left without the sentences that no one approved."
        await store.change_delivery(
            tx, one.id, sending.destination, SendState.FAILED, removed=removed, error=error
        )
        return
    try:
        async with tx.savepoint():
            reference = await target.send(tx, actor, sending, now)
    except FirebellError as error:
        if is_present and target.is_strict:
            raise
        await store.change_delivery(
            tx, one.id, sending.destination, SendState.FAILED, removed=removed, error=error.message
        )
    else:
        await store.change_delivery(
            tx,
            one.id,
            sending.destination,
            SendState.SENT,
            reference=reference,
            removed=removed,
            sent_at=now,
        )


class _RehearsedError(Exception):
    """A rehearsal ended well, so it is rolled back."""


async def _rehearse(tx: Tx, actor: Actor, target: PostTarget, sending: Sending, now: datetime) -> None:
    """Raise what a target would refuse, but send nothing: its author is here now, and not when the wait ends."""
    try:
        async with tx.savepoint():
            await target.send(tx, actor, sending, now)
            raise _RehearsedError
    except _RehearsedError:
        pass


def state_of(deliveries: Sequence[PostDelivery]) -> PostState:
    """Return what a post is, from its outcomes at its targets."""
    states = {delivery.state for delivery in deliveries}
    if SendState.WAITING in states:
        return PostState.WAITING
    if SendState.RECALLED in states:
        return PostState.RECALLED
    if SendState.RETURNED in states:
        return PostState.RETURNED
    return PostState.PARTLY if SendState.FAILED in states else PostState.PUBLISHED


def author_of(one: CommsPost) -> Actor:
    """Return the author of a post as the actor of what is sent later, with the rights that they have then."""
    return Actor("person", one.author, one.author_id)
