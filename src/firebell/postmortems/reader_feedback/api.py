"""The API of the readers of a published post-mortem."""

from typing import Annotated

from pydantic import Field

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import lookup
from firebell.postmortems.reader_feedback import actions, store
from firebell.postmortems.reader_feedback.store import Readership

router = api.router("post-mortems", "/post-mortems")


class NewRating(ApiInput):
    """Whether a post-mortem was useful to you."""

    useful: bool


class ReadershipShown(ApiOutput):
    """How many people read it on its page, and said that it was useful; who said what is shown to no one."""

    readers: int
    useful: int
    not_yet: int
    mine: Annotated[bool | None, Field(description="what you said; null if you said nothing")]


@router.get(
    "/{ref}/usefulness",
    summary="Get how many people read a post-mortem, and whether it was useful",
    responses=problems(404),
)
async def get_usefulness(w: Annotated[Work, work(Verb.POSTMORTEM_READ)], ref: Text) -> ReadershipShown:
    postmortem = await lookup.of_incident(w.tx, parse_ref("INC", ref))
    return _shown(await store.readership(w.tx, postmortem.id, w.person_id))


@router.put(
    "/{ref}/usefulness",
    summary="Say whether a published post-mortem was useful, instead of an earlier answer",
    responses=problems(404, 409),
)
async def rate_postmortem(
    w: Annotated[Work, work(Verb.POSTMORTEM_RATE)], ref: Text, body: NewRating
) -> ReadershipShown:
    return _shown(await actions.rate(w.tx, w.actor, parse_ref("INC", ref), body.useful, w.now))


def _shown(numbers: Readership) -> ReadershipShown:
    return ReadershipShown.model_validate(numbers)
