"""The API that records incidents of the past."""

from typing import Annotated

from pydantic import Field

from firebell.catalog import actions as catalog
from firebell.incidents import actions, api
from firebell.incidents.api import GivenSeverity, IncidentShown
from firebell.incidents.declaring.backfilling import PastTimes
from firebell.incidents.model import IncidentType
from firebell.incidents.severity import Severity
from firebell.incidents.text_limits import SUMMARY_MAX_CHARS, TITLE_MAX_CHARS
from firebell.kit.web.api import ApiInput, Instant, Name, StrictBool, Text, problems, routers
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = routers.router("incidents")

Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]


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
