"""The API of reported incidents, their declaration, and what an incident is about."""

from typing import Annotated, Literal

from pydantic import Field

from firebell.catalog import actions as catalog
from firebell.incidents import actions, api
from firebell.incidents.api import GivenSeverity, IncidentShown, SeverityAnswers
from firebell.incidents.declaring.backfilling import PastTimes
from firebell.incidents.model import IncidentType
from firebell.incidents.severity import Severity, parse
from firebell.incidents.text_limits import REASON_MAX_CHARS, SUMMARY_MAX_CHARS, TITLE_MAX_CHARS
from firebell.kit.references import parse_ref
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, Name, StrictBool, Text, problems, routers
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


class NewType(ApiInput):
    """What an incident is about, and who sees it; to show a private one to everyone requires a reason."""

    type: IncidentType
    private: StrictBool
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


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


@router.put(
    "/incidents/{ref}/type", summary="Change the type and who sees the incident", responses=problems(404, 409)
)
async def set_type(w: Responder, ref: Text, body: NewType) -> IncidentShown:
    incident = await actions.set_type(
        *(w.tx, w.actor, parse_ref("INC", ref), body.type, w.now),
        private=body.private,
        reason=body.reason,
    )
    return await api.shown_incident(w.tx, incident)


class NewMerge(ApiInput):
    """The incident to merge into; it gets the services, pages and roles of the other, and the worse severity."""

    into: Annotated[Name, Field(examples=["INC-7"])]
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class NewRelation(ApiInput):
    """Another incident to link, or to make a child of this one."""

    incident: Annotated[Name, Field(examples=["INC-7"])]
    kind: Literal["linked", "child"] = "linked"


class RelationShown(ApiOutput):
    """A related incident and how it is related."""

    incident: str
    title: str
    kind: Literal["linked", "child", "parent", "merged", "merged_into"]


class PastIncident(ApiInput):
    """A closed incident of the past; its times must be in order."""

    title: Annotated[Name, Field(max_length=TITLE_MAX_CHARS)]
    severity: GivenSeverity
    detected_at: Instant
    declared_at: Instant
    resolved_at: Instant
    closed_at: Instant
    impact_start: Instant | None = None
    summary: Annotated[Text, Field(max_length=SUMMARY_MAX_CHARS)] = ""
    services: Annotated[list[Name] | None, Field(max_length=100, description="slugs of the services")] = None
    type: IncidentType = IncidentType.OPERATIONAL
    private: StrictBool = False


async def _relations(w: Work, incident_id: int) -> list[RelationShown]:
    incident = await actions.incident(w.tx, incident_id)
    return [
        RelationShown.model_validate({"incident": other.ref, "title": other.title, "kind": relation.kind})
        for relation, other in await actions.related(w.tx, incident)
    ]


@router.post(
    "/incidents/{ref}/merge", summary="Merge the incident into another", responses=problems(404, 409)
)
async def merge_incident(w: Responder, ref: Text, body: NewMerge) -> IncidentShown:
    into = await actions.merge(
        *(w.tx, w.actor, parse_ref("INC", ref), parse_ref("INC", body.into), w.now), reason=body.reason
    )
    return await api.shown_incident(w.tx, into)


@router.get("/incidents/{ref}/relations", summary="List related incidents", responses=problems(404))
async def list_relations(w: Reader, ref: Text) -> list[RelationShown]:
    return await _relations(w, parse_ref("INC", ref))


@router.post(
    "/incidents/{ref}/relations",
    status_code=201,
    summary="Link another incident",
    responses=problems(404, 409),
)
async def relate_incidents(w: Responder, ref: Text, body: NewRelation) -> list[RelationShown]:
    incident_id = parse_ref("INC", ref)
    await actions.relate(w.tx, w.actor, incident_id, parse_ref("INC", body.incident), body.kind, w.now)
    return await _relations(w, incident_id)


@router.delete(
    "/incidents/{ref}/relations/{other}",
    status_code=204,
    summary="Remove the link to another incident",
    responses=problems(404),
)
async def unrelate_incidents(w: Responder, ref: Text, other: Text) -> None:
    await actions.unrelate(w.tx, w.actor, parse_ref("INC", ref), parse_ref("INC", other), w.now)


@router.post("/past-incidents", status_code=201, summary="Record a past incident", responses=problems(404))
async def backfill_incident(w: Responder, body: PastIncident) -> IncidentShown:
    incident = await actions.backfill(
        w.tx,
        w.actor,
        title=body.title,
        severity=Severity[body.severity],
        times=PastTimes(
            detected_at=body.detected_at,
            declared_at=body.declared_at,
            resolved_at=body.resolved_at,
            closed_at=body.closed_at,
            impact_start=body.impact_start,
        ),
        summary=body.summary,
        service_ids=[(await catalog.by_slug(w.tx, slug)).id for slug in body.services or []],
        incident_type=body.type,
        private=body.private,
        now=w.now,
    )
    return await api.shown_incident(w.tx, incident)
