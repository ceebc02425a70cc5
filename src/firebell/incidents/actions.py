"""Actions on incidents. Every one adds a timeline entry, emits its events and updates open browsers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from firebell.catalog import actions as catalog
from firebell.incidents import lifecycle, list_store, store
from firebell.incidents.model import (
    ACTIVE,
    ENTRY_KINDS,
    OPEN,
    ROLE_NAMES,
    SINGLE,
    EntryAdded,
    Incident,
    IncidentClosed,
    IncidentDeclared,
    IncidentRole,
    Phase,
    PhaseChanged,
    RoleChanged,
    SeverityChanged,
    UpdatePosted,
)
from firebell.incidents.severity import FACTS, Severity, classify, suggest
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.kit.text import clean_name, clean_text
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.people import actions as people
from firebell.people.authorization import permits
from firebell.people.permissions import Verb

UPDATE_DUE_TIMER = "incidents.update_due"
STABLE_TIMER = "incidents.stable"
_ENTRY_MAX_CHARS = 10_000
_TITLE_MAX_CHARS = 200
_SUMMARY_MAX_CHARS = 5_000
_CANVAS_MAX_CHARS = 2_000
_TWIN_WITHIN = timedelta(seconds=10)
ENTRY_AT_MOST_BEFORE = timedelta(days=7)
"""How long before the detection an entry can have happened."""

POSTMORTEM_WITHIN = lifecycle.POSTMORTEM_WITHIN
incidents = list_store.in_phases
incidents_by_id = store.incidents_by_id
incident_of_page = store.incident_of_page
lock_free = store.lock_free
page_ids = store.page_ids
postmortem_required = lifecycle.postmortem_required
roles = store.roles
services = store.services
timeline = store.timeline


async def incident(tx: Tx, incident_id: int) -> Incident:
    """Return an incident; raise `NotFound`."""
    return _existing(await store.incident(tx, incident_id), incident_id)


async def _locked(tx: Tx, incident_id: int) -> Incident:
    return _existing(await store.lock(tx, incident_id), incident_id)


def _existing(incident: Incident | None, incident_id: int) -> Incident:
    if incident is None:
        raise NotFound(f"There is no incident INC-{incident_id}.", hint="See all incidents at /incidents.")
    return incident


async def _add_timeline_entry(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    kind: str,
    text: str,
    now: datetime,
    effective_at: datetime | None = None,
    **data: Any,
) -> int:
    """Add an entry, refresh open browsers, and return its id; the only place that writes entries."""
    entry_id = await store.add_entry(
        tx, incident_id, kind, actor.label, actor.person_id, text, data, now, effective_at or now
    )
    await tx.live("incidents")
    await tx.live(f"inc-{incident_id}")
    await tx.emit(EntryAdded(incident_id, entry_id, kind), now)
    return entry_id


async def _schedule_next_update(tx: Tx, incident: Incident) -> Incident:
    """Set when the next update is due, with its timer."""
    due_at = lifecycle.next_update(incident)
    if due_at is None:
        await timers.cancel(tx, UPDATE_DUE_TIMER, str(incident.id))
    else:
        await timers.schedule(tx, UPDATE_DUE_TIMER, str(incident.id), due_at)
    return await store.change(tx, incident.id, update_due_at=due_at)


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
    cap_unknown: bool = False,
    now: datetime,
) -> Incident:
    """Declare an incident; SEV0 and SEV1 page in the same transaction.

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
    if twin := await store.twin(tx, actor.person_id, title, now - _TWIN_WITHIN):
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
    )
    await store.set_services(tx, incident.id, affected_ids)
    origin = f" from {page.ref}" if page else ""
    text = f"declared SEV{chosen}{origin}: {title}"
    await _add_timeline_entry(
        tx, actor, incident.id, "declared", text, now, severity=int(chosen), path=list(verdict.path)
    )
    await tx.audit(actor, "incident.declared", incident.ref, now, severity=int(chosen))
    await tx.emit(IncidentDeclared(incident.id, int(chosen), incident.provisional, drill), now)
    if page:
        await store.link_page(tx, incident.id, page.id)
    if commander_id is not None:
        await take_role(tx, actor, incident.id, IncidentRole.COMMANDER, commander_id, now)
    if FACTS[chosen].page and not drill:
        await _page(tx, actor, incident, affected_ids, now)
    return await _schedule_next_update(tx, incident)


async def _page(tx: Tx, actor: Actor, incident: Incident, service_ids: Sequence[int], now: datetime) -> None:
    """Page for the incident by the policy of its first service, or raise the page that it already has."""
    services_by_id = await catalog.services_by_id(tx, service_ids)
    service = next((services_by_id[i] for i in service_ids if i in services_by_id), None)
    page_id = await paging.start_incident_page(
        tx,
        actor,
        incident_id=incident.id,
        title=f"{incident.ref}: {incident.title}",
        severity=incident.severity,
        service_id=service.id if service else None,
        team_id=service.team_id if service else None,
        policy_id=service.policy_id if service else None,
        now=now,
    )
    if page_id is None:
        await paging.raise_incident_page(tx, "incident", incident.id, incident.severity, now)
        return
    await store.link_page(tx, incident.id, page_id)
    text = f"Paged for a commander and subject matter experts (PG-{page_id})."
    await _add_timeline_entry(tx, SYSTEM, incident.id, "paged", text, now, page=page_id)


@permits(Verb.INCIDENT_UPDATE)
async def take_role(
    tx: Tx, actor: Actor, incident_id: int, role: IncidentRole, person_id: int, now: datetime
) -> None:
    """Assign a role; a role that only one person can hold is taken from its holder. Idempotent."""
    incident = await _locked(tx, incident_id)
    if incident.phase not in OPEN:
        raise Conflict(f"{incident.ref} is {incident.phase}, so its roles can't be changed.")
    person = await people.person(tx, person_id)
    if not person.active:
        raise Conflict(f"{person.name} is deactivated.", fields={"person": "Choose someone else."})
    assignments = [a for a in (await store.roles(tx, [incident_id]))[incident_id] if a.role is role]
    if any(a.person_id == person_id for a in assignments):
        return
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
    await _add_timeline_entry(tx, actor, incident_id, "role", text, now, role=role, person=person_id)
    await tx.audit(actor, "incident.role", incident.ref, now, role=role, person=person_id)
    for assignment in ended:
        await tx.emit(RoleChanged(incident_id, role, assignment.person_id, "ended"), now)
    await tx.emit(RoleChanged(incident_id, role, person_id, "assigned"), now)


def _entry_time(incident: Incident, effective_at: datetime | None, now: datetime) -> datetime:
    """Return when an entry happened; raise `Invalid` if that is in the future or long before the incident."""
    if effective_at is None:
        return now
    if effective_at > now:
        raise Invalid(
            "The time is in the future.", fields={"at": "Enter when it happened, or leave it blank."}
        )
    earliest = (incident.impact_start or incident.detected_at) - ENTRY_AT_MOST_BEFORE
    if effective_at < earliest:
        raise Invalid(
            "The time is long before the incident.",
            fields={"at": f"Enter a time within {ENTRY_AT_MOST_BEFORE.days} days before it was detected."},
        )
    return effective_at


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
    incident = await _locked(tx, incident_id)
    if kind not in ENTRY_KINDS:
        raise Invalid(
            f"{kind!r} is not a kind of entry.", fields={"kind": f"Use one of {', '.join(ENTRY_KINDS)}."}
        )
    if len(text) > _ENTRY_MAX_CHARS:
        raise Invalid(
            "The entry is too long.", fields={"text": f"Enter at most {_ENTRY_MAX_CHARS:,} characters."}
        )
    text = clean_text(text, _ENTRY_MAX_CHARS)
    if not text:
        raise Invalid("The entry is empty.", fields={"text": "Enter what happened or what you see."})
    at = _entry_time(incident, effective_at, now)
    entry_id = await _add_timeline_entry(tx, actor, incident_id, kind, text, now, at, **(data or {}))
    if kind == "mitigation" and (incident.mitigated_at is None or at < incident.mitigated_at):
        await store.change(tx, incident_id, mitigated_at=at)
    if kind == "update":
        latest = max(at, incident.last_update_at or at)
        await _schedule_next_update(tx, await store.change(tx, incident_id, last_update_at=latest))
        await tx.emit(UpdatePosted(incident_id, entry_id), now)
    await paging.extend_ack(tx, "incident", incident_id, now)
    return entry_id


@permits(Verb.INCIDENT_UPDATE)
async def record_entry(
    tx: Tx, actor: Actor, incident_id: int, kind: str, text: str, data: Mapping[str, Any], now: datetime
) -> None:
    """Add an entry of a slice above, in a kind of its own; the incident stays locked until the transaction ends."""
    await _locked(tx, incident_id)
    await _add_timeline_entry(tx, actor, incident_id, kind, text, now, **data)


def _joined_with_and(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


@permits(Verb.INCIDENT_UPDATE)
async def set_canvas(
    tx: Tx, actor: Actor, incident_id: int, conditions: str, actions: str, needs: str, now: datetime
) -> None:
    """Replace conditions, actions and needs."""
    incident = await _locked(tx, incident_id)
    texts = {"conditions": conditions, "actions": actions, "needs": needs}
    canvas: dict[str, Any] = {name: clean_text(text, _CANVAS_MAX_CHARS) for name, text in texts.items()}
    changed = [name for name in canvas if canvas[name] != getattr(incident, name)]
    if changed:
        await store.change(tx, incident_id, **canvas)
        await _add_timeline_entry(
            tx, actor, incident_id, "canvas", f"updated {_joined_with_and(changed)}", now, **canvas
        )


@permits(Verb.INCIDENT_UPDATE)
async def set_severity(
    tx: Tx, actor: Actor, incident_id: int, severity: int, reason: str, now: datetime
) -> Incident:
    """Change the severity; raising it to SEV0 or SEV1 pages, lowering it requires a reason."""
    old = await _locked(tx, incident_id)
    if old.phase not in OPEN:
        raise Conflict(f"{old.ref} is {old.phase}, so its severity can't be changed.")
    reason = clean_text(reason, 1000)
    if why := lifecycle.severity_refusal(old, severity, reason, await store.last_raise(tx, incident_id), now):
        raise Conflict(why)
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
    change: dict[str, Any] = {"from": old.severity, "to": severity}
    await _add_timeline_entry(tx, actor, incident_id, "severity", text, now, **change)
    await tx.audit(actor, "incident.severity", old.ref, now, **change)
    await tx.emit(SeverityChanged(incident_id, old.severity, int(severity), raised), now)
    if raised and FACTS[Severity(severity)].page and not new.drill:
        await _page(tx, actor, new, (await store.services(tx, [incident_id]))[incident_id], now)
    return await _schedule_next_update(tx, new)


@permits(Verb.INCIDENT_UPDATE)
async def set_phase(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    phase: Phase,
    now: datetime,
    *,
    reason: str = "",
    force: bool = False,
    published: bool = False,
) -> Incident:
    """Change the phase if its checks pass, or with `force` and a reason, which the timeline shows.

    `published` means that the post-mortem is published.
    """
    old = await _locked(tx, incident_id)
    facts = replace(await _guard_facts(tx, old), published=published)
    why = lifecycle.refusal(old, phase, facts, now)
    allowed = phase in lifecycle.ALLOWED[old.phase]
    if why and not (force and allowed):
        raise Conflict(why, hint="Give a reason to skip this check." if allowed else "")
    reason = clean_text(reason, 1000)
    if why and not reason:
        raise Invalid("Give a reason to skip this check.", fields={"reason": "Enter a reason."})
    new = await store.change(tx, incident_id, phase=phase, **_times(old, phase, now))
    await _after_phase_change(tx, actor, old.phase, new, now)
    skipped = f", skipping a check (“{why.rstrip('.')}”). Reason: {reason}" if why else ""
    note = f". {reason}" if reason and not why else ""
    text = {
        Phase.MONITORING: "resolved it: impact ended, monitoring for 30 minutes",
        Phase.CLOSED: "closed it",
        Phase.DISMISSED: "dismissed it as a false alarm",
        Phase.REVIEWED: "published the post-mortem",
    }.get(phase, f"moved it to {phase}")
    if old.phase is Phase.CLOSED and phase is Phase.INVESTIGATING:
        text = "reopened it"
    change: dict[str, Any] = {"from": old.phase, "to": phase}
    await _add_timeline_entry(tx, actor, incident_id, "phase", f"{text}{skipped}{note}", now, **change)
    await tx.audit(actor, "incident.phase", old.ref, now, to=phase, forced=bool(why))
    await tx.emit(PhaseChanged(incident_id, old.phase, phase, now), now)
    if phase is Phase.CLOSED:
        await tx.emit(IncidentClosed(incident_id), now)
    return await _schedule_next_update(tx, new)


@permits(Verb.INCIDENT_UPDATE)
async def withdraw_review(tx: Tx, actor: Actor, incident_id: int, now: datetime) -> None:
    """Move a reviewed incident back to closed, because its post-mortem is a draft again. Idempotent."""
    old = await _locked(tx, incident_id)
    if old.phase is not Phase.REVIEWED:
        return
    await store.change(tx, incident_id, phase=Phase.CLOSED)
    change: dict[str, Any] = {"from": Phase.REVIEWED, "to": Phase.CLOSED}
    await _add_timeline_entry(tx, actor, incident_id, "phase", "unpublished the post-mortem", now, **change)
    await tx.audit(actor, "incident.phase", old.ref, now, to=Phase.CLOSED, forced=False)
    await tx.emit(PhaseChanged(incident_id, Phase.REVIEWED, Phase.CLOSED, now), now)


def _times(old: Incident, phase: Phase, now: datetime) -> dict[str, Any]:
    """Return the columns that entering a phase changes."""
    match phase:
        case Phase.MONITORING:
            return {"impact_end": now, "resolved_at": now, "stable_since": now}
        case Phase.CLOSED | Phase.DISMISSED:
            return {"closed_at": now}
        case Phase.REVIEWED:
            return {}
        case _ if old.phase in (Phase.MONITORING, Phase.CLOSED):
            return {
                "impact_end": None,
                "resolved_at": None,
                "stable_since": None,
                "closed_at": None,
                "reopen_count": old.reopen_count + 1,
            }
        case _:
            return {}


async def _after_phase_change(tx: Tx, actor: Actor, before: Phase, new: Incident, now: datetime) -> None:
    if before is Phase.MONITORING:
        await timers.cancel(tx, STABLE_TIMER, str(new.id))
    match new.phase:
        case Phase.MONITORING:
            await timers.schedule(tx, STABLE_TIMER, str(new.id), now + lifecycle.STABILITY_PERIOD)
            await paging.resolve_incident_page(
                tx, "incident", new.id, f"{actor.label} resolved {new.ref}.", now
            )
        case Phase.CLOSED | Phase.REVIEWED | Phase.DISMISSED:
            await paging.resolve_incident_page(tx, "incident", new.id, f"{new.ref} was {new.phase}.", now)
        case _ if before not in ACTIVE and new.severity <= 1 and not new.drill:
            await _page(tx, actor, new, (await store.services(tx, [new.id]))[new.id], now)
        case _:
            await paging.extend_ack(tx, "incident", new.id, now)


async def _guard_facts(tx: Tx, incident: Incident) -> lifecycle.GuardFacts:
    assignments = (await store.roles(tx, [incident.id]))[incident.id]
    pages = await paging.pages_by_id(tx, await store.page_ids(tx, incident.id))
    blocking = (PageState.TRIGGERED, PageState.EXHAUSTED, PageState.ACKED)
    return lifecycle.GuardFacts(
        roles=frozenset(a.role for a in assignments),
        open_pages=tuple(page.ref for page in pages.values() if page.state in blocking),
        mitigation_recorded=await store.has_entry(tx, incident.id, "mitigation"),
    )


async def refusals(tx: Tx, incident: Incident, now: datetime) -> dict[Phase, str | None]:
    """Return each possible next phase with why the incident may not enter it now, None if it may."""
    facts = await _guard_facts(tx, incident)
    return {to: lifecycle.refusal(incident, to, facts, now) for to in lifecycle.ALLOWED[incident.phase]}


@permits(Verb.INCIDENT_UPDATE)
async def link_page(tx: Tx, actor: Actor, incident_id: int, page_id: int, now: datetime) -> None:
    """Link a page to the incident."""
    await _locked(tx, incident_id)
    page = await paging.page(tx, page_id)
    await store.link_page(tx, incident_id, page_id)
    await _add_timeline_entry(
        tx, actor, incident_id, "linked", f"linked {page.ref}: {page.title}", now, page=page_id
    )


async def note_overdue_updates(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Note in the timelines that updates are overdue; return the incidents that are locked right now."""
    unlocked = await store.lock_free(tx, ids)
    for incident in unlocked:
        if incident.update_due_at and incident.update_due_at <= now and incident.phase in OPEN:
            text = "The update is overdue."
            await _add_timeline_entry(tx, SYSTEM, incident.id, "check", text, now, check="I-UPDATE")
    return set(ids) - {incident.id for incident in unlocked}


async def note_stable_incidents(tx: Tx, ids: Sequence[int], now: datetime) -> set[int]:
    """Note in the timelines that incidents were stable for 30 minutes; return those that are locked right now."""
    unlocked = await store.lock_free(tx, ids)
    for incident in unlocked:
        since = incident.stable_since
        if incident.phase is Phase.MONITORING and since and now - since >= lifecycle.STABILITY_PERIOD:
            text = "Stable for 30 minutes. It can be closed now."
            await _add_timeline_entry(tx, SYSTEM, incident.id, "stable", text, now)
    return set(ids) - {incident.id for incident in unlocked}
