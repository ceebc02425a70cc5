"""The API of reported incidents and their declaration."""

from typing import Annotated

from pydantic import Field

from firebell.catalog import actions as catalog
from firebell.incidents import actions, api
from firebell.incidents.api import GivenSeverity, IncidentShown, SeverityAnswers
from firebell.incidents.model import IncidentType
from firebell.incidents.severity import parse
from firebell.incidents.text_limits import SUMMARY_MAX_CHARS, TITLE_MAX_CHARS
from firebell.kit.references import parse_ref
from firebell.kit.web.api import ApiInput, Name, StrictBool, Text, problems, routers
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = routers.router("incidents")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Declarer = Annotated[Work, work(Verb.INCIDENT_DECLARE)]
Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]


class NewReportedIncident(ApiInput):
    """What may be an incident; it has no severity and pages no one until someone declares it."""

    title: Annotated[Name, Field(max_length=TITLE_MAX_CHARS, examples=["Customers can't pay with cards"])]
    summary: Annotated[Text, Field(max_length=SUMMARY_MAX_CHARS)] = ""
    services: Annotated[list[Name] | None, Field(max_length=100, description="slugs of the services")] = None
    page: Annotated[Name | None, Field(description="the page that led to it", examples=["PG-7"])] = None
    type: IncidentType = IncidentType.OPERATIONAL
    private: StrictBool = False


class Declaration(ApiInput):
    """The severity of a reported incident, or answers that decide it."""

    severity: GivenSeverity | None = None
    answers: SeverityAnswers | None = None


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
    return await api.shown_incident(w.tx, incident)


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
    return await api.shown_incident(w.tx, incident)
