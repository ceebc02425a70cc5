"""Acknowledging pages, and withdrawing an acknowledgment (spec 2.1 and 2.3)."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Forbidden
from firebell.notify import actions as notify
from firebell.paging import offline_checks, store
from firebell.paging.escalation import state_machine as escalation
from firebell.paging.model import (
    SUBJECT_KIND,
    UNANSWERED,
    AckResult,
    NotChanged,
    Page,
    PageAcknowledged,
    PageState,
    escalates_until,
)
from firebell.paging.page_steps import (
    apply_event,
    end_unanswerable_levels,
    lock_for,
    record_page_event,
    step,
    store_changes,
)
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@permits(Verb.PAGE_RESPOND)
async def ack(tx: Tx, actor: Actor, page_id: int, now: datetime) -> AckResult:
    """Acknowledge a page; a second person joins, and a resolved page stays resolved (spec 2.1).

    While the page needs more acknowledgments, its escalation runs on, without messages to those who have acknowledged.
    """
    # person before page, as when they are deactivated: that waits, and releases the page, or is seen here
    is_active = actor.person_id is None or await people.hold_active(tx, actor.person_id)
    old = await lock_for(tx, page_id)
    if old.state is PageState.RESOLVED:
        return AckResult(old, "already resolved")
    if not is_active:
        raise Forbidden(f"{actor.label} is deactivated and cannot acknowledge {old.ref}.")
    owned = actor.person_id in (await store.owners(tx, [page_id]))[page_id]
    person_id = actor.person_id or 0
    event = escalation.Ack(person_id=person_id)
    if old.state is PageState.ACKED and owned:
        renewed = escalation.step(old, event, now)
        assert isinstance(renewed, Page)
        await store_changes(tx, [renewed], now)
        return AckResult(renewed, "already acknowledged by you", renewed=renewed.due_at is not None)
    if person_id in old.acks and old.state is not PageState.ACKED:
        missing = old.acks_missing if old.state in UNANSWERED else 0
        return AckResult(old, "already acknowledged by you", missing=missing)
    if old.acks_missing > 1 and old.state is not PageState.ACKED:
        return await _ack_in_part(tx, actor, old, event, now)
    new = step(old, event, now)
    await _record(tx, actor, [new], now, joins=old.state is PageState.ACKED)
    return AckResult(new, None)


@permits(Verb.PAGE_RESPOND)
async def ack_waiting(tx: Tx, actor: Actor, page_ids: Sequence[int], now: datetime) -> list[Page]:
    """Acknowledge those of these pages that need one more acknowledgment, and return them; the others stay as they are.

    It takes as many statements as for one page: in a busy process each waits its turn.
    """
    if actor.person_id is not None and not await people.hold_active(tx, actor.person_id):
        return []
    event = escalation.Ack(person_id=actor.person_id or 0)
    stepped = [
        escalation.step(old, event, now)
        for old in await store.lock(tx, page_ids)
        if old.state in UNANSWERED and old.acks_missing == 1 and event.person_id not in old.acks
    ]
    acknowledged = [page for page in stepped if isinstance(page, Page)]
    await _record(tx, actor, acknowledged, now)
    return acknowledged


async def _record(
    tx: Tx, actor: Actor, acknowledged: Sequence[Page], now: datetime, *, joins: bool = False
) -> None:
    """Save pages that an actor acknowledged, each of which has enough acknowledgments now."""
    if not acknowledged:
        return
    text = f"{actor.label} {'joined' if joins else 'acknowledged'}."
    await record_page_event(tx, actor, acknowledged, "joined" if joins else "acked", text, now)
    if actor.person_id is not None:
        await store.add_owner(tx, [page.id for page in acknowledged], actor.person_id, now)
    await tx.emit_all([PageAcknowledged(page.id, actor.person_id) for page in acknowledged], now)


async def _ack_in_part(tx: Tx, actor: Actor, old: Page, event: escalation.Ack, now: datetime) -> AckResult:
    """Record an acknowledgment of a page that needs more than this one; messages to this person are void.

    If everyone else reached by the level has left, the next level is entered at once.
    """
    missing = old.acks_missing - 1
    text = f"{actor.label} acknowledged. {escalates_until(missing)}"
    new = await apply_event(tx, actor, old, event, "acked_in_part", text, now)
    if actor.person_id is not None:
        await store.add_owner(tx, [old.id], actor.person_id, now)
        await notify.void_queued_about(tx, SUBJECT_KIND, old.id, actor.person_id)
    ended = await end_unanswerable_levels(tx, [new], now)
    return AckResult(ended[0] if ended else new, None, missing=missing)


@permits(Verb.PAGE_RESPOND)
async def unacknowledge(tx: Tx, actor: Actor, page_id: int, now: datetime, *, position: str = "") -> Page:
    """Withdraw the acknowledgment of a page: the level that was notified last is notified again.

    While the page needs more acknowledgments, only that of the actor is withdrawn, and its escalation runs on. Raise
    `NotChanged` if the page has changed since it had this `position`; "" does not check.
    """
    old, person_id = await lock_for(tx, page_id), actor.person_id or 0
    if old.state is not PageState.ACKED and person_id in old.acks:
        text = f"{actor.label} withdrew their acknowledgment."
        return await apply_event(tx, actor, old, escalation.Leave(person_id), "ack_withdrawn", text, now)
    if position and not offline_checks.same_plan(old, position):
        raise NotChanged(old.ref, "it changed after the screen that you used was loaded")
    text = f"{actor.label} withdrew the acknowledgment."
    return await apply_event(tx, actor, old, escalation.Unack(), "again", text, now)
