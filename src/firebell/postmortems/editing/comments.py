"""Comment on a document, reply, resolve and open again."""

from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems import lookup
from firebell.postmortems.document import sections
from firebell.postmortems.editing import comment_store
from firebell.postmortems.editing.anchors import find_line
from firebell.postmortems.editing.saving import live_topic
from firebell.postmortems.model import DocumentComment, Postmortem
from firebell.postmortems.text_limits import COMMENT_MAX_CHARS, QUOTE_MAX_CHARS


@dataclass(frozen=True, slots=True)
class CommentThread:
    """A comment with its replies; `line` is where the quote is now, None if it no longer exists."""

    comment: DocumentComment
    replies: tuple[DocumentComment, ...]
    line: int | None


def threads(postmortem: Postmortem, comments: list[DocumentComment]) -> list[CommentThread]:
    """Return the comments of a document with their replies: open ones first, each part in the order of the text."""
    parts = {part.slug: part for part in sections.split(postmortem.body)}
    order = {slug: number for number, slug in enumerate(parts)}
    listed = [
        CommentThread(
            comment,
            tuple(reply for reply in comments if reply.parent_id == comment.id),
            find_line(parts[comment.section].text, comment.quote, comment.at_line)
            if comment.section in parts
            else None,
        )
        for comment in comments
        if comment.parent_id is None
    ]
    return sorted(
        listed,
        key=lambda thread: (
            thread.comment.resolved_at is not None,
            order.get(thread.comment.section, -1),
            -1 if thread.line is None else thread.line,
            thread.comment.id,
        ),
    )


@permits(Verb.POSTMORTEM_WRITE)
async def add_comment(
    tx: Tx,
    actor: Actor,
    incident_id: int,
    section: str,
    quote: str,
    text: str,
    now: datetime,
    *,
    is_blocking: bool = False,
    waives: str = "",
) -> DocumentComment:
    """Comment on a quote of a section, or on the whole section without one; return the comment.

    Raise `Conflict` if the quote is not in the section. `waives` names a rule of the wording, and the text the reason.
    """
    postmortem = await lookup.locked(tx, incident_id)
    part = sections.by_slug(sections.split(postmortem.body), section)
    if part is None:
        raise NotFound(f"The post-mortem of {postmortem.ref} has no section {section}.")
    quote = " ".join(clean_text(quote, QUOTE_MAX_CHARS, "quote").split())
    line = find_line(part.text, quote, 0)
    if quote and line is None:
        raise Conflict(
            "The quoted sentence is not in this section.", hint="Reload the document, and quote it again."
        )
    return await _insert(
        tx, actor, postmortem, section, quote, line or 0, text, now, is_blocking=is_blocking, waives=waives
    )


@permits(Verb.POSTMORTEM_WRITE)
async def reply(
    tx: Tx, actor: Actor, incident_id: int, comment_id: int, text: str, now: datetime
) -> DocumentComment:
    """Reply to a comment and return the reply; a resolved comment is opened again."""
    postmortem, comment = await _comment(tx, incident_id, comment_id)
    if comment.parent_id is not None:
        raise Conflict("A reply has no replies.", hint="Reply to the comment above it.")
    if comment.resolved_at is not None:
        await comment_store.set_resolved(tx, comment.id, actor, None)
    return await _insert(
        tx,
        actor,
        postmortem,
        comment.section,
        comment.quote,
        comment.at_line,
        text,
        now,
        parent_id=comment.id,
    )


@permits(Verb.POSTMORTEM_WRITE)
async def set_resolved(
    tx: Tx, actor: Actor, incident_id: int, comment_id: int, now: datetime, *, is_resolved: bool
) -> DocumentComment:
    """Resolve a comment, or open it again, and return it. Idempotent."""
    postmortem, comment = await _comment(tx, incident_id, comment_id)
    if comment.parent_id is not None:
        raise Conflict("Only a comment is resolved, with its replies.", hint="Resolve the comment above it.")
    if (comment.resolved_at is not None) == is_resolved:
        return comment
    await comment_store.set_resolved(tx, comment.id, actor, now if is_resolved else None)
    action = "postmortem.comment_resolved" if is_resolved else "postmortem.comment_reopened"
    await tx.audit(actor, action, postmortem.ref, now, comment=comment.id)
    await tx.live(live_topic(postmortem))
    return (await _comment(tx, incident_id, comment_id))[1]


async def comments(tx: Tx, postmortem: Postmortem) -> list[CommentThread]:
    """Return the comments of a document that the caller has looked up."""
    return threads(postmortem, await comment_store.comments(tx, postmortem.id))


async def _comment(tx: Tx, incident_id: int, comment_id: int) -> tuple[Postmortem, DocumentComment]:
    postmortem = await lookup.locked(tx, incident_id)
    comment = await comment_store.comment(tx, postmortem.id, comment_id)
    if comment is None:
        raise NotFound(f"The post-mortem of {postmortem.ref} has no comment {comment_id}.")
    return postmortem, comment


async def _insert(
    tx: Tx,
    actor: Actor,
    postmortem: Postmortem,
    section: str,
    quote: str,
    line: int,
    text: str,
    now: datetime,
    *,
    is_blocking: bool = False,
    waives: str = "",
    parent_id: int | None = None,
) -> DocumentComment:
    text = clean_text(text, COMMENT_MAX_CHARS, "text")
    if not text:
        raise Invalid("Enter a comment.", fields={"text": "Enter a comment."})
    if len(await comment_store.comments(tx, postmortem.id)) >= comment_store.COMMENTS_MAX:
        raise Conflict(f"A document has at most {comment_store.COMMENTS_MAX} comments.")
    comment_id = await comment_store.insert(
        tx,
        postmortem.id,
        postmortem.version,
        section,
        quote,
        line,
        text,
        actor,
        now,
        is_blocking=is_blocking,
        waives=waives,
        parent_id=parent_id,
    )
    await tx.audit(actor, "postmortem.commented", postmortem.ref, now, comment=comment_id)
    await tx.live(live_topic(postmortem))
    comment = await comment_store.comment(tx, postmortem.id, comment_id)
    assert comment
    return comment
