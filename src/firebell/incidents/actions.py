"""Actions on incidents. Every one adds a timeline entry, emits its events and updates open browsers."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from firebell.catalog import actions as catalog
from firebell.incidents import (
    backfilling,
    closing,
    closing_actions,
    closing_facts,
    closing_registry,
    field_actions,
    handover_store,
    lifecycle,
    list_store,
    merging,
    messages,
    phase_actions,
    privacy,
    privacy_store,
    records,
    reporting,
    role_rules,
    saved_views,
    similar_queries,
    store,
    timeline_store,
)
from firebell.incidents.entry_input import entry_text, entry_time
from firebell.incidents.model import (
    ENTRY_KINDS,
    OPEN,
    ROLE_NAMES,
    SINGLE,
    UNDECLARED,
    Incident,
    IncidentDeclared,
    IncidentRole,
    IncidentType,
    Phase,
    RoleChanged,
    SeverityChanged,
    SeverityConfirmed,
    UpdatePosted,
)
from firebell.incidents.severity import FACTS, Severity, classify, suggest
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import clean_name, clean_text
from firebell.paging import actions as paging
from firebell.paging.model import ManualPageStarted
from firebell.people import actions as people
from firebell.people.authorization import internal, permits
from firebell.people.model import Person
from firebell.people.permissions import Verb

UPDATE_DUE_TIMER = records.UPDATE_DUE_TIMER
STABLE_TIMER = records.STABLE_TIMER
_TITLE_MAX_CHARS = 200
_SUMMARY_MAX_CHARS = 5_000
_CANVAS_MAX_CHARS = 2_000
_TWIN_WITHIN = timedelta(seconds=10)

POSTMORTEM_WITHIN = lifecycle.POSTMORTEM_WITHIN
ClosingCondition = closing.ClosingCondition
ConditionSource = closing_registry.ConditionSource
answer_report = closing_actions.answer_report
backfill = backfilling.backfill
check_regressions = phase_actions.check_regressions
declare_reported = reporting.declare_reported
hidden_ids = privacy_store.hidden_ids
incident = records.incident
incidents = list_store.in_phases
incidents_by_id = store.incidents_by_id
incident_of_page = store.incident_of_page
attach_page = store.link_page
last_entry_at = store.last_entry_at
last_raise = store.last_raise
lock_free = store.lock_free
message = messages.message
may_be_read_by = privacy_store.may_be_read_by
next_update_text = messages.next_update_text
open_tasks_condition = closing.open_tasks
page_ids = store.page_ids
published_condition = closing.published
postmortem_required = lifecycle.postmortem_required
create_saved_view = saved_views.create_saved_view
readers_of_open = privacy_store.readers_of_open
record_report = closing_actions.record_report
refusals = phase_actions.refusals
relate = merging.relate
related = merging.related
report = reporting.report
restore_saved_view = saved_views.restore_saved_view
review_without_postmortem = phase_actions.review_without_postmortem
roles = store.roles
services = store.services
locked = records.locked
matching = list_store.incidents
set_phase = phase_actions.set_phase
set_type = privacy.set_type
severity_meaning = messages.severity_meaning
sign_baseline = closing_actions.sign_baseline
similar_incidents = similar_queries.similar_incidents
timeline = timeline_store.timeline
unrelate = merging.unrelate
update_interval = lifecycle.update_interval
triage_incidents_of_page = reporting.triage_incidents_of_page
withdraw_review = phase_actions.withdraw_review


@permits(Verb.INCIDENT_DECLARE)
async def declare(
    tx: Tx,
    actor: Actor,
    *,
    title: str,
    severity: int | None = None,
    answers: Mapping[str, bool | None] | None = None,
    service_ids: Sequence[int] = (),
    page_id: int | None = None,
    summary: str = "",
    commander_id: int | None = None,
    drill: bool = False,
    page_in_drill: bool = False,
    cap_unknown: bool = False,
    incident_type: IncidentType = IncidentType.OPERATIONAL,
    fields: Mapping[str, str] | None = None,
    private: bool = False,
    now: datetime,
) -> Incident:
    """Declare an incident; SEV0 and SEV1 page in the same transaction. A security incident is private.

    The severity is `severity`, else what the answers say; with `cap_unknown`, which forms set, an unknown
    answer counts as SEV2 at most. The same declaration twice within ten seconds is one incident with the
    worse severity.
    """
    title = clean_name(title, "title", limit=_TITLE_MAX_CHARS)
    verdict = (suggest(answers or {}) if cap_unknown else None) or classify(answers or {})
    if severity is None and not answers:
        raise Invalid(
            "The severity is missing.", fields={"severity": "Answer the questions or select a severity."}
        )
    chosen = verdict.severity if severity is None else Severity(severity)
    if twin := await store.twin(tx, actor.person_id, title, now - _TWIN_WITHIN, drill=drill):
        is_worse = chosen < twin.severity and twin.phase in OPEN
        return await set_severity(tx, actor, twin.id, chosen, "", now) if is_worse else twin
    page = await paging.page(tx, page_id) if page_id is not None else None
    affected_ids = list(
        dict.fromkeys([*service_ids, *([page.service_id] if page and page.service_id else [])])
    )
    services_by_id = await catalog.services_by_id(tx, affected_ids)
    if missing := [i for i in affected_ids if i not in services_by_id]:
        raise NotFound(f"There is no service {missing[0]}.")
    incident = await store.insert(
        tx,
        title=title,
        summary=clean_text(summary, _SUMMARY_MAX_CHARS),
        severity=chosen,
        answers=dict(answers or {}),
        provisional=verdict.provisional if severity is None else False,
        drill=drill,
        detected_at=min(page.triggered_at, now) if page else now,
        declared_by=actor.person_id,
        now=now,
        type=incident_type,
        visibility=privacy.visibility_of(incident_type, private=private),
    )
    await store.set_services(tx, incident.id, affected_ids)
    origin = f" from {page.ref}" if page else ""
    text = f"declared SEV{chosen}{origin}: {title}"
    await records.add_timeline_entry(
        tx, actor, incident.id, "declared", text, now, severity=int(chosen), path=list(verdict.path)
    )
    await records.add_transition(tx, actor, incident.id, None, Phase.DECLARED, now)
    await tx.audit(actor, "incident.declared", incident.ref, now, severity=int(chosen))
    event = IncidentDeclared(incident.id, int(chosen), incident.provisional, drill, str(incident.visibility))
    await tx.emit(event, now)
    if page:
        await store.link_page(tx, incident.id, page.id)
    if fields:
        await field_actions.set_values(tx, actor, incident.id, fields, now)
    if commander_id is not None:
        await take_role(tx, actor, incident.id, IncidentRole.COMMANDER, commander_id, now)
    if FACTS[chosen].page and (page_in_drill or not drill):
        await records.page_for(tx, actor, incident, affected_ids, now)
    return await records.schedule_next_update(tx, incident)


@permits(Verb.INCIDENT_UPDATE)
async def take_role(
    tx: Tx, actor: Actor, incident_id: int, role: IncidentRole, person_id: int, now: datetime
) -> None:
    """Assign a role; a role that only one person can hold is taken from its holder. Idempotent.

    Raise `Conflict` for a viewer, and at SEV0 and SEV1 for a commander who would be subject matter expert too.
    """
    incident = await records.locked(tx, incident_id)
    if incident.phase not in OPEN:
        raise Conflict(f"{incident.ref} is {incident.phase}, so its roles can't be changed.")
    person = await people.person(tx, person_id)
    if not person.active:
        raise Conflict(f"{person.name} is deactivated.", fields={"person": "Choose someone else."})
    current = (await store.roles(tx, [incident_id]))[incident_id]
    assignments = [a for a in current if a.role is role]
    if any(a.person_id == person_id for a in assignments):
        return
    check_can_take(incident, person, role, {a.role for a in current if a.person_id == person_id})
    name, assigns_self = ROLE_NAMES[role].lower(), actor.person_id == person_id
    text = f"became {name}" if assigns_self else f"assigned {person.name} as {name}"
    ended = assignments if role in SINGLE else []
    if ended:
        previous = await people.person(tx, ended[0].person_id)
        await store.end_role(tx, incident_id, role, None, now)
        text = (
            f"took over as {name} from {previous.name}"
            if assigns_self
            else f"changed {name} from {previous.name} to {person.name}"
        )
    await store.start_role(tx, incident_id, role, person_id, now)
    await records.add_timeline_entry(tx, actor, incident_id, "role", text, now, role=role, person=person_id)
    await tx.audit(actor, "incident.role", incident.ref, now, role=role, person=person_id)
    for assignment in ended:
        await tx.emit(RoleChanged(incident_id, role, assignment.person_id, "ended"), now)
    await tx.emit(RoleChanged(incident_id, role, person_id, "assigned"), now)


def check_can_take(
    incident: Incident, person: Person, role: IncidentRole, held: Collection[IncidentRole]
) -> None:
    """Raise `Conflict` if the person, who has the roles `held`, can't take this role too."""
    if not role_rules.can_hold_roles(person):
        raise Conflict(
            f"{person.name} is a viewer, and viewers can't have a role in an incident.",
            hint="Choose someone else, or ask an admin to change the account.",
            fields={"person": "Choose someone who isn't a viewer."},
        )
    if other := role_rules.conflicting_role(incident.severity, role, held):
        raise Conflict(
            role_rules.conflict_text(incident, person, role, other),
            hint=f"Hand over or release the role {ROLE_NAMES[other].lower()} first, or choose someone else.",
            fields={"person": "Choose someone else."},
        )


@permits(Verb.INCIDENT_UPDATE)
async def release_role(
    tx: Tx, actor: Actor, incident_id: int, role: IncidentRole, person_id: int, now: datetime
) -> None:
    """End a person's role without a successor. Idempotent."""
    incident = await records.locked(tx, incident_id)
    if incident.phase not in OPEN:
        raise Conflict(f"{incident.ref} is {incident.phase}, so its roles can't be changed.")
    assignments = (await store.roles(tx, [incident_id]))[incident_id]
    if not any(a.role is role and a.person_id == person_id for a in assignments):
        return
    name = ROLE_NAMES[role].lower()
    is_own = actor.person_id == person_id
    person = await people.person(tx, person_id)
    text = f"released the role {name}" if is_own else f"released {person.name} from the role {name}"
    await store.end_role(tx, incident_id, role, person_id, now)
    await handover_store.cancel_of(tx, incident_id, role, person_id, now)
    data = {"role": role, "person": person_id, "change": "ended"}
    await record_entry(tx, actor, incident_id, "role", text, data, now)
    await tx.audit(actor, "incident.role_released", incident.ref, now, role=role, person=person_id)
    await tx.emit(RoleChanged(incident_id, role, person_id, "ended"), now)


@permits(Verb.INCIDENT_UPDATE)
async def add_entry(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    kind: str,
    text: str,
    now: datetime,
    *,
    effective_at: datetime | None = None,
    data: Mapping[str, Any] | None = None,
) -> int:
    """Add a timeline entry and return its id; `effective_at` is when it happened, None for now.

    It extends the acknowledgement of the page, and an update restarts its interval. `data` is stored with it.
    """
    incident = await records.locked(tx, incident_id)
    if kind not in ENTRY_KINDS:
        raise Invalid(
            f"{kind!r} is not a kind of entry.", fields={"kind": f"Use one of {', '.join(ENTRY_KINDS)}."}
        )
    text, at = entry_text(text), entry_time(incident, effective_at, now)
    entry_id = await records.write_entry(tx, actor, incident_id, kind, text, data or {}, now, at)
    if kind == "mitigation" and (incident.mitigated_at is None or at < incident.mitigated_at):
        await store.change(tx, incident_id, mitigated_at=at)
    if kind == "update":
        latest = max(at, incident.last_update_at or at)
        await records.schedule_next_update(tx, await store.change(tx, incident_id, last_update_at=latest))
        await tx.emit(UpdatePosted(incident_id, entry_id), now)
    await paging.extend_ack(tx, "incident", incident_id, now)
    return entry_id


@permits(Verb.INCIDENT_UPDATE)
async def record_entry(
    tx: Tx, actor: Actor, incident_id: int, kind: str, text: str, data: Mapping[str, Any], now: datetime
) -> None:
    """Add an entry of a slice above, in a kind of its own; the incident stays locked until the transaction ends."""
    await records.locked(tx, incident_id)
    await records.add_timeline_entry(tx, actor, incident_id, kind, text, now, **data)


def _joined_with_and(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


@permits(Verb.INCIDENT_UPDATE)
async def set_canvas(
    tx: Tx, actor: Actor, incident_id: int, conditions: str, actions: str, needs: str, now: datetime
) -> None:
    """Replace conditions, actions and needs."""
    incident = await records.locked(tx, incident_id)
    texts = {"conditions": conditions, "actions": actions, "needs": needs}
    canvas: dict[str, Any] = {name: clean_text(text, _CANVAS_MAX_CHARS) for name, text in texts.items()}
    changed = [name for name in canvas if canvas[name] != getattr(incident, name)]
    if changed:
        await store.change(tx, incident_id, **canvas)
        await records.add_timeline_entry(
            tx, actor, incident_id, "canvas", f"updated {_joined_with_and(changed)}", now, **canvas
        )


@permits(Verb.INCIDENT_UPDATE)
async def set_severity(
    tx: Tx, actor: Actor, incident_id: int, severity: int, reason: str, now: datetime
) -> Incident:
    """Change the severity, or confirm it at the same level.

    Raising it to SEV0 or SEV1 pages. Lowering it requires a reason, and from SEV0 and SEV1 the commander.
    """
    old = await records.locked(tx, incident_id)
    if old.phase not in OPEN:
        raise Conflict(f"{old.ref} is {old.phase}, so its severity can't be changed.")
    if old.phase in UNDECLARED:
        raise Conflict(f"{old.ref} is not declared yet.", hint="Declare it with this severity.")
    reason = clean_text(reason, 1000)
    if severity == old.severity and old.provisional:
        return await _confirm_severity(tx, actor, old, reason, now)
    if why := lifecycle.severity_refusal(old, severity, reason, await store.last_raise(tx, incident_id), now):
        raise Conflict(why)
    if severity > old.severity and old.severity <= 1:
        await _require_commander(tx, actor, old)
    new = await store.change(
        tx,
        incident_id,
        severity=severity,
        max_severity=min(old.max_severity, severity),
        severity_at=now,
        provisional=False,
    )
    raised = severity < old.severity
    because = f": {reason}" if reason else ""
    text = f"{'raised' if raised else 'lowered'} severity from SEV{old.severity} to SEV{severity}{because}"
    change = {"from": old.severity, "to": severity}
    await records.add_timeline_entry(tx, actor, incident_id, "severity", text, now, **change)
    await tx.audit(actor, "incident.severity", old.ref, now, **change)
    await tx.emit(SeverityChanged(incident_id, old.severity, int(severity), raised), now)
    if raised and FACTS[Severity(severity)].page and not new.drill:
        await records.page_for(tx, actor, new, (await store.services(tx, [incident_id]))[incident_id], now)
    return await records.schedule_next_update(tx, new)


async def _confirm_severity(tx: Tx, actor: Actor, old: Incident, reason: str, now: datetime) -> Incident:
    """End the provisional severity of an incident at the same level."""
    new = await store.change(tx, old.id, provisional=False)
    text = f"confirmed SEV{old.severity}" + (f": {reason}" if reason else "")
    await records.add_timeline_entry(tx, actor, old.id, "confirmed", text, now, severity=old.severity)
    await tx.audit(actor, "incident.severity_confirmed", old.ref, now, severity=old.severity)
    await tx.emit(SeverityConfirmed(old.id, old.severity), now)
    return new


async def _require_commander(tx: Tx, actor: Actor, incident: Incident) -> None:
    """Raise `Forbidden` unless the actor is the commander, or Firebell itself."""
    assignments = (await store.roles(tx, [incident.id]))[incident.id]
    commanders = {a.person_id for a in assignments if a.role is IncidentRole.COMMANDER}
    if actor is not SYSTEM and actor.person_id not in commanders:
        raise Forbidden(
            f"Only the commander can lower a SEV{incident.severity}.",
            hint="Take command first, or ask the commander.",
        )


@permits(Verb.INCIDENT_UPDATE)
async def merge(
    tx: Tx, actor: Actor, incident_id: int, into_id: int, now: datetime, *, reason: str = ""
) -> Incident:
    """Merge one open incident into another, which gets the worse severity of the two, and return the second."""
    old, into = await merging.absorb(tx, actor, incident_id, into_id, reason, now)
    if old.severity < into.severity and old.phase not in UNDECLARED:
        return await set_severity(tx, actor, into_id, old.severity, f"Merged {old.ref}", now)
    return into


@permits(Verb.INCIDENT_UPDATE)
async def link_page(tx: Tx, actor: Actor, incident_id: int, page_id: int, now: datetime) -> None:
    """Link a page to the incident."""
    await records.locked(tx, incident_id)
    page = await paging.page(tx, page_id)
    await store.link_page(tx, incident_id, page_id)
    await records.add_timeline_entry(
        tx, actor, incident_id, "linked", f"linked {page.ref}: {page.title}", now, page=page_id
    )


async def link_manual_page(tx: Tx, event: ManualPageStarted, now: datetime) -> None:
    """Link a page that a person started for the incident, and note whom they paged; raise `NotFound`.

    The page of a drill says so.
    """
    incident = await records.locked(tx, event.incident_id)
    if incident.drill:
        await paging.mark_as_drill(tx, event.page_id)
    await store.link_page(tx, event.incident_id, event.page_id)
    actor = Actor("person", event.actor, event.actor_id)
    text = f"paged {event.target_name} (PG-{event.page_id}): {event.text}"
    await records.add_timeline_entry(tx, actor, event.incident_id, "paged", text, now, page=event.page_id)


async def note_overdue_updates(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Note in the timelines that updates are overdue; return the incidents that are locked right now."""
    unlocked = await store.lock_free(tx, ids)
    for incident in unlocked:
        if incident.update_due_at and incident.update_due_at <= now and incident.phase in OPEN:
            text = "The update is overdue."
            await records.add_timeline_entry(tx, SYSTEM, incident.id, "check", text, now, check="I-UPDATE")
    return set(ids) - {incident.id for incident in unlocked}


async def note_stable_incidents(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Note in the timelines that incidents were stable for 30 minutes; return those that are locked right now."""
    unlocked = await store.lock_free(tx, ids)
    for incident in unlocked:
        since = incident.stable_since
        if incident.phase is Phase.MONITORING and since and now - since >= lifecycle.STABILITY_PERIOD:
            conditions = await closing_facts.conditions(tx, incident, now)
            missing = [condition.title for condition in closing.by_urgency(conditions)]
            can_close = f"Missing: {'; '.join(missing)}." if missing else "It can be closed now."
            text = f"Stable for 30 minutes. {can_close}"
            await records.add_timeline_entry(tx, SYSTEM, incident.id, "stable", text, now)
    return set(ids) - {incident.id for incident in unlocked}


@internal("A promise of the response sets it.")
async def set_update_due(tx: Tx, incident_id: int, due_at: datetime) -> None:
    """Set when the next update is due, until the next update or change."""
    await timers.schedule(tx, UPDATE_DUE_TIMER, str(incident_id), due_at)
    await store.change(tx, incident_id, update_due_at=due_at)
