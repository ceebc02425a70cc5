"""What an incident is about and who sees it, and the declaration of a reported one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents import actions, field_actions, lifecycle
from firebell.incidents.backfilling import PastTimes
from firebell.incidents.custom_fields import FieldKind
from firebell.incidents.model import TYPE_NAMES, UNDECLARED, IncidentType, Phase
from firebell.incidents.severity import FACTS, parse
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choices, to_wall
from firebell.kit.web import flash, html, routing
from firebell.people import access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

SERVICES_OFFERED = 200
"""Number of services that the form for a report offers."""


def incident_type(text: str) -> IncidentType:
    """Return the type that a form names, operational by default; raise `Invalid`."""
    if text and text not in list(IncidentType):
        raise Invalid("That is not a type.", fields={"type": f"Use one of {', '.join(IncidentType)}."})
    return IncidentType(text or IncidentType.OPERATIONAL)


async def _report_form(
    visit: Visit, fields: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    context = {
        "nav": "incidents",
        "types": [(str(t), name) for t, name in TYPE_NAMES.items()],
        "services": (await catalog.services(visit.tx))[:SERVICES_OFFERED],
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "incidents/report.html", context)


@router.get("/incidents/report", dependencies=access.needs(Verb.INCIDENT_DECLARE))
async def report_form(visit: CurrentVisit) -> Response:
    return await _report_form(visit, {})


@router.post("/incidents/report", dependencies=access.needs(Verb.INCIDENT_DECLARE))
async def report(visit: CurrentVisit) -> Response:
    fields = visit.values
    try:
        async with visit.tx.savepoint():
            incident = await actions.report(
                visit.tx,
                visit.actor,
                title=fields.get("title", ""),
                summary=fields.get("summary", ""),
                service_ids=to_choices(
                    [value for value in visit.form.getlist("service") if value], "service"
                ),
                incident_type=incident_type(fields.get("type", "")),
                private=bool(fields.get("private")),
                now=visit.now,
            )
    except FirebellError as error:
        return await _report_form(visit, fields, error)
    return flash.redirect(visit.request, f"/incidents/{incident.ref}", f"{incident.ref} reported.")


async def render_details(
    visit: Visit, ref: str, fields: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    incident = await actions.incident(visit.tx, parse_ref("INC", ref))
    custom = await field_actions.fields(visit.tx)
    stored = (await field_actions.values(visit.tx, [incident.id]))[incident.id]
    values = field_actions.by_slug(custom, stored)
    chosen = [int(values[f.slug]) for f in custom if f.kind is FieldKind.PERSON and f.slug in values]
    context: dict[str, Any] = {
        "nav": "incidents",
        "live": f"inc-{incident.id}",
        "i": incident,
        "types": [(str(t), name) for t, name in TYPE_NAMES.items()],
        "related": await actions.related(visit.tx, incident),
        "custom_fields": custom,
        "values": values,
        "choosable": await choosable(
            visit.tx, chosen, visit.request.query_params.get("with", ""), chosen=chosen
        ),
        "can_merge": Phase.MERGED in lifecycle.ALLOWED[incident.phase],
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "incidents/details.html", context)


@router.get("/incidents/{ref}/details", dependencies=access.needs(Verb.INCIDENT_READ))
async def details(visit: CurrentVisit, ref: str) -> Response:
    return await render_details(visit, ref, {})


@router.post("/incidents/{ref}/details/type", dependencies=access.needs(Verb.INCIDENT_UPDATE))
async def set_type(visit: CurrentVisit, ref: str) -> Response:
    incident_id, fields = parse_ref("INC", ref), visit.values
    try:
        async with visit.tx.savepoint():
            chosen = incident_type(fields.get("type", ""))
            await actions.set_type(
                *(visit.tx, visit.actor, incident_id, chosen, visit.now),
                private=bool(fields.get("private")) or chosen is IncidentType.SECURITY,
                reason=fields.get("reason", ""),
            )
    except FirebellError as error:
        return await render_details(visit, ref, fields, error)
    return flash.redirect(
        visit.request, f"/incidents/INC-{incident_id}/details", f"Type of INC-{incident_id} saved."
    )


@router.post("/incidents/{ref}/details/merge", dependencies=access.needs(Verb.INCIDENT_UPDATE))
async def merge(visit: CurrentVisit, ref: str) -> Response:
    incident_id, fields = parse_ref("INC", ref), visit.values
    try:
        async with visit.tx.savepoint():
            into = await actions.merge(
                *(visit.tx, visit.actor, incident_id, parse_ref("INC", fields.get("into", "")), visit.now),
                reason=fields.get("reason", ""),
            )
    except FirebellError as error:
        return await render_details(visit, ref, fields, error)
    return flash.redirect(
        visit.request, f"/incidents/{into.ref}", f"INC-{incident_id} merged into {into.ref}."
    )


@router.post("/incidents/{ref}/details/links", dependencies=access.needs(Verb.INCIDENT_UPDATE))
async def relate(visit: CurrentVisit, ref: str) -> Response:
    """Link another incident, or with `remove` delete the link."""
    incident_id, fields = parse_ref("INC", ref), visit.values
    try:
        async with visit.tx.savepoint():
            other_id = parse_ref("INC", fields.get("other", ""))
            if fields.get("remove"):
                await actions.unrelate(visit.tx, visit.actor, incident_id, other_id, visit.now)
            else:
                kind = fields.get("kind", "linked")
                await actions.relate(visit.tx, visit.actor, incident_id, other_id, kind, visit.now)
    except FirebellError as error:
        return await render_details(visit, ref, fields, error)
    text = f"Link to INC-{other_id} removed." if fields.get("remove") else f"INC-{other_id} linked."
    return flash.redirect(visit.request, f"/incidents/INC-{incident_id}/details", text)


async def _past_form(visit: Visit, fields: Mapping[str, str], error: FirebellError | None = None) -> Response:
    context = {
        "nav": "incidents",
        "types": [(str(t), name) for t, name in TYPE_NAMES.items()],
        "severities": [(str(int(level)), f"SEV{int(level)}") for level in FACTS],
        "services": (await catalog.services(visit.tx))[:SERVICES_OFFERED],
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "incidents/past.html", context)


@router.get("/incidents/past", dependencies=access.needs(Verb.INCIDENT_UPDATE))
async def past_form(visit: CurrentVisit) -> Response:
    return await _past_form(visit, {})


def _past_times(fields: Mapping[str, str], tz: str) -> PastTimes:
    def at(name: str) -> datetime | None:
        return to_instant(to_wall(fields[name], name), tz) if fields.get(name) else None

    known = {name: at(name) for name in ("detected_at", "declared_at", "resolved_at", "closed_at")}
    if missing := [name for name, value in known.items() if value is None]:
        raise Invalid("The times are incomplete.", fields=dict.fromkeys(missing, "Enter a date and a time."))
    return PastTimes(**{n: v for n, v in known.items() if v is not None}, impact_start=at("impact_start"))


@router.post("/incidents/past", dependencies=access.needs(Verb.INCIDENT_UPDATE))
async def backfill(visit: CurrentVisit) -> Response:
    fields = visit.values
    try:
        async with visit.tx.savepoint():
            severity = parse(fields.get("severity", ""))
            if severity is None:
                raise Invalid("The severity is missing.", fields={"severity": "Select a severity."})
            incident = await actions.backfill(
                visit.tx,
                visit.actor,
                title=fields.get("title", ""),
                severity=severity,
                times=_past_times(fields, visit.person.tz),
                summary=fields.get("summary", ""),
                service_ids=to_choices([v for v in visit.form.getlist("service") if v], "service"),
                incident_type=incident_type(fields.get("type", "")),
                private=bool(fields.get("private")),
                now=visit.now,
            )
    except Invalid as error:
        return await _past_form(visit, fields, error)
    return flash.redirect(visit.request, f"/incidents/{incident.ref}", f"{incident.ref} recorded.")


async def _declare_form(
    visit: Visit, ref: str, fields: Mapping[str, str], error: FirebellError | None = None
) -> Response:
    incident = await actions.incident(visit.tx, parse_ref("INC", ref))
    if incident.phase not in UNDECLARED:
        return html.redirect(f"/incidents/{incident.ref}")
    context: dict[str, Any] = {
        "nav": "incidents",
        "i": incident,
        "facts": list(FACTS.items()),
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "incidents/declare_reported.html", context)


@router.get("/incidents/{ref}/declare", dependencies=access.needs(Verb.INCIDENT_DECLARE))
async def declare_form(visit: CurrentVisit, ref: str) -> Response:
    return await _declare_form(visit, ref, {})


@router.post("/incidents/{ref}/declare", dependencies=access.needs(Verb.INCIDENT_DECLARE))
async def declare(visit: CurrentVisit, ref: str) -> Response:
    incident_id, fields = parse_ref("INC", ref), visit.values
    try:
        async with visit.tx.savepoint():
            incident = await actions.declare_reported(
                *(visit.tx, visit.actor, incident_id, visit.now), severity=parse(fields.get("severity", ""))
            )
    except Invalid as error:
        return await _declare_form(visit, ref, fields, error)
    return flash.redirect(visit.request, f"/incidents/{incident.ref}", f"{incident.ref} declared.")
