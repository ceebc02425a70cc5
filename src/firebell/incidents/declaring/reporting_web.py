"""The forms that report an incident, and that declare a reported one."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents import actions
from firebell.incidents.details_web import incident_type
from firebell.incidents.model import TYPE_NAMES, UNDECLARED
from firebell.incidents.severity import FACTS, parse
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choices
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

SERVICES_OFFERED = 200
"""Number of services that the form for a report offers."""


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


@router.get("/incidents/report", dependencies=route_access.needs(Verb.INCIDENT_DECLARE))
async def report_form(visit: CurrentVisit) -> Response:
    return await _report_form(visit, {})


@router.post("/incidents/report", dependencies=route_access.needs(Verb.INCIDENT_DECLARE))
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


@router.get("/incidents/{ref}/declare", dependencies=route_access.needs(Verb.INCIDENT_DECLARE))
async def declare_form(visit: CurrentVisit, ref: str) -> Response:
    return await _declare_form(visit, ref, {})


@router.post("/incidents/{ref}/declare", dependencies=route_access.needs(Verb.INCIDENT_DECLARE))
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
