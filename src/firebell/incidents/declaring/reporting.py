"""Incidents before someone declares them: reported by a person, looked at, then declared or dismissed."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.catalog import actions as catalog
from firebell.incidents import linked_pages, lookup, store, timeline_writer, type_and_visibility
from firebell.incidents.model import UNDECLARED, Incident, IncidentDeclared, IncidentType, Phase, PhaseChanged
from firebell.incidents.phases import actions as phase_actions
from firebell.incidents.severity import FACTS, Severity, classify
from firebell.incidents.text_limits import SUMMARY_MAX_CHARS, TITLE_MAX_CHARS
from firebell.incidents.update_deadlines import actions as update_actions
from firebell.kit import private_reader
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_name, clean_text
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb


@permits(Verb.INCIDENT_DECLARE)
async def report(
    tx: Tx,
    actor: Actor,
    *,
    title: str,
    summary: str = "",
    service_ids: Sequence[int] = (),
    page_id: int | None = None,
    incident_type: IncidentType = IncidentType.OPERATIONAL,
    private: bool = False,
    now: datetime,
) -> Incident:
    """Report what may be an incident: it is detected, has no severity yet, and pages no one.

    It counts as SEV2 until someone declares it. Raise `NotFound` for an unknown service or page.
    """
    title = clean_name(title, "title", limit=TITLE_MAX_CHARS)
    page = await paging.page(tx, page_id) if page_id is not None else None
    own = [page.service_id] if page and page.service_id else []
    affected_ids = list(dict.fromkeys([*service_ids, *own]))
    services_by_id = await catalog.services_by_id(tx, affected_ids)
    if missing := [i for i in affected_ids if i not in services_by_id]:
        raise NotFound(f"There is no service {missing[0]}.")
    incident = await store.insert(
        tx,
        title=title,
        summary=clean_text(summary, SUMMARY_MAX_CHARS, "summary"),
        severity=Severity.SEV2,
        answers={},
        provisional=True,
        drill=False,
        detected_at=min(page.triggered_at, now) if page else now,
        declared_by=actor.person_id,
        now=now,
        phase=Phase.DETECTED,
        type=incident_type,
        visibility=type_and_visibility.visibility_of(incident_type, private=private),
    )
    await store.set_services(tx, incident.id, affected_ids)
    if page:
        await linked_pages.attach_page(tx, incident, page.id, now)
    await phase_actions.add_transition(tx, actor, incident.id, None, Phase.DETECTED, now)
    text = f"reported{f' from {page.ref}' if page else ''}: {title}"
    await timeline_writer.add_timeline_entry(tx, actor, incident.id, "reported", text, now)
    await tx.audit(actor, "incident.reported", incident.ref, now)
    return incident


@permits(Verb.INCIDENT_DECLARE)
async def declare_reported(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    now: datetime,
    *,
    severity: int | None = None,
    answers: Mapping[str, bool | None] | None = None,
) -> Incident:
    """Declare a reported incident with its severity, or answers that decide it; SEV0 and SEV1 page."""
    old = await lookup.locked(tx, incident_id)
    if old.phase not in UNDECLARED:
        raise Conflict(f"{old.ref} is {old.phase}, so it can't be declared again.")
    if severity is None and not answers:
        raise Invalid(
            "The severity is missing.", fields={"severity": "Answer the questions or select a severity."}
        )
    verdict = classify(answers or {})
    chosen = verdict.severity if severity is None else Severity(severity)
    new = await store.change(
        tx,
        incident_id,
        phase=Phase.DECLARED,
        severity=chosen,
        max_severity=chosen,
        severity_at=now,
        answers=dict(answers or {}),
        provisional=verdict.provisional if severity is None else False,
        declared_at=now,
        declared_by=actor.person_id or old.declared_by,
    )
    await phase_actions.add_transition(tx, actor, incident_id, old.phase, Phase.DECLARED, now)
    change: dict[str, Any] = {"severity": int(chosen), "path": list(verdict.path)}
    text = f"declared SEV{chosen}: {new.title}"
    await timeline_writer.add_timeline_entry(tx, actor, incident_id, "declared", text, now, **change)
    await tx.audit(actor, "incident.declared", new.ref, now, severity=int(chosen))
    await tx.emit(PhaseChanged(incident_id, old.phase, Phase.DECLARED, now), now)
    event = IncidentDeclared(incident_id, int(chosen), new.provisional, new.drill, str(new.visibility))
    await tx.emit(event, now)
    if FACTS[chosen].page and not new.drill:
        await linked_pages.page_for(
            tx, actor, new, (await store.services(tx, [incident_id]))[incident_id], now
        )
    return await update_actions.schedule_next_update(tx, new)


async def triage_incidents_of_page(tx: Tx, payload: dict[str, Any], now: datetime) -> None:
    """Move the detected incidents of an acknowledged page to triaging, as the person who acknowledged it."""
    with private_reader.as_reader(None):
        incident_id = await store.incident_of_page(tx, payload["page_id"])
        incident = await store.incident(tx, incident_id) if incident_id is not None else None
        # most acknowledged pages belong to no reported incident, and others wait for the lock of an incident
        if incident is not None and incident.phase is Phase.DETECTED:
            incident = await store.lock(tx, incident.id)
    if incident is None or incident.phase is not Phase.DETECTED:
        return
    person_id = payload.get("person_id")
    actor = SYSTEM
    if person_id:
        actor = Actor("person", (await people.person(tx, person_id)).name, person_id)
    await phase_actions.add_transition(tx, actor, incident.id, Phase.DETECTED, Phase.TRIAGING, now)
    await store.change(tx, incident.id, phase=Phase.TRIAGING)
    change = {"from": Phase.DETECTED, "to": Phase.TRIAGING}
    await timeline_writer.add_timeline_entry(
        tx, actor, incident.id, "phase", "is looking at it", now, **change
    )
    await tx.emit(PhaseChanged(incident.id, Phase.DETECTED, Phase.TRIAGING, now), now)
