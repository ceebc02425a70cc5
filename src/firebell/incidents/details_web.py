"""The page of what an incident is about: its type, who sees it, its custom fields and related incidents."""

from collections.abc import Mapping
from typing import Any

from fastapi import Response

from firebell.incidents import actions
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.custom_fields.field_kinds import FieldKind
from firebell.incidents.model import TYPE_NAMES, IncidentType, Phase
from firebell.incidents.phases import lifecycle
from firebell.incidents.web import address_after
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.references import parse_ref
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.queries import choosable
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()


def incident_type(text: str) -> IncidentType:
    """Return the type that a form names, operational by default; raise `Invalid`."""
    if text and text not in list(IncidentType):
        raise Invalid("That is not a type.", fields={"type": f"Use one of {', '.join(IncidentType)}."})
    return IncidentType(text or IncidentType.OPERATIONAL)


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


@router.get("/incidents/{ref}/details", dependencies=route_access.needs(Verb.INCIDENT_READ))
async def details(visit: CurrentVisit, ref: str) -> Response:
    return await render_details(visit, ref, {})


@router.post("/incidents/{ref}/details/type", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
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
    address = await address_after(visit.tx, incident_id, "/details")
    return flash.redirect(visit.request, address, f"Type of INC-{incident_id} saved.")


@router.post("/incidents/{ref}/details/merge", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
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


@router.post("/incidents/{ref}/details/links", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
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
