"""The API of the author of a post-mortem."""

from typing import Annotated

from pydantic import Field

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import actions as postmortems
from firebell.postmortems.reminders import actions

router = api.router("post-mortems", "/post-mortems")

Writer = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]


class NewAuthor(ApiInput):
    """Who writes a post-mortem."""

    person_id: Annotated[Id, Field(examples=[3])]


class AuthorShown(ApiOutput):
    """Who writes a post-mortem."""

    ref: Annotated[str, Field(examples=["INC-3"])]
    author_id: int | None


@router.put(
    "/{ref}/author",
    summary="Assign the author of a post-mortem, who is told and reminded",
    responses=problems(404, 409),
)
async def assign_author(w: Writer, ref: Text, body: NewAuthor) -> AuthorShown:
    incident_id = parse_ref("INC", ref)
    await actions.assign_author(w.tx, w.actor, incident_id, body.person_id, w.now)
    postmortem = await postmortems.of_incident(w.tx, incident_id)
    return AuthorShown(ref=postmortem.ref, author_id=postmortem.author_id)
