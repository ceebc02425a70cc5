"""The SQL of post-mortems."""

from collections.abc import Sequence
from datetime import UTC, datetime

from firebell.kit.db.database import Row, Tx
from firebell.kit.text import MAX_ID
from firebell.postmortems.list_position import PostmortemPosition
from firebell.postmortems.model import DocumentIncident, ListedPostmortem, Postmortem, PostmortemKind

_LISTED = (
    "id, incident_id, state, due_at, author_id, created_at, updated_at, published_at, version,"
    " kind, published_version"
)
_COLUMNS = f"{_LISTED}, body"


def _from_row(row: Row) -> Postmortem:
    return Postmortem(**dict(row))


async def insert(
    tx: Tx,
    incident_id: int,
    body: str,
    due_at: datetime,
    author_id: int | None,
    now: datetime,
    *,
    kind: PostmortemKind = PostmortemKind.INCIDENT,
) -> bool:
    """Insert a draft with its first version and return True; return False if the incident has a post-mortem."""
    changed = await tx.changed(
        """
        with document as (
            insert into postmortem (incident_id, body, state, due_at, author_id, created_at, updated_at, kind)
            values ($1, $2, 'draft', $3, $4, $5, $5, $6)
            on conflict (incident_id) do nothing
            returning id, version
        ),
        about as (
            insert into postmortem_incident (postmortem_id, incident_id, is_main)
            select id, $1, true
            from document
        )
        insert into postmortem_version (postmortem_id, n, body, reason, actor, at)
        select id, version, $2, 'draft', 'Firebell', $5
        from document
        """,
        incident_id,
        body,
        due_at,
        author_id,
        now,
        kind,
    )
    return changed == 1


async def of_incident(tx: Tx, incident_id: int) -> Postmortem | None:
    """Return the post-mortem of an incident, None if it has none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from postmortem
        where incident_id = $1
        """,
        incident_id,
    )
    return _from_row(row) if row else None


async def postmortems(
    tx: Tx, after: PostmortemPosition | None, limit: int, hidden: Sequence[int]
) -> list[ListedPostmortem]:
    """Return post-mortems after a position: unpublished ones first, each part in descending order of due time.

    Those of the incidents `hidden` are left out, here and below.
    """
    rows: list[Row] = []
    if after is None or not after.published:
        rows = await _listed(tx, "not (state = 'published')", after, limit, hidden)
        after = None
    if len(rows) < limit:
        rows += await _listed(tx, "state = 'published'", after, limit - len(rows), hidden)
    return [ListedPostmortem(**dict(row)) for row in rows]


async def _listed(
    tx: Tx, condition: str, after: PostmortemPosition | None, limit: int, hidden: Sequence[int]
) -> list[Row]:
    return await tx.fetch(
        f"""
        select {_LISTED}
        from postmortem
        where {condition}
            and (due_at, id) < ($1, $2)
            and incident_id <> all($4::bigint[])
        order by due_at desc, id desc
        limit $3
        """,
        after.due_at if after else datetime.max.replace(tzinfo=UTC),
        after.id if after else MAX_ID,
        limit,
        list(hidden),
    )


async def unpublished(tx: Tx, hidden: Sequence[int]) -> list[ListedPostmortem]:
    """Return up to 500 unpublished post-mortems in descending order of their due time."""
    rows = await tx.fetch(
        f"""
        select {_LISTED}
        from postmortem
        where state <> 'published'
            and incident_id <> all($1::bigint[])
        order by due_at desc
        limit 500
        """,
        list(hidden),
    )
    return [ListedPostmortem(**dict(row)) for row in rows]


async def newest(tx: Tx, before: int | None, limit: int, hidden: Sequence[int]) -> list[Postmortem]:
    """Return the post-mortems of incidents with an id below `before`, newest incident first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from postmortem
        where ($1::bigint is null or incident_id < $1)
            and incident_id <> all($3::bigint[])
        order by incident_id desc
        limit $2
        """,
        before,
        limit,
        list(hidden),
    )
    return [_from_row(row) for row in rows]


async def lock(tx: Tx, incident_id: int) -> Postmortem | None:
    """Lock the post-mortem of an incident and return it, None if it has none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from postmortem
        where incident_id = $1
        for update
        """,
        incident_id,
    )
    return _from_row(row) if row else None


async def set_body(tx: Tx, postmortem_id: int, body: str, version: int, state: str, now: datetime) -> None:
    """Replace the body of a locked post-mortem; `version` is the number of the new text."""
    await tx.execute(
        """
        update postmortem
        set body = $2,
            version = $3,
            state = $4,
            updated_at = $5
        where id = $1
        """,
        postmortem_id,
        body,
        version,
        state,
        now,
    )


async def document_incidents(tx: Tx, postmortem_id: int) -> list[DocumentIncident]:
    """Return the incidents that a post-mortem is about, the main one first."""
    rows = await tx.fetch(
        """
        select incident_id, is_main
        from postmortem_incident
        where postmortem_id = $1
        order by not is_main, incident_id
        """,
        postmortem_id,
    )
    return [DocumentIncident(**dict(row)) for row in rows]


async def publish(tx: Tx, postmortem_id: int, now: datetime) -> None:
    """Mark the present version of a locked post-mortem as published."""
    await tx.execute(
        """
        update postmortem
        set state = 'published',
            published_at = $2,
            published_version = version
        where id = $1
        """,
        postmortem_id,
        now,
    )


async def unpublish(tx: Tx, postmortem_id: int) -> None:
    """Make a locked post-mortem a draft that was never published."""
    await tx.execute(
        """
        update postmortem
        set state = 'draft',
            published_at = null,
            published_version = null
        where id = $1
        """,
        postmortem_id,
    )
