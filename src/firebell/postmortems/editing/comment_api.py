"""The API of comments on a document, and of who writes where."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from firebell.kit.errors import NotFound
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, PathId, StrictBool, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems import actions, lookup, text_limits
from firebell.postmortems.editing import comments, presence
from firebell.postmortems.editing.comments import CommentThread
from firebell.postmortems.model import DocumentComment

router = api.router("post-mortems", "/post-mortems")

Reader = Annotated[Work, work(Verb.POSTMORTEM_READ)]
Writer = Annotated[Work, work(Verb.POSTMORTEM_WRITE)]
SectionSlug = Annotated[Text, Field(max_length=200, pattern=r"^\w[\w-]*$")]


class CommentShown(ApiOutput):
    """A comment; `line` is where its quote is now, null if the quoted sentence no longer exists."""

    id: int
    section: str
    quote: str
    line: int | None
    text: str
    is_blocking: bool
    waives: str
    by: str
    at: datetime
    version: int
    resolved_at: datetime | None
    resolved_by: str
    replies: list["ReplyShown"]


class ReplyShown(ApiOutput):
    """A reply to a comment."""

    id: int
    text: str
    by: str
    at: datetime


class NewComment(ApiInput):
    """A comment on a quote of a section, or on the whole section without one."""

    section: SectionSlug
    quote: Annotated[Text, Field(max_length=text_limits.QUOTE_MAX_CHARS)] = ""
    text: Annotated[Text, Field(min_length=1, max_length=text_limits.COMMENT_MAX_CHARS)]
    is_blocking: StrictBool = False
    waives: Annotated[
        Text, Field(max_length=20, description="a rule of the wording that the text explains")
    ] = ""


class NewReply(ApiInput):
    """The text of a reply."""

    text: Annotated[Text, Field(min_length=1, max_length=text_limits.COMMENT_MAX_CHARS)]


class CommentResolution(ApiInput):
    """Whether a comment is resolved."""

    is_resolved: StrictBool


class PresenceShown(ApiOutput):
    """A person who writes in a section."""

    person_id: int
    name: str
    section: str
    at: datetime


class NewPresence(ApiInput):
    """The section that you write in; without one you have left."""

    section: Annotated[Text, Field(max_length=200)] = ""


@router.get(
    "/{ref}/comments", summary="List the comments of a document, open ones first", responses=problems(404)
)
async def list_comments(w: Reader, ref: Text) -> list[CommentShown]:
    postmortem = await lookup.of_incident(w.tx, parse_ref("INC", ref))
    return [_thread(thread) for thread in await comments.comments(w.tx, postmortem)]


@router.post(
    "/{ref}/comments",
    status_code=201,
    summary="Comment on a sentence or a section",
    responses=problems(404, 409),
)
async def add_comment(w: Writer, ref: Text, new: NewComment) -> CommentShown:
    comment = await actions.add_comment(
        w.tx,
        w.actor,
        parse_ref("INC", ref),
        new.section,
        new.quote,
        new.text,
        w.now,
        is_blocking=new.is_blocking,
        waives=new.waives,
    )
    return await _shown(w, ref, comment.id)


@router.post(
    "/{ref}/comments/{comment_id}/replies",
    status_code=201,
    summary="Reply to a comment; a resolved one is opened again",
    responses=problems(404, 409),
)
async def reply_to_comment(w: Writer, ref: Text, comment_id: PathId, new: NewReply) -> ReplyShown:
    return _reply(await actions.reply(w.tx, w.actor, parse_ref("INC", ref), comment_id, new.text, w.now))


@router.put(
    "/{ref}/comments/{comment_id}/resolved",
    summary="Resolve a comment, or open it again",
    responses=problems(404, 409),
)
async def resolve_comment(w: Writer, ref: Text, comment_id: PathId, new: CommentResolution) -> CommentShown:
    await actions.set_resolved(
        w.tx, w.actor, parse_ref("INC", ref), comment_id, w.now, is_resolved=new.is_resolved
    )
    return await _shown(w, ref, comment_id)


@router.get("/{ref}/presence", summary="List who writes in a document now", responses=problems(404))
async def list_presence(w: Reader, ref: Text) -> list[PresenceShown]:
    postmortem = await lookup.of_incident(w.tx, parse_ref("INC", ref))
    return [PresenceShown.model_validate(each) for each in await presence.present(w.tx, postmortem, w.now)]


@router.put("/{ref}/presence", summary="Say where you write, for a minute", responses=problems(404))
async def set_presence(w: Writer, ref: Text, new: NewPresence) -> list[PresenceShown]:
    await actions.note_presence(w.tx, w.actor, parse_ref("INC", ref), new.section, w.now)
    return await list_presence(w, ref)


def _reply(comment: DocumentComment) -> ReplyShown:
    return ReplyShown(id=comment.id, text=comment.body, by=comment.actor, at=comment.at)


def _thread(thread: CommentThread) -> CommentShown:
    comment = thread.comment
    return CommentShown(
        id=comment.id,
        section=comment.section,
        quote=comment.quote,
        line=thread.line,
        text=comment.body,
        is_blocking=comment.blocking,
        waives=comment.waives,
        by=comment.actor,
        at=comment.at,
        version=comment.version_n,
        resolved_at=comment.resolved_at,
        resolved_by=comment.resolver,
        replies=[_reply(reply) for reply in thread.replies],
    )


async def _shown(w: Work, ref: str, comment_id: int) -> CommentShown:
    postmortem = await lookup.of_incident(w.tx, parse_ref("INC", ref))
    threads = await comments.comments(w.tx, postmortem)
    thread = next((each for each in threads if each.comment.id == comment_id), None)
    if thread is None:
        raise NotFound(f"The post-mortem of {postmortem.ref} has no comment {comment_id}.")
    return _thread(thread)
