"""The SQL of the versions of a document."""

from datetime import datetime

from firebell.kit.db.database import Row, Tx
from firebell.kit.db.events import Actor
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.postmortems.model import DocumentVersion, ListedVersion, Postmortem, VersionReason

SUPERSEDED_DAYS = 7
"""How long a version that its author continued stays as the base of merges."""
_LISTED = "postmortem_id, n, reason, section, base_n, by_id, actor, at, superseded"
_COLUMNS = f"{_LISTED}, body"


def _listed(row: Row) -> ListedVersion:
    return ListedVersion(**{**dict(row), "reason": VersionReason(row["reason"])})


def _whole(row: Row) -> DocumentVersion:
    return DocumentVersion(**{**dict(row), "reason": VersionReason(row["reason"])})


async def insert(
    tx: Tx,
    postmortem_id: int,
    n: int,
    body: str,
    reason: VersionReason,
    actor: Actor,
    now: datetime,
    *,
    section: str = "",
    base_n: int | None = None,
) -> None:
    """Insert a version."""
    await tx.execute(
        f"""
        insert into postmortem_version ({_COLUMNS})
        values ($1, $2, $3, $4, $5, $6, $7, $8, false, $9)
        """,
        postmortem_id,
        n,
        reason,
        section,
        base_n,
        actor.person_id,
        actor.label,
        now,
        body,
    )


async def ensure(tx: Tx, postmortem: Postmortem) -> None:
    """Insert the current text as a version if it is none: a process of an earlier release stored no versions."""
    await tx.execute(
        f"""
        insert into postmortem_version ({_COLUMNS})
        values ($1, $2, 'save', '', null, null, 'Firebell', $3, false, $4)
        on conflict (postmortem_id, n) do nothing
        """,
        postmortem.id,
        postmortem.version,
        postmortem.updated_at,
        postmortem.body,
    )


async def version(tx: Tx, postmortem_id: int, n: int) -> DocumentVersion | None:
    """Return a version with its text, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from postmortem_version
        where postmortem_id = $1
            and n = $2
        """,
        postmortem_id,
        n,
    )
    return _whole(row) if row else None


async def versions(tx: Tx, postmortem_id: int, before: int | None, limit: int) -> list[ListedVersion]:
    """Return the versions below number `before` that no later one continued, latest first."""
    rows = await tx.fetch(
        f"""
        select {_LISTED}
        from postmortem_version
        where postmortem_id = $1
            and not superseded
            and ($2::bigint is null or n < $2)
        order by n desc
        limit $3
        """,
        postmortem_id,
        before,
        limit,
    )
    return [_listed(row) for row in rows]


async def published_before(tx: Tx, postmortem_id: int, n: int) -> ListedVersion | None:
    """Return the latest version below number `n` that was published, or None."""
    row = await tx.row(
        f"""
        select {_LISTED}
        from postmortem_version
        where postmortem_id = $1
            and n < $2
            and reason = 'publish'
        order by n desc
        limit 1
        """,
        postmortem_id,
        n,
    )
    return _listed(row) if row else None


async def undo_publication(tx: Tx, postmortem_id: int, n: int) -> None:
    """Note that a version is only saved, because its publication was undone, and that no one wrote it.

    No one wrote the text that was restored after it, either; the names stay in `actor`.
    """
    await tx.execute(
        """
        update postmortem_version
        set reason = case when n = $2 then 'save' else reason end,
            by_id = null
        where postmortem_id = $1
            and n >= $2
        """,
        postmortem_id,
        n,
    )


async def supersede(tx: Tx, postmortem_id: int, n: int) -> None:
    """Note that a version was continued, unless a review, a comment or the publication is about it."""
    await tx.execute(
        """
        update postmortem_version
        set superseded = true
        where postmortem_id = $1
            and n = $2
            and not exists (
                select
                from postmortem_comment
                where postmortem_comment.postmortem_id = $1
                    and postmortem_comment.version_n = $2
            )
            and not exists (
                select
                from postmortem_review
                where postmortem_review.postmortem_id = $1
                    and postmortem_review.version_n = $2
            )
            and not exists (
                select
                from postmortem
                where postmortem.id = $1
                    and postmortem.published_version = $2
            )
        """,
        postmortem_id,
        n,
    )


async def written_by_a_person(tx: Tx, postmortem_id: int) -> datetime | None:
    """Return when a person first saved the document, None if no one did."""
    at: datetime | None = await tx.value(
        """
        select min(at)
        from postmortem_version
        where postmortem_id = $1
            and by_id is not null
        """,
        postmortem_id,
    )
    return at


async def run_began_at(tx: Tx, postmortem_id: int, n: int) -> datetime | None:
    """Return when the run of saves began that ends with version `n`: after the last version shown before it."""
    at: datetime | None = await tx.value(
        """
        select min(at)
        from postmortem_version
        where postmortem_id = $1
            and n <= $2
            and n > coalesce(
                (
                    select max(n)
                    from postmortem_version
                    where postmortem_id = $1
                        and n < $2
                        and not superseded
                ),
                0
            )
        """,
        postmortem_id,
        n,
    )
    return at


async def delete_superseded(tx: Tx, before: datetime, limit: int) -> int:
    """Delete superseded versions of before an instant; return their number."""
    return await tx.changed(
        """
        delete from postmortem_version
        where (postmortem_id, n) in (
            select postmortem_id, n
            from postmortem_version
            where superseded
                and at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


count_superseded = count_rows(
    """
    select
    from postmortem_version
    where superseded
        and at < $1
    limit $2
    """
)

RETENTION = Retention(
    "postmortem_version",
    SUPERSEDED_DAYS,
    by_index(delete_superseded),
    label="Post-mortem versions between saves",
    count=count_superseded,
)
