"""The SQL of reviews."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Row, Tx
from firebell.postmortems.model import DocumentReview, Verdict

REVIEWS_MAX = 200
"""Reviews of one document that are shown, the latest ones."""
_COLUMNS = "id, postmortem_id, version_n, verdict, note, by_id, actor, at, override_reason"


async def writer_ids(tx: Tx, postmortem_id: int) -> frozenset[int]:
    """Return everyone who saved a version of a post-mortem; who only publishes its text writes nothing."""
    rows = await tx.fetch(
        """
        select distinct by_id
        from postmortem_version
        where postmortem_id = $1
            and by_id is not null
            and reason <> 'publish'
        """,
        postmortem_id,
    )
    return frozenset(row["by_id"] for row in rows)


async def insert(
    tx: Tx,
    postmortem_id: int,
    version_n: int,
    verdict: Verdict,
    note: str,
    by_id: int,
    actor: str,
    now: datetime,
    *,
    override_reason: str = "",
) -> None:
    """Insert the verdict of a reviewer about a version."""
    await tx.execute(
        """
        insert into postmortem_review (
            postmortem_id, version_n, verdict, note, by_id, actor, at, override_reason
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        postmortem_id,
        version_n,
        verdict,
        note,
        by_id,
        actor,
        now,
        override_reason,
    )


async def reviews(tx: Tx, postmortem_id: int) -> list[DocumentReview]:
    """Return the latest reviews of a post-mortem, latest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from postmortem_review
        where postmortem_id = $1
        order by id desc
        limit $2
        """,
        postmortem_id,
        REVIEWS_MAX,
    )
    return [_from_row(row) for row in rows]


async def approval(tx: Tx, postmortem_id: int, version_n: int | None) -> DocumentReview | None:
    """Return the latest approval of a version, or None."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from postmortem_review
        where postmortem_id = $1
            and version_n = $2
            and verdict = 'approve'
        order by id desc
        limit 1
        """,
        postmortem_id,
        version_n,
    )
    return _from_row(row) if row else None


def _from_row(row: Row) -> DocumentReview:
    return DocumentReview(**{**dict(row), "verdict": Verdict(row["verdict"])})


async def set_reviewers(tx: Tx, postmortem_id: int, person_ids: Sequence[int], now: datetime) -> list[int]:
    """Replace whom a review was asked of; return those who were not asked before."""
    await tx.execute(
        """
        delete from postmortem_reviewer
        where postmortem_id = $1
            and person_id <> all($2::bigint[])
        """,
        postmortem_id,
        list(person_ids),
    )
    rows = await tx.fetch(
        """
        insert into postmortem_reviewer (postmortem_id, person_id, asked_at)
        select $1, person_id, $3
        from unnest($2::bigint[]) person_id
        on conflict do nothing
        returning person_id
        """,
        postmortem_id,
        list(person_ids),
        now,
    )
    added = {row["person_id"] for row in rows}
    return [person_id for person_id in dict.fromkeys(person_ids) if person_id in added]


async def reviewer_ids(tx: Tx, postmortem_id: int) -> list[int]:
    """Return whom a review was asked of."""
    rows = await tx.fetch(
        """
        select person_id
        from postmortem_reviewer
        where postmortem_id = $1
        order by person_id
        """,
        postmortem_id,
    )
    return [row["person_id"] for row in rows]
