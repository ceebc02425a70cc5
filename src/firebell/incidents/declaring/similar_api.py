"""Incidents that may be the one that someone is about to declare, over JSON."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query

from firebell.catalog import actions as catalog
from firebell.incidents.declaring.similar_queries import similar_incidents
from firebell.incidents.model import Phase
from firebell.incidents.severity import Severity
from firebell.kit.web.api import ApiOutput, QueryBool, Text, problems
from firebell.kit.web.api import router as api_router
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api_router("incidents")


class SimilarIncident(ApiOutput):
    """An incident that may be the same."""

    ref: str
    title: str
    severity: Literal["SEV0", "SEV1", "SEV2", "SEV3"]
    phase: Phase
    declared_at: datetime
    closed_at: datetime | None


@router.get(
    "/incidents/similar",
    summary="List up to three open or recently closed incidents that may be the same",
    responses=problems(404),
)
async def list_similar(
    w: Annotated[Work, work(Verb.INCIDENT_READ)],
    title: Annotated[
        Text,
        Query(description="compared from three words on", max_length=200, examples=["Card payments fail"]),
    ],
    answered: Annotated[
        QueryBool, Query(description="a question about the severity is answered: one word is enough")
    ] = False,
    service: Annotated[
        list[Text] | None, Query(description="slugs of affected services", max_length=100)
    ] = None,
) -> list[SimilarIncident]:
    service_ids = [(await catalog.by_slug(w.tx, slug)).id for slug in service or []]
    similar = await similar_incidents(w.tx, title, w.now, answered=answered, service_ids=service_ids)
    return [
        SimilarIncident.model_validate(
            {
                "ref": incident.ref,
                "title": incident.title,
                "severity": Severity(incident.severity).name,
                "phase": incident.phase,
                "declared_at": incident.declared_at,
                "closed_at": incident.closed_at,
            }
        )
        for incident in similar
    ]
