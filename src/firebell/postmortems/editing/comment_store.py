"""The SQL of comments and reviews."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.postmortems.model import DocumentComment

COMMENTS_MAX = 500
_COLUMNS = (
    "id, postmortem_id, version_n, section, quote, at_line, body, blocking, waives, parent_id, by_id, actor, at,"
    " resolved_at, resolved_by, resolver"
)


async def insert(
    tx: Tx,
    postmortem_id: int,
    version_n: int,
    section: str,
    quote: str,
    at_line: int,
    body: str,
    actor: Actor,
    now: datetime,
    *,
    is_blocking: bool,
    waives: str,
    parent_id: int | None,
) -> int:
    """Insert a comment and return its id."""
    comment_id: int = await tx.value(
        """
        insert into postmortem_comment (
            postmortem_id, version_n, section, quote, at_line, body, blocking, waives, parent_id, by_id, actor, at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        returning id
        """,
        postmortem_id,
        version_n,
        section,
        quote,
        at_line,
        body,
        is_blocking,
        waives,
        parent_id,
        actor.person_id,
        actor.label,
        now,
    )
    return comment_id


async def comments(tx: Tx, postmortem_id: int) -> list[DocumentComment]:
    """Return the comments of a document, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from postmortem_comment
        where postmortem_id = $1
        order by id
        """,
        postmortem_id,
    )
    return [DocumentComment(**dict(row)) for row in rows]


async def comment(tx: Tx, postmortem_id: int, comment_id: int) -> DocumentComment | None:
    """Return a comment of a document, None if it has no such comment."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from postmortem_comment
        where postmortem_id = $1
            and id = $2
        """,
        postmortem_id,
        comment_id,
    )
    return DocumentComment(**dict(row)) if row else None


async def set_resolved(tx: Tx, comment_id: int, actor: Actor, at: datetime | None) -> None:
    """Resolve a comment at an instant, or open it again with None."""
    await tx.execute(
        """
        update postmortem_comment
        set resolved_at = $2,
            resolved_by = $3,
            resolver = $4
        where id = $1
        """,
        comment_id,
        at,
        actor.person_id if at else None,
        actor.label if at else "",
    )
