"""The API of similar incidents."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.incidents import actions as incidents
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems.similar import queries

router = api.router("post-mortems")


class OpenAction(ApiOutput):
    """An unfinished action item of a similar incident."""

    ref: str
    title: str
    due: str


class AlikeIncident(ApiOutput):
    """An incident that is like another one, with how it ended."""

    ref: str
    title: str
    severity: Annotated[str, Field(examples=["SEV1"])]
    declared_at: datetime
    score: Annotated[float, Field(ge=0, le=1, examples=[0.726])]
    reasons: list[str]
    minutes: Annotated[int | None, Field(description="length of the impact; null if not known")]
    helped: Annotated[str, Field(description="the last mitigation that helped; empty if none did")]
    open_actions: list[OpenAction]


class AlikeIncidents(ApiOutput):
    """The incidents that are most like one, the most alike first."""

    ref: str
    total: Annotated[int, Field(description="how many are alike; at most five are listed")]
    compared: Annotated[int, Field(description="how many were compared, up to 1,000")]
    incidents: list[AlikeIncident]


@router.get(
    "/incidents/{ref}/similar",
    summary="List up to five earlier incidents that are like this one, with what helped",
    responses=problems(404),
)
async def list_alike(w: Annotated[Work, work(Verb.POSTMORTEM_READ)], ref: Text) -> AlikeIncidents:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    resemblance = await queries.similar(w.tx, incident)
    return AlikeIncidents(
        ref=incident.ref,
        total=resemblance.total,
        compared=resemblance.compared,
        incidents=[
            AlikeIncident(
                ref=one.incident.ref,
                title=one.incident.title,
                severity=f"SEV{one.incident.max_severity}",
                declared_at=one.incident.declared_at,
                score=round(one.likeness.score, 3),
                reasons=list(one.reasons),
                minutes=one.minutes,
                helped=one.helped,
                open_actions=[
                    OpenAction(ref=item.ref, title=item.title, due=item.due.isoformat())
                    for item in one.open_items
                ],
            )
            for one in resemblance.shown
        ],
    )
