"""The API of the incidents that a post-mortem is about."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import lookup
from firebell.postmortems.several_incidents import actions

router = api.router("post-mortems", "/post-mortems/{ref}/incidents")

Writer = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]


class AnotherIncident(ApiInput):
    """An incident that the document is about too."""

    incident: Annotated[Text, Field(max_length=30, examples=["INC-5"])]


class DocumentIncidents(ApiOutput):
    """What a document is about, the main incident first, and when it is due."""

    ref: str
    kind: str
    due_at: datetime
    incidents: list[str]


async def _shown(w: Work, incident_id: int) -> DocumentIncidents:
    postmortem = await lookup.of_incident(w.tx, incident_id)
    return DocumentIncidents(
        ref=postmortem.ref,
        kind=postmortem.kind,
        due_at=postmortem.due_at,
        incidents=[f"INC-{each}" for each in await lookup.incident_ids(w.tx, postmortem)],
    )


@router.get("", summary="List the incidents that a post-mortem is about", responses=problems(404))
async def list_document_incidents(
    w: Annotated[Work, work(Verb.POSTMORTEM_READ)], ref: Text
) -> DocumentIncidents:
    return await _shown(w, parse_ref("INC", ref))


@router.post(
    "",
    status_code=201,
    summary="Add an incident to a post-mortem; replaces its own untouched draft",
    responses=problems(404, 409),
)
async def add_document_incident(w: Writer, ref: Text, other: AnotherIncident) -> DocumentIncidents:
    incident_id = parse_ref("INC", ref)
    await actions.add_incident(w.tx, w.actor, incident_id, parse_ref("INC", other.incident), w.now)
    return await _shown(w, incident_id)


@router.delete(
    "/{other}",
    summary="Remove an incident from a post-mortem",
    responses=problems(404, 409),
)
async def remove_document_incident(w: Writer, ref: Text, other: Text) -> DocumentIncidents:
    incident_id = parse_ref("INC", ref)
    await actions.remove_incident(w.tx, w.actor, incident_id, parse_ref("INC", other), w.now)
    return await _shown(w, incident_id)
