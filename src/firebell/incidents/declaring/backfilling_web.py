"""The form that records an incident of the past."""

from collections.abc import Mapping
from datetime import datetime

from fastapi import Response

from firebell.catalog import actions as catalog
from firebell.incidents import actions
from firebell.incidents.declaring.backfilling import PastTimes
from firebell.incidents.declaring.reporting_web import SERVICES_OFFERED
from firebell.incidents.details_web import incident_type
from firebell.incidents.model import TYPE_NAMES
from firebell.incidents.severity import FACTS, parse
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.localtime import to_instant
from firebell.kit.text import to_choices, to_wall
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


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


@router.get("/incidents/past", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def past_form(visit: CurrentVisit) -> Response:
    return await _past_form(visit, {})


def _past_times(fields: Mapping[str, str], tz: str) -> PastTimes:
    def at(name: str) -> datetime | None:
        return to_instant(to_wall(fields[name], name), tz) if fields.get(name) else None

    known = {name: at(name) for name in ("detected_at", "declared_at", "resolved_at", "closed_at")}
    if missing := [name for name, value in known.items() if value is None]:
        raise Invalid("The times are incomplete.", fields=dict.fromkeys(missing, "Enter a date and a time."))
    return PastTimes(**{n: v for n, v in known.items() if v is not None}, impact_start=at("impact_start"))


@router.post("/incidents/past", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
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
