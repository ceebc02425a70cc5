"""The API of related incidents: merging, linking, and parents with children."""

from typing import Annotated, Literal

from pydantic import Field

from firebell.incidents import actions, api
from firebell.incidents.api import IncidentShown
from firebell.incidents.text_limits import REASON_MAX_CHARS
from firebell.kit.references import parse_ref
from firebell.kit.web.api import ApiInput, ApiOutput, Name, Text, problems, routers
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = routers.router("incidents")

Reader = Annotated[Work, work(Verb.INCIDENT_READ)]
Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]


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
