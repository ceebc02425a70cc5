"""The SQL of post-mortems."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firebell.kit.db.database import Row, Tx
from firebell.postmortems.model import (
    DocumentIncident,
    ListedPostmortem,
    ListedVersion,
    Postmortem,
    PostmortemKind,
)

_LISTED = (
    "id, incident_id, state, due_at, author_id, created_at, updated_at, published_at, first_published_at, version,"
    " kind, published_version, asked_version, approved_version, withdrawal_by, withdrawal_reason, withdrawn_at"
)
_COLUMNS = f"{_LISTED}, body"
_OF_INCIDENT = """coalesce(
            (
                select id
                from postmortem
                where incident_id = $1
            ),
            (
                select postmortem_id
                from postmortem_incident
                where incident_id = $1
            )
        )"""
"""The id of the document that is about an incident: its own, or one about several."""


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


async def unpublished_of_author(
    tx: Tx, person_id: int, hidden: Sequence[int], limit: int
) -> list[ListedPostmortem]:
    """Return the post-mortems that a person still has to publish, earliest due first, then those without an author."""
    rows = await tx.fetch(
        f"""
        select {_LISTED}
        from postmortem
        where state <> 'published'
            and state <> 'withdrawn'
            and incident_id is not null
            and (author_id = $1 or author_id is null)
            and not exists (
                select
                from postmortem_incident about
                where about.postmortem_id = postmortem.id
                    and about.incident_id = any($2::bigint[])
            )
        order by author_id is null, due_at, id
        limit $3
        """,
        person_id,
        list(hidden),
        limit,
    )
    return [ListedPostmortem(**dict(row)) for row in rows]


async def of_incident(tx: Tx, incident_id: int) -> Postmortem | None:
    """Return the post-mortem that is about an incident, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from postmortem
        where id = {_OF_INCIDENT}
        """,
        incident_id,
    )
    return _from_row(row) if row else None


async def unpublished(tx: Tx, hidden: Sequence[int], service_ids: Collection[int]) -> list[ListedPostmortem]:
    """Return the post-mortems to be published of these services, about none of the `hidden` incidents, by due time."""
    rows = await tx.fetch(
        f"""
        select {_LISTED}
        from postmortem
        where state <> 'published'
            and state <> 'withdrawn'
            and incident_id in (select incident_id from incident_service where service_id = any($2::bigint[]))
            and not exists (
                select
                from postmortem_incident about
                where about.postmortem_id = postmortem.id
                    and about.incident_id = any($1::bigint[])
            )
        order by due_at, id
        """,
        list(hidden),
        list(service_ids),
    )
    return [ListedPostmortem(**dict(row)) for row in rows]


async def newest(tx: Tx, before: int | None, limit: int, hidden: Sequence[int]) -> list[Postmortem]:
    """Return the post-mortems of incidents with an id below `before`, about none of `hidden`, newest incident first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from postmortem
        where ($1::bigint is null or incident_id < $1)
            and incident_id is not null
            and not exists (
                select
                from postmortem_incident about
                where about.postmortem_id = postmortem.id
                    and about.incident_id = any($3::bigint[])
            )
        order by incident_id desc
        limit $2
        """,
        before,
        limit,
        list(hidden),
    )
    return [_from_row(row) for row in rows]


async def by_id(tx: Tx, postmortem_ids: Sequence[int]) -> dict[int, Postmortem]:
    """Return post-mortems by id; the caller has checked that they may be read."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from postmortem
        where id = any($1::bigint[])
        """,
        list(postmortem_ids),
    )
    return {row["id"]: _from_row(row) for row in rows}


async def lock(tx: Tx, incident_id: int) -> Postmortem | None:
    """Lock the post-mortem of an incident and return it, None if it has none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from postmortem
        where id = {_OF_INCIDENT}
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
    """Mark the current version of a locked post-mortem as published."""
    await tx.execute(
        """
        update postmortem
        set state = 'published',
            published_at = $2,
            first_published_at = coalesce(first_published_at, $2),
            published_version = version
        where id = $1
        """,
        postmortem_id,
        now,
    )


async def set_review(
    tx: Tx, postmortem_id: int, asked_version: int | None, approved_version: int | None
) -> None:
    """Set for which versions of a locked post-mortem a review was asked and an approval given."""
    await tx.execute(
        """
        update postmortem
        set asked_version = $2,
            approved_version = $3,
            state = case
                when state = 'published' then state
                when $3::bigint = version then 'approved'
                when $2::bigint = version then 'review'
                else 'draft'
            end
        where id = $1
        """,
        postmortem_id,
        asked_version,
        approved_version,
    )


async def set_withdrawal(
    tx: Tx, postmortem_id: int, by_id: int | None, reason: str, withdrawn_at: datetime | None
) -> None:
    """Record who wants a locked post-mortem withdrawn and why, and when it was; without an instant it is not yet."""
    await tx.execute(
        """
        update postmortem
        set withdrawal_by = $2,
            withdrawal_reason = $3,
            withdrawn_at = $4,
            updated_at = coalesce($4, updated_at),
            state = case when $4::timestamptz is null then state else 'withdrawn' end
        where id = $1
        """,
        postmortem_id,
        by_id,
        reason,
        withdrawn_at,
    )


async def unpublish(tx: Tx, postmortem_id: int, earlier: ListedVersion | None) -> None:
    """Undo a publication of a locked post-mortem: `earlier` is the version that was published before, if any."""
    await tx.execute(
        """
        update postmortem
        set state = case when $2::bigint is null then 'draft' else 'published' end,
            published_version = $2,
            published_at = $3,
            first_published_at = case when $2::bigint is null then null else first_published_at end,
            asked_version = null,
            approved_version = null
        where id = $1
        """,
        postmortem_id,
        earlier.n if earlier else None,
        earlier.at if earlier else None,
    )
