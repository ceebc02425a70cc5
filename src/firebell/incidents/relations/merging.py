"""Merge one incident into another, with everything that moves."""

from datetime import datetime

from firebell.incidents import linked_pages, lookup, store, timeline_writer, type_and_visibility
from firebell.incidents.closing import final_facts_store, watchers
from firebell.incidents.model import (
    OPEN,
    SINGLE,
    UNDECLARED,
    Incident,
    IncidentMerged,
    IncidentRole,
    Phase,
    PhaseChanged,
    RoleChanged,
)
from firebell.incidents.phases import actions as phase_actions
from firebell.incidents.phases import lifecycle
from firebell.incidents.relations import store as relation_store
from firebell.incidents.roles import ending
from firebell.incidents.roles.rules import conflicting_role
from firebell.incidents.severity_changes import actions as severity_actions
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.incidents.update_deadlines import actions as update_actions
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.jobs import timers
from firebell.kit.text import clean_text
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.runbooks import actions as runbooks

_UNANSWERED = (PageState.TRIGGERED, PageState.EXHAUSTED)


@internal("Part of merging two incidents.")
async def absorb(
    tx: Tx, actor: Actor, incident_id: int, into_id: int, reason: str, now: datetime
) -> tuple[Incident, Incident]:
    """Merge one open incident into another; return the first as it was, and the second with its severity unchanged.

    The second gets the services, pages, roles, customer reports and runs of runbooks, the earlier start of the
    impact and detection, and the later end of both if both are monitored. If it is monitored and the impact of the
    first continues, it goes back to work. A role that only one person can hold stays with its holder; the other
    becomes a responder. In a SEV0 or SEV1, a commander keeps no role of subject matter expert. A page of the first
    that no one has answered pages for the second before it is resolved.
    """
    if incident_id == into_id:
        raise Invalid("An incident can't be merged into itself.", fields={"into": "Enter another incident."})
    await type_and_visibility.lock_with_merged(tx, [incident_id, into_id])
    old, into = await lookup.locked(tx, incident_id), await lookup.locked(tx, into_id)
    _check_merge(old, into)
    service_ids, page_ids = (await store.services(tx, [old.id]))[old.id], await store.page_ids(tx, old.id)
    await store.set_services(tx, into.id, service_ids)
    await _move_roles(tx, old, into, now)
    await relation_store.move_reports(tx, old.id, into.id)
    await runbooks.move_runs(tx, old.id, into.id)
    await watchers.move(tx, old.id, into, now)
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
    if old.phase is into.phase is Phase.MONITORING and old.stable_since and into.stable_since:
        merged = await phase_actions.restart_stability(tx, merged, max(old.stable_since, into.stable_since))
    gone = await store.change(tx, old.id, phase=Phase.MERGED, merged_into=into.id, closed_at=now)
    for timer in (phase_actions.STABLE_TIMER, phase_actions.REFIRE_TIMER):
        await timers.cancel(tx, timer, str(old.id))
    gone = await update_actions.schedule_next_update(tx, gone)
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    await phase_actions.add_transition(tx, actor, old.id, old.phase, Phase.MERGED, now, reason=reason)
    because = f": {reason}" if reason else ""
    change = {"from": old.phase, "to": Phase.MERGED, "into": into.ref}
    text = f"merged it into {into.ref}{because}"
    await timeline_writer.add_timeline_entry(tx, actor, old.id, "phase", text, now, **change)
    text = f"merged {old.ref} into it: {old.title}{because}"
    await timeline_writer.add_timeline_entry(tx, actor, into.id, "merged", text, now, incident=old.ref)
    await _move_customers(tx, actor, old, into, now)
    await tx.audit(actor, "incident.merged", old.ref, now, into=into.ref)
    await tx.emit(IncidentMerged(old.id, into.id), now)
    # after what locks status pages: pages are locked last
    await _merge_pages(tx, actor, gone, merged, page_ids, now)
    if lifecycle.continues_impact(old, merged):
        merged = await phase_actions.regress(tx, actor, merged, f"{old.ref} was merged into it", now)
    await tx.emit(PhaseChanged(old.id, old.phase, Phase.MERGED, now), now)
    return old, merged


async def _merge_pages(
    tx: Tx, actor: Actor, gone: Incident, into: Incident, page_ids: list[int], now: datetime
) -> None:
    """Link the pages of an incident to the one it was merged into, which pages for what no one answered."""
    service_ids = (await store.services(tx, [into.id]))[into.id]
    followers = await type_and_visibility.followers_of(tx, into.id, private=True) if into.is_private else []
    await linked_pages.lock_pages(tx, [gone.id, into.id, *followers], service_ids, linking=page_ids)
    unanswered = await _has_unanswered_page(tx, gone, page_ids)
    await linked_pages.attach_pages(tx, into, page_ids, now)
    await type_and_visibility.follow(tx, actor, followers, into, now)
    if unanswered and not into.drill:
        await linked_pages.page_for(tx, actor, into, service_ids, now)
    name = (into if into.is_private else gone).public_name
    text = f"{name} was merged into {into.public_name}."
    await paging.resolve_incident_page(tx, "incident", gone.id, text[0].upper() + text[1:], now)


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


async def _move_customers(tx: Tx, actor: Actor, old: Incident, into: Incident, now: datetime) -> None:
    """Give `into` the affected customers of `old`, or note their number if it has one: they may be the same people."""
    customers = (await final_facts_store.customers_of(tx, [old.id])).get(old.id)
    if customers is None:
        return
    moved = await final_facts_store.move_customers(tx, old.id, into.id, now)
    text = f"took over the number of affected customers of {old.ref}: {customers:,}"
    if moved is None:
        text = f"kept its number of affected customers; {old.ref} had {customers:,}"
    await timeline_writer.add_timeline_entry(tx, actor, into.id, "facts", text, now, customers=customers)


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
        await ending.end_role(tx, old.id, role, person_id, now)
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
            await ending.end_role(tx, into.id, given_up, person_id, now)
            holders.discard((given_up, person_id))
        await store.start_role(tx, into.id, role, person_id, now)
        await tx.emit(RoleChanged(into.id, role, person_id, "assigned"), now)
        holders.add((role, person_id))
        taken.add(role)


@permits(Verb.INCIDENT_UPDATE)
async def merge(
    tx: Tx, actor: Actor, incident_id: int, into_id: int, now: datetime, *, reason: str = ""
) -> Incident:
    """Merge one open incident into another, which gets the worse severity of the two, and return the second."""
    old, into = await absorb(tx, actor, incident_id, into_id, reason, now)
    if old.severity < into.severity and old.phase not in UNDECLARED:
        return await severity_actions.set_severity(tx, actor, into_id, old.severity, f"Merged {old.ref}", now)
    return into
