"""The API of custom fields of incidents and their values."""

from typing import Annotated

from pydantic import Field

from firebell.incidents import actions
from firebell.incidents.api import GivenSeverity, Sev
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.custom_fields.field_kinds import CustomField, FieldKind
from firebell.incidents.severity import Severity, parse
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Name, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("incidents")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]
Writer = Annotated[Work, work(Verb.INCIDENT_SETTINGS_WRITE)]


class CustomFieldShown(ApiOutput):
    """A custom field; `required_for` are the peak severities that need it before closing."""

    slug: str
    name: str
    kind: FieldKind
    options: list[str]
    required_for: list[Sev]


class NewCustomField(ApiInput):
    """A custom field of incidents; only a choice has options."""

    name: Annotated[Name, Field(max_length=60, examples=["Region"])]
    kind: FieldKind = FieldKind.TEXT
    options: Annotated[list[Name] | None, Field(max_length=50)] = None
    required_for: Annotated[list[GivenSeverity] | None, Field(max_length=4)] = None


class FieldValues(ApiInput):
    """Values by the slug of their field; a blank one is removed, and a field that is left out stays."""

    values: Annotated[dict[str, Text], Field(max_length=50, examples=[{"region": "EU"}])]


class FieldValuesShown(ApiOutput):
    """The values of an incident by the slug of their field."""

    incident: str
    values: dict[str, str]


def _shown(field: CustomField) -> CustomFieldShown:
    return CustomFieldShown.model_validate(
        {
            "slug": field.slug,
            "name": field.name,
            "kind": field.kind,
            "options": list(field.options),
            "required_for": [Severity(level).name for level in field.required_for],
        }
    )


@router.get("/incident-fields", summary="List custom fields of incidents")
async def list_incident_fields(w: Reader) -> list[CustomFieldShown]:
    return [_shown(field) for field in await field_actions.fields(w.tx)]


@router.post(
    "/incident-fields", status_code=201, summary="Create a custom field of incidents", responses=problems(409)
)
async def create_incident_field(w: Writer, body: NewCustomField) -> CustomFieldShown:
    levels = [parse(severity) for severity in body.required_for or []]
    created = await field_actions.create_field(
        w.tx,
        w.actor,
        name=body.name,
        kind=body.kind,
        options=body.options or [],
        required_for=[int(level) for level in levels if level is not None],
        now=w.now,
    )
    return _shown(created)


@router.delete(
    "/incident-fields/{slug}",
    status_code=204,
    summary="Remove a custom field of incidents",
    responses=problems(404),
)
async def remove_incident_field(w: Writer, slug: Text) -> None:
    await field_actions.remove_field(w.tx, w.actor, slug, w.now)


@router.get(
    "/incidents/{ref}/fields", summary="Get the custom fields of an incident", responses=problems(404)
)
async def get_field_values(w: Reader, ref: Text) -> FieldValuesShown:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    stored = (await field_actions.values(w.tx, [incident.id]))[incident.id]
    known = await field_actions.fields(w.tx)
    return FieldValuesShown(incident=incident.ref, values=field_actions.by_slug(known, stored))


@router.put("/incidents/{ref}/fields", summary="Set custom fields of an incident", responses=problems(404))
async def set_field_values(w: Responder, ref: Text, body: FieldValues) -> FieldValuesShown:
    incident = await actions.incident(w.tx, parse_ref("INC", ref))
    values = await field_actions.set_values(w.tx, w.actor, incident.id, body.values, w.now)
    return FieldValuesShown(incident=incident.ref, values=values)
