"""The API of post-mortems."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from firebell.kit import undo
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    PageParams,
    Text,
    UndoOffered,
    problems,
    removed,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import actions
from firebell.postmortems.editing.save_counting import counted

router = api.router("post-mortems", "/post-mortems")

Reader = Annotated[Work, work(Verb.POSTMORTEM_READ)]
Responder = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]
Publisher = Annotated[Work, work(Verb.POSTMORTEM_PUBLISH)]


class PostmortemShown(ApiOutput):
    """A post-mortem; it has the reference of its incident."""

    ref: str
    state: Literal["draft", "review", "approved", "published", "withdrawn"]
    due_at: datetime
    published_at: datetime | None
    updated_at: datetime
    version: int


class PostmortemDetail(PostmortemShown):
    """A post-mortem with its Markdown."""

    body: str


class PostmortemPublished(PostmortemDetail):
    """A published post-mortem, and how to undo publishing it."""

    undo: UndoOffered | None


class NewPostmortemText(ApiInput):
    """The whole text, and the version that it is based on."""

    body: Annotated[Text, Field(max_length=200_000)]
    version: Id


@router.get("", summary="List post-mortems, newest incident first")
async def list_postmortems(w: Reader, pagination: PageParams) -> list[PostmortemShown]:
    postmortems = await actions.newest(w.tx, pagination.before, pagination.limit)
    pagination.link([d.incident_id for d in postmortems])
    return [PostmortemShown.model_validate(d) for d in postmortems]


@router.get("/{ref}", summary="Get a post-mortem with its Markdown", responses=problems(404))
async def get_postmortem(w: Reader, ref: Text) -> PostmortemDetail:
    return PostmortemDetail.model_validate(await actions.of_incident(w.tx, parse_ref("INC", ref)))


@router.post(
    "/{ref}",
    status_code=201,
    summary="Draft a post-mortem from the timeline; an existing one is kept",
    responses=problems(404),
)
async def start_postmortem(w: Responder, ref: Text) -> PostmortemDetail:
    return PostmortemDetail.model_validate(await actions.start(w.tx, w.actor, parse_ref("INC", ref), w.now))


@router.put(
    "/{ref}",
    summary="Update a post-mortem; 409 if it changed since `version`",
    responses=problems(404, 409),
)
async def save_postmortem(w: Responder, ref: Text, new_text: NewPostmortemText) -> PostmortemDetail:
    incident_id, now = parse_ref("INC", ref), w.now
    with counted(w.ctx.counters):
        await actions.save(w.tx, w.actor, incident_id, new_text.body, new_text.version, now)
    return PostmortemDetail.model_validate(await actions.of_incident(w.tx, incident_id))


@router.post(
    "/{ref}/publish",
    summary="Publish a post-mortem; its closed incident becomes reviewed",
    responses=problems(404, 409),
)
async def publish_postmortem(w: Publisher, ref: Text) -> PostmortemPublished:
    incident_id = parse_ref("INC", ref)
    await actions.publish(w.tx, w.actor, incident_id, w.now)
    offer = await undo.offer(w.tx, w.ctx.signer, w.actor, "postmortem.published", w.now)
    detail = PostmortemDetail.model_validate(await actions.of_incident(w.tx, incident_id))
    return PostmortemPublished(**detail.model_dump(), undo=removed(offer).undo)
