"""The settings of custom fields of incidents, and the form that fills them in for one incident."""

from collections.abc import Mapping

from fastapi import Response

from firebell.incidents import actions
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.custom_fields.field_kinds import KIND_NAMES, FieldKind
from firebell.incidents.details_web import render_details
from firebell.kit.errors import FirebellError, Invalid
from firebell.kit.references import parse_ref
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

ADDRESS = "/settings/incident-fields"
PREFIX = "field-"
"""The beginning of the name of a form's field for the value of a custom field."""


async def _render(visit: Visit, fields: Mapping[str, str], error: FirebellError | None = None) -> Response:
    context = {
        "nav": "settings",
        "tab": "fields",
        "custom_fields": await field_actions.fields(visit.tx),
        "kinds": [(str(kind), name) for kind, name in KIND_NAMES.items()],
        "kind_names": {str(kind): name for kind, name in KIND_NAMES.items()},
        "fields": fields,
        "error": error,
    }
    return await html.render(visit.request, "incidents/custom_fields.html", context)


@router.get(ADDRESS, dependencies=route_access.needs(Verb.INCIDENT_READ))
async def fields(visit: CurrentVisit) -> Response:
    return await _render(visit, {})


@router.post(ADDRESS, dependencies=route_access.needs(Verb.INCIDENT_SETTINGS_WRITE))
async def create(visit: CurrentVisit) -> Response:
    given = visit.values
    try:
        if given.get("kind") not in list(FieldKind):
            raise Invalid("That is not a kind.", fields={"kind": f"Use one of {', '.join(FieldKind)}."})
        required_for = [level for level in range(4) if str(level) in visit.form.getlist("required")]
        async with visit.tx.savepoint():
            await field_actions.create_field(
                visit.tx,
                visit.actor,
                name=given.get("name", ""),
                kind=FieldKind(given["kind"]),
                options=given.get("options", "").splitlines(),
                required_for=required_for,
                now=visit.now,
            )
    except FirebellError as error:
        return await _render(visit, given, error)
    return flash.redirect(visit.request, ADDRESS, "Field created.")


@router.post(f"{ADDRESS}/{{slug}}/remove", dependencies=route_access.needs(Verb.INCIDENT_SETTINGS_WRITE))
async def remove(visit: CurrentVisit, slug: str) -> Response:
    await field_actions.remove_field(visit.tx, visit.actor, slug, visit.now)
    return flash.redirect(visit.request, ADDRESS, "Field removed.")


@router.post("/incidents/{ref}/details/fields", dependencies=route_access.needs(Verb.INCIDENT_UPDATE))
async def set_values(visit: CurrentVisit, ref: str) -> Response:
    incident_id = parse_ref("INC", ref)
    given = {n.removeprefix(PREFIX): text for n, text in visit.values.items() if n.startswith(PREFIX)}
    try:
        async with visit.tx.savepoint():
            await field_actions.set_values(visit.tx, visit.actor, incident_id, given, visit.now)
    except Invalid as error:
        return await render_details(visit, ref, visit.values, error)
    incident = await actions.incident(visit.tx, incident_id)
    text = f"Fields of {incident.ref} saved."
    return flash.redirect(visit.request, f"/incidents/{incident.ref}/details", text)
