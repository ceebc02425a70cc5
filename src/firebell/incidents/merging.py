"""Incidents that belong together: what a merge moves, and links between incidents and their children."""

from datetime import datetime

from firebell.incidents import lifecycle, records, relation_store, store
from firebell.incidents.model import (
    OPEN,
    SINGLE,
    UNDECLARED,
    Incident,
    IncidentMerged,
    IncidentRole,
    Phase,
    PhaseChanged,
    Relation,
    RoleChanged,
    Visibility,
)
from firebell.incidents.role_rules import conflicting_role
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import clean_text
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.people.authorization import internal, permits
from firebell.people.permissions import Verb

_UNANSWERED = (PageState.TRIGGERED, PageState.EXHAUSTED)


@internal("A part of merging two incidents.")
async def absorb(
    tx: Tx, actor: Actor, incident_id: int, into_id: int, reason: str, now: datetime
) -> tuple[Incident, Incident]:
    """Merge one open incident into another; return the first as it was, and the second with its severity unchanged.

    The second gets the services, pages, roles and customer reports, and the earlier start of the impact and
    detection. A role that only one person can hold stays with its holder; the other becomes a responder. In a
    SEV0 or SEV1, a commander keeps no role of subject matter expert. A page of the first that no one has answered
    pages for the second before it is resolved.
    """
    if incident_id == into_id:
        raise Invalid("An incident can't be merged into itself.", fields={"into": "Enter another incident."})
    locked = {i: await records.locked(tx, i) for i in sorted((incident_id, into_id))}
    old, into = locked[incident_id], locked[into_id]
    _check_merge(old, into)
    service_ids, page_ids = (await store.services(tx, [old.id]))[old.id], await store.page_ids(tx, old.id)
    unanswered = await _has_unanswered_page(tx, old, page_ids)
    await store.set_services(tx, into.id, service_ids)
    for page_id in page_ids:
        await store.link_page(tx, into.id, page_id)
    await _move_roles(tx, old, into, now)
    await relation_store.move_reports(tx, old.id, into.id)
    starts = [at for at in (old.impact_start, into.impact_start) if at]
    merged = await store.change(
        tx,
        into.id,
        impact_start=min(starts, default=None),
        detected_at=min(old.detected_at, into.detected_at),
        max_severity=into.max_severity
        if old.phase in UNDECLARED
        else min(old.max_severity, into.max_severity),
    )
    visibility = Visibility.PRIVATE if into.is_private else old.visibility
    gone = await store.change(
        tx, old.id, phase=Phase.MERGED, merged_into=into.id, closed_at=now, visibility=visibility
    )
    if gone.is_private and not old.is_private:
        await paging.retitle_incident_page(tx, old.id, records.page_title(gone))
    for timer in (records.STABLE_TIMER, records.REFIRE_TIMER):
        await timers.cancel(tx, timer, str(old.id))
    gone = await records.schedule_next_update(tx, gone)
    if unanswered and not into.drill:
        await records.page_for(tx, actor, merged, (await store.services(tx, [into.id]))[into.id], now)
    text = f"{gone.public_name} was merged into {into.public_name}."
    await paging.resolve_incident_page(tx, "incident", old.id, text[0].upper() + text[1:], now)
    reason = clean_text(reason, 1000)
    await records.add_transition(tx, actor, old.id, old.phase, Phase.MERGED, now, reason=reason)
    because = f": {reason}" if reason else ""
    change = {"from": old.phase, "to": Phase.MERGED, "into": into.ref}
    text = f"merged it into {into.ref}{because}"
    await records.add_timeline_entry(tx, actor, old.id, "phase", text, now, **change)
    text = f"merged {old.ref} into it: {old.title}{because}"
    await records.add_timeline_entry(tx, actor, into.id, "merged", text, now, incident=old.ref)
    await tx.audit(actor, "incident.merged", old.ref, now, into=into.ref)
    await tx.emit(PhaseChanged(old.id, old.phase, Phase.MERGED, now), now)
    await tx.emit(IncidentMerged(old.id, into.id), now)
    return old, merged


def _check_merge(old: Incident, into: Incident) -> None:
    if why := lifecycle.pair_refusal(old, Phase.MERGED):
        raise Conflict(why)
    if into.phase not in OPEN:
        raise Conflict(
            f"{into.ref} is {into.phase}, so nothing can be merged into it.", hint="Link the two instead."
        )
    if into.phase in UNDECLARED and old.phase not in UNDECLARED:
        raise Conflict(f"{into.ref} is not declared yet.", hint=f"Merge {into.ref} into {old.ref} instead.")
    if old.drill != into.drill:
        raise Conflict("A drill and a real incident can't be merged.")
    if old.is_private and not into.is_private:
        raise Conflict(
            f"{old.ref} is private, and everyone can see {into.ref}.",
            hint=f"Make {into.ref} private first, or merge it into {old.ref}.",
        )


async def _has_unanswered_page(tx: Tx, incident: Incident, page_ids: list[int]) -> bool:
    pages = (await paging.pages_by_id(tx, page_ids)).values()
    return any(
        page.subject_kind == "incident" and page.subject_id == incident.id and page.state in _UNANSWERED
        for page in pages
    )


async def _move_roles(tx: Tx, old: Incident, into: Incident, now: datetime) -> None:
    severity = into.severity if old.phase in UNDECLARED else min(old.severity, into.severity)
    held = await store.roles(tx, [old.id, into.id])
    holders = {(a.role, a.person_id) for a in held[into.id]}
    taken = {a.role for a in held[into.id]}
    for assignment in held[old.id]:
        role, person_id = assignment.role, assignment.person_id
        await store.end_role(tx, old.id, role, person_id, now)
        await tx.emit(RoleChanged(old.id, role, person_id, "ended"), now)
        if role in SINGLE and role in taken:
            role = IncidentRole.RESPONDER
        is_involved = role is IncidentRole.RESPONDER and any(p == person_id for _, p in holders)
        if (role, person_id) in holders or is_involved:
            continue
        own = {r for r, holder_id in holders if holder_id == person_id}
        if given_up := conflicting_role(severity, role, own):
            # the commander of one incident is not the expert of the other
            if given_up is IncidentRole.COMMANDER:
                continue
            await store.end_role(tx, into.id, given_up, person_id, now)
            await tx.emit(RoleChanged(into.id, given_up, person_id, "ended"), now)
            holders.discard((given_up, person_id))
        await store.start_role(tx, into.id, role, person_id, now)
        await tx.emit(RoleChanged(into.id, role, person_id, "assigned"), now)
        holders.add((role, person_id))
        taken.add(role)


@permits(Verb.INCIDENT_UPDATE)
async def relate(tx: Tx, actor: Actor, incident_id: int, other_id: int, kind: str, now: datetime) -> None:
    """Link two incidents, or make the second a child of the first. Raise `Conflict` if they are related."""
    if kind not in ("linked", "child"):
        raise Invalid("That is not a relation.", fields={"kind": "Use linked or child."})
    if incident_id == other_id:
        raise Invalid("An incident can't be linked to itself.", fields={"other": "Enter another incident."})
    locked = {i: await records.locked(tx, i) for i in sorted((incident_id, other_id))}
    one, other = locked[incident_id], locked[other_id]
    if kind == "child" and other_id in await relation_store.ancestors(tx, incident_id):
        raise Conflict(f"{one.ref} is a child of {other.ref} already.")
    first, second = (one, other) if kind == "child" or one.id < other.id else (other, one)
    if not await relation_store.add(tx, first.id, second.id, kind, actor.person_id, now):
        raise Conflict(
            f"{one.ref} and {other.ref} are related, or {other.ref} has a parent.", hint="Remove that first."
        )
    texts = {"child": ("added the child {}", "made it a child of {}"), "linked": ("linked {}", "linked {}")}
    for incident, related, text in zip((one, other), (other, one), texts[kind], strict=True):
        # a timeline that everyone reads does not name a private incident
        name = related.ref if incident.is_private or not related.is_private else related.public_name
        entry = text.format(name)
        await records.add_timeline_entry(tx, actor, incident.id, "related", entry, now, relation=kind)
    await tx.audit(actor, "incident.related", one.ref, now, other=other.ref, relation=kind)


@permits(Verb.INCIDENT_UPDATE)
async def unrelate(tx: Tx, actor: Actor, incident_id: int, other_id: int, now: datetime) -> None:
    """Remove the relation of two incidents; raise `NotFound` if there is none."""
    locked = {i: await records.locked(tx, i) for i in sorted((incident_id, other_id))}
    if not await relation_store.remove(tx, incident_id, other_id):
        raise NotFound(f"{locked[incident_id].ref} and {locked[other_id].ref} are not related.")
    for one_id, related in ((incident_id, locked[other_id]), (other_id, locked[incident_id])):
        name = related.ref if locked[one_id].is_private or not related.is_private else related.public_name
        await records.add_timeline_entry(tx, actor, one_id, "related", f"removed the link to {name}", now)
    await tx.audit(actor, "incident.unrelated", locked[incident_id].ref, now, other=locked[other_id].ref)


async def related(tx: Tx, incident: Incident) -> list[tuple[Relation, Incident]]:
    """Return the relations of an incident with the other incident, as far as it may be read."""
    relations = await relation_store.relations(tx, incident.id)
    if incident.merged_into:
        relations.append(Relation(incident.merged_into, "merged_into"))
    others = await store.incidents_by_id(tx, [relation.incident_id for relation in relations])
    return [(r, others[r.incident_id]) for r in relations if r.incident_id in others]
