"""The API of reported incidents, their declaration, and what an incident is about."""

from typing import Annotated

from pydantic import Field

from firebell.catalog import actions as catalog
from firebell.incidents import actions, api
from firebell.incidents.api import GivenSeverity, IncidentShown, SeverityAnswers
from firebell.incidents.model import IncidentType
from firebell.incidents.severity import parse
from firebell.kit.references import parse_ref
from firebell.kit.web.api import ApiInput, Name, StrictBool, Text, problems, routers
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = routers.router("incidents")

Declarer = Annotated[Work, work(Verb.INCIDENT_DECLARE)]
Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]


class NewReportedIncident(ApiInput):
    """What may be an incident; it has no severity and pages no one until someone declares it."""

    title: Annotated[Name, Field(max_length=200, examples=["Customers can't pay with cards"])]
    summary: Annotated[Text, Field(max_length=5000)] = ""
    services: Annotated[list[Name] | None, Field(max_length=100, description="slugs of the services")] = None
    page: Annotated[Name | None, Field(description="the page that led to it", examples=["PG-7"])] = None
    type: IncidentType = IncidentType.OPERATIONAL
    private: StrictBool = False


class Declaration(ApiInput):
    """The severity of a reported incident, or answers that decide it."""

    severity: GivenSeverity | None = None
    answers: SeverityAnswers | None = None


class NewType(ApiInput):
    """What an incident is about, and who sees it; to show a private one to everyone requires a reason."""

    type: IncidentType
    private: StrictBool
    reason: Annotated[Text, Field(max_length=1000)] = ""


@router.post(
    "/incident-reports",
    status_code=201,
    summary="Report what may be an incident",
    responses=problems(404),
)
async def report_incident(w: Declarer, body: NewReportedIncident) -> IncidentShown:
    incident = await actions.report(
        w.tx,
        w.actor,
        title=body.title,
        summary=body.summary,
        service_ids=[(await catalog.by_slug(w.tx, slug)).id for slug in body.services or []],
        page_id=parse_ref("PG", body.page) if body.page else None,
        incident_type=body.type,
        private=body.private,
        now=w.now,
    )
    return await api.incident_shown(w.tx, incident)


@router.post("/incidents/{ref}/declare", summary="Declare a reported incident", responses=problems(404, 409))
async def declare_reported(w: Declarer, ref: Text, body: Declaration) -> IncidentShown:
    incident = await actions.declare_reported(
        w.tx,
        w.actor,
        parse_ref("INC", ref),
        w.now,
        severity=parse(body.severity) if body.severity else None,
        answers=body.answers.model_dump() if body.answers else None,
    )
    return await api.incident_shown(w.tx, incident)


@router.put(
    "/incidents/{ref}/type", summary="Change the type and who sees the incident", responses=problems(404, 409)
)
async def set_type(w: Responder, ref: Text, body: NewType) -> IncidentShown:
    incident = await actions.set_type(
        *(w.tx, w.actor, parse_ref("INC", ref), body.type, w.now),
        private=body.private,
        reason=body.reason,
    )
    return await api.incident_shown(w.tx, incident)
