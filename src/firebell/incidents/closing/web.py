"""The page that says what is missing before an incident can be closed, and closes it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Response

from firebell.incidents import actions, lookup
from firebell.incidents.closing import final_facts_actions, watchers
from firebell.incidents.closing import queries as closing_queries
from firebell.incidents.closing import rules as closing_rules
from firebell.incidents.closing import store as closing_store
from firebell.incidents.closing.final_facts import (
    CATEGORY_NAMES,
    CUSTOMERS_MAX,
    EDITABLE,
    NUMBERS,
    TEXTS,
    TIMES,
)
from firebell.incidents.model import POSTMORTEM_WITHIN, Phase
from firebell.incidents.phases import lifecycle
from firebell.incidents.phases import store as phase_store
from firebell.incidents.queries import PHASE_LABELS
from firebell.kit.errors import FirebellError
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choice, to_number
from firebell.kit.typed_numbers import without_thousands
from firebell.kit.web import flash, html, routing
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


async def _render(
    visit: Visit, ref: str, fields: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    incident = await actions.incident(visit.tx, parse_ref("INC", ref))
    conditions = await closing_queries.conditions(visit.tx, incident, visit.now)
    missing = closing_rules.by_urgency(conditions)
    transitions = await phase_store.transitions(visit.tx, incident.id)
    commander_id = closing_rules.commander_of(await lookup.holders(visit.tx, incident.id))
    commander = (await people.person(visit.tx, commander_id)).name if commander_id else ""
    context: dict[str, Any] = {
        "nav": "incidents",
        "live": f"inc-{incident.id},pages",
        "i": incident,
        "stages": PHASE_LABELS,
        "total": len(conditions),
        "missing": missing,
        "met": [condition for condition in conditions if condition.is_met],
        "closable_at": closing_rules.closable_at(conditions, visit.now),
        "is_monitoring": incident.phase is Phase.MONITORING,
        "override_refusal": closing_rules.override_refusal(
            incident, commander_id, visit.person.id, commander
        ),
        "reports": await closing_store.reports(visit.tx, incident.id),
        "is_watching": await watchers.is_watching(visit.tx, incident.id, visit.person.id),
        "facts": await final_facts_actions.final_facts(visit.tx, incident.id),
        "categories": [(str(category), name) for category, name in CATEGORY_NAMES.items()],
        "facts_editable": incident.phase in EDITABLE,
        "findings": closing_rules.early_close_findings(incident, transitions),
        "transitions": transitions,
        "postmortem_required": lifecycle.postmortem_required(incident),
        "postmortem_due_at": visit.now + POSTMORTEM_WITHIN,
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "incidents/close.html", context)


@router.get("/incidents/{ref}/close", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def show(visit: CurrentVisit, ref: str) -> Response:
    return await _render(visit, ref, {})


@router.post("/incidents/{ref}/close", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def close(visit: CurrentVisit, ref: str) -> Response:
    """Close the incident; with `force`, without the missing conditions."""
    incident_id, fields = parse_ref("INC", ref), visit.values
    try:
        async with visit.tx.savepoint():
            await actions.set_phase(
                visit.tx,
                visit.actor,
                incident_id,
                Phase.CLOSED,
                visit.now,
                reason=fields.get("reason", ""),
                force=bool(fields.get("force")),
            )
    except FirebellError as error:
        return await _render(visit, ref, fields, error)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}", f"INC-{incident_id} closed.")


@router.post("/incidents/{ref}/close/baseline", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def sign_baseline(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    await actions.sign_baseline(visit.tx, visit.actor, incident_id, visit.text("note"), visit.now)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}/close", "Baseline confirmed.")


@router.post("/incidents/{ref}/close/reports", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def record_report(visit: CurrentVisit, ref: str) -> Response:
    incident_id, fields = parse_ref("INC", ref), visit.values
    was_monitoring = (await actions.incident(visit.tx, incident_id)).phase is Phase.MONITORING
    try:
        reported_at = visit.instant("reported_at")
        async with visit.tx.savepoint():
            await actions.record_report(
                visit.tx,
                visit.actor,
                incident_id,
                fields.get("text", ""),
                visit.now,
                reported_at=reported_at,
            )
    except FirebellError as error:
        return await _render(visit, ref, fields, error)
    incident = await actions.incident(visit.tx, incident_id)
    text = "Customer report recorded."
    if was_monitoring and incident.phase is not Phase.MONITORING:
        text = f"Customer report recorded. {incident.ref} is {incident.phase} again."
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}/close", text)


@router.post("/incidents/{ref}/close/watch", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def watch(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    if visit.text("stop"):
        await watchers.unwatch(visit.tx, visit.actor, incident_id)
        text = "You aren’t notified anymore."
    else:
        await watchers.watch(visit.tx, visit.actor, incident_id, visit.now)
        text = f"You are notified when INC-{incident_id} can be closed."
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}/close", text)


@router.post("/incidents/{ref}/close/facts", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def record_facts(visit: CurrentVisit, ref: str) -> Response:
    incident_id, fields = parse_ref("INC", ref), visit.values
    try:
        times = {name: visit.instant(name) for name in TIMES if name in fields}
        numbers = {name: _customers(fields[name]) for name in NUMBERS if name in fields}
        incident = await actions.incident(visit.tx, incident_id)
        async with visit.tx.savepoint():
            await final_facts_actions.record_final_facts(
                visit.tx,
                visit.actor,
                incident_id,
                {name: fields[name] for name in TEXTS if name in fields},
                {name: _same_minute(at, getattr(incident, name)) for name, at in times.items()},
                visit.now,
                numbers=numbers,
            )
    except FirebellError as error:
        return await _render(visit, ref, fields, error)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}/close", "Final facts recorded.")


def _customers(typed: str) -> int | None:
    """Return a number of customers, with or without commas between thousands; None if it is blank."""
    digits = without_thousands(typed)
    return to_number(digits, "customers", most=CUSTOMERS_MAX) if digits else None


def _same_minute(at: datetime | None, stored: datetime | None) -> datetime | None:
    """Return the stored time if a form, which has no seconds, shows the same minute."""
    same = at is not None and stored is not None and stored.replace(second=0, microsecond=0) == at
    return stored if same else at


@router.post("/incidents/{ref}/close/reports/answer", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def answer_report(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    report_id = to_choice(visit.text("report"), "report") or 0
    await actions.answer_report(visit.tx, visit.actor, incident_id, report_id, visit.now)
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}/close", "Report marked answered.")
