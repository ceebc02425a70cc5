"""Relabeling the past of a component: what looks better then takes effect when a second person accepts it."""

from datetime import UTC, datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.action_permissions import permits
from firebell.people.model import Role
from firebell.people.permissions import Rights, Verb
from firebell.status_pages import (
    lookup,
    published_log_writer,
    queries,
    relabeling_store,
    store,
    stored_effects,
)
from firebell.status_pages.model import Component, Effect, StatusPage
from firebell.status_pages.past_status import rules
from firebell.status_pages.past_status.rules import RelabelingEffect
from firebell.status_pages.relabeling_model import (
    Relabeling,
    RelabelingEntry,
    RelabelingRequest,
    RelabelingState,
)
from firebell.status_pages.uptime import daily as uptime

REASON_MAX_CHARS = 500
MAX_WAITING = 50


async def relabeling(tx: Tx, page_id: int, relabeling_id: int) -> Relabeling:
    """Return a relabeling of a status page; raise `NotFound`."""
    one = await relabeling_store.by_id(tx, page_id, relabeling_id)
    if one is None:
        raise NotFound(f"This status page has no relabeling {relabeling_id}.")
    return one


@permits(Verb.STATUS_PAGE_WRITE)
async def request_relabeling(
    tx: Tx, actor: Actor, page_id: int, request: RelabelingRequest, now: datetime
) -> Relabeling:
    """Relabel an interval at once if none of it looks better then; otherwise ask a second person to accept it.

    Raise `Invalid` naming the fields of the request, `Conflict` if the same one waits already.
    """
    page = await lookup.locked_page(tx, page_id)
    component = await _component(tx, page, request.component_id)
    request = _checked(page, component, request, now)
    effect = rules.effect(await queries.snapshot(tx, page, now), component, request, now)
    if not effect.replaced:
        raise Invalid(
            f"{component.name} has this status in the whole interval.",
            fields={"status": "Choose another status, or another interval."},
        )
    waiting = [
        each
        for each in await relabeling_store.latest(tx, page.id, MAX_WAITING * 2)
        if each.state is RelabelingState.WAITING
    ]
    if any(_wants(each) == _wants(request) for each in waiting):
        raise Conflict("The same relabeling waits already.", hint="Someone else must accept it.")
    if len(waiting) >= MAX_WAITING:
        raise Conflict(f"At most {MAX_WAITING} relabelings wait at once.", hint="Answer some of them first.")
    new_id = await relabeling_store.insert(
        tx, page.id, lookup.new_public_id(), request, _uptimes(effect), actor, now
    )
    one = await relabeling(tx, page.id, new_id)
    await tx.audit(actor, "status_page.relabeling_requested", page.name, now, **_detail(one))
    if not effect.improves:
        return await _apply(tx, actor, page, one, effect, now)
    await _ask(tx, page, one, now)
    await tx.live(lookup.topic(page))
    return one


def _wants(one: Relabeling | RelabelingRequest) -> tuple[object, ...]:
    return (one.component_id, one.start, one.end, one.status)


async def _component(tx: Tx, page: StatusPage, component_id: int) -> Component:
    component = next((c for c in await store.components(tx, page.id) if c.id == component_id), None)
    if component is None:
        raise NotFound(
            f"This status page has no component {component_id}.",
            fields={"component": "Choose from the list."},
        )
    return component


def _checked(
    page: StatusPage, component: Component, request: RelabelingRequest, now: datetime
) -> RelabelingRequest:
    """Return the request with whole seconds, which uptime counts; raise `Invalid`."""
    start, end = (at.astimezone(UTC).replace(microsecond=0) for at in (request.start, request.end))
    if end <= start:
        raise Invalid("The end is before the start.", fields={"end": "Enter a later time."})
    if end > now:
        raise Invalid("The end is in the future.", fields={"end": "Enter a time in the past."})
    first, _ = uptime.window(now, page.tz, component.start_date)
    if start < first:
        raise Invalid(
            "The start is before the history that the page shows.",
            fields={"start": f"Enter a time after {first.astimezone(UTC):%Y-%m-%d %H:%M} UTC."},
        )
    reason = clean_text(request.reason, REASON_MAX_CHARS, "reason")
    if not reason:
        raise Invalid(
            "The reason is missing.", fields={"reason": "Enter a reason; readers of the page see it."}
        )
    return RelabelingRequest(component.id, start, end, request.status, reason)


def _uptimes(effect: RelabelingEffect) -> tuple[int | None, int | None]:
    return rules.hundredths(effect.before), rules.hundredths(effect.after)


async def _ask(tx: Tx, page: StatusPage, one: Relabeling, now: datetime) -> None:
    """Notify everyone who may accept a relabeling."""
    notices = [
        Notice(
            key=f"relabeling:{one.id}:{person.id}",
            person_id=person.id,
            kind="statuspage",
            title=f"{page.name}: {one.requested_label} asks you to accept a relabeling of {one.component}",
            note=one.reason,
            link=f"/status-pages/{page.slug}/relabelings",
        )
        for person in await people.people(tx)
        if person.active
        and person.id != one.requested_by
        and permissions.allows(Rights(Role(person.role)), Verb.STATUS_PAGE_WRITE)
    ]
    await notify.send_notices(tx, notices, now)


@permits(Verb.STATUS_PAGE_WRITE)
async def accept_relabeling(
    tx: Tx, actor: Actor, page_id: int, relabeling_id: int, now: datetime
) -> Relabeling:
    """Let a relabeling take effect, as another person than the one who requested it. Idempotent."""
    page, one = await _locked(tx, page_id, relabeling_id)
    if one.state is RelabelingState.ACCEPTED:
        return one
    _check_waiting(one)
    if actor.person_id is None or actor.person_id == one.requested_by:
        raise Forbidden(
            "Someone else must accept your relabeling.", hint="Ask another manager or admin to accept it."
        )
    try:
        component = await _component(tx, page, one.component_id)
    except NotFound:
        raise Conflict(f"{one.component} was removed from the page.", hint="Decline it.") from None
    request = RelabelingRequest(one.component_id, one.start, one.end, one.status, one.reason)
    effect = rules.effect(await queries.snapshot(tx, page, now), component, request, now)
    return await _apply(tx, actor, page, one, effect, now)


async def _apply(
    tx: Tx, actor: Actor, page: StatusPage, one: Relabeling, effect: RelabelingEffect, now: datetime
) -> Relabeling:
    """Write a relabeling into the log of its page, and into the history that the page shows."""
    body = rules.log_text(
        one.component, one.start.astimezone(UTC), one.end.astimezone(UTC), one.status, one.reason
    )
    effects = (Effect(one.component_id, one.status, one.start),)
    update_public_id = lookup.new_public_id()
    incident_id, update_id = await relabeling_store.insert_log_entry(
        *(tx, page.id, one.public_id, one.component, stored_effects.effects_json(effects)),
        *(update_public_id, now, actor, now),
    )
    entry = RelabelingEntry(update_id, update_public_id, body, effects, now)
    await published_log_writer.append(tx, actor, page, one.public_id, entry, now, one.reason)
    await relabeling_store.answer(
        *(tx, one.id, RelabelingState.ACCEPTED, actor, now),
        public_incident_id=incident_id,
        uptimes=_uptimes(effect),
    )
    await tx.audit(actor, "status_page.relabeled", page.name, now, **_detail(one))
    await tx.live(lookup.topic(page))
    return await relabeling(tx, page.id, one.id)


@permits(Verb.STATUS_PAGE_WRITE)
async def decline_relabeling(
    tx: Tx, actor: Actor, page_id: int, relabeling_id: int, now: datetime
) -> Relabeling:
    """Decline a relabeling that waits, or withdraw one's own. Idempotent."""
    page, one = await _locked(tx, page_id, relabeling_id)
    is_own = actor.person_id is not None and actor.person_id == one.requested_by
    state = RelabelingState.WITHDRAWN if is_own else RelabelingState.DECLINED
    if one.state is state:
        return one
    _check_waiting(one)
    await relabeling_store.answer(tx, one.id, state, actor, now)
    if is_own:
        await tx.audit(actor, "status_page.relabeling_withdrawn", page.name, now, **_detail(one))
    else:
        await tx.audit(actor, "status_page.relabeling_declined", page.name, now, **_detail(one))
    await tx.live(lookup.topic(page))
    return await relabeling(tx, page.id, one.id)


async def _locked(tx: Tx, page_id: int, relabeling_id: int) -> tuple[StatusPage, Relabeling]:
    page = await lookup.locked_page(tx, page_id)
    return page, await relabeling(tx, page.id, relabeling_id)


def _check_waiting(one: Relabeling) -> None:
    if one.state is not RelabelingState.WAITING:
        raise Conflict("This relabeling doesn’t wait anymore.", hint="Request a new one.")


def _detail(one: Relabeling) -> dict[str, str]:
    """Return what the audit log has about a relabeling."""
    return {
        "component": one.component,
        "start": one.start.isoformat(),
        "end": one.end.isoformat(),
        "status": one.status.code,
        "reason": one.reason,
    }
