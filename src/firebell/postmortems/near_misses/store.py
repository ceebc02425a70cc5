"""The SQL of near misses."""

from datetime import datetime

from firebell.kit.db.database import Row, Tx
from firebell.postmortems.near_misses.model import NearMiss, NearMissReport

_COLUMNS = """
    near_miss.id, near_miss.postmortem_id, near_miss.title, near_miss.could_have, near_miss.barrier,
    near_miss.lessons, near_miss.potential_severity, near_miss.factors, near_miss.service_ids, near_miss.noticed_at,
    near_miss.reporter_id, near_miss.is_unnamed, postmortem.state, postmortem.due_at, postmortem.published_at,
    postmortem.updated_at, postmortem.version
"""


def _near_miss(row: Row) -> NearMiss:
    report = NearMissReport(
        row["title"],
        row["could_have"],
        row["barrier"],
        row["potential_severity"],
        row["noticed_at"],
        row["lessons"],
        tuple(row["factors"]),
        tuple(row["service_ids"]),
    )
    return NearMiss(
        row["id"],
        row["postmortem_id"],
        report,
        row["reporter_id"],
        row["is_unnamed"],
        row["state"],
        row["due_at"],
        row["published_at"],
        row["updated_at"],
        row["version"],
    )


async def insert(
    tx: Tx,
    report: NearMissReport,
    reporter_id: int | None,
    label: str,
    due_at: datetime,
    now: datetime,
    *,
    unnamed: bool,
) -> int:
    """Insert a near miss with its document and the first version, and return its number."""
    number: int = await tx.value(
        """
        with document as (
            insert into postmortem (body, state, kind, due_at, author_id, created_at, updated_at)
            values ($1, 'draft', 'near_miss', $2, $3, $4, $4)
            returning id, version
        ),
        first as (
            insert into postmortem_version (postmortem_id, n, body, reason, by_id, actor, at)
            select id, version, $1, 'draft', $3, $5, $4
            from document
        )
        insert into near_miss (
            postmortem_id, title, could_have, barrier, lessons, potential_severity, factors, service_ids,
            noticed_at, reporter_id, is_unnamed
        )
        select id, $6, $7, $8, $9, $10, $11, $12, $13, $3, $14
        from document
        returning id
        """,
        report.body,
        due_at,
        reporter_id,
        now,
        label,
        report.title,
        report.could_have,
        report.barrier,
        report.lessons,
        report.potential_severity,
        list(report.factors),
        list(report.service_ids),
        report.noticed_at,
        unnamed,
    )
    return number


async def near_miss(tx: Tx, number: int) -> NearMiss | None:
    """Return a near miss, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from near_miss
        join postmortem on postmortem.id = near_miss.postmortem_id
        where near_miss.id = $1
        """,
        number,
    )
    return _near_miss(row) if row else None


async def lock(tx: Tx, number: int) -> NearMiss | None:
    """Lock a near miss and its document and return it, None if there is none."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from near_miss
        join postmortem on postmortem.id = near_miss.postmortem_id
        where near_miss.id = $1
        for update
        """,
        number,
    )
    return _near_miss(row) if row else None


async def near_misses(tx: Tx, before: int | None, limit: int) -> list[NearMiss]:
    """Return near misses with a number below `before`, latest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from near_miss
        join postmortem on postmortem.id = near_miss.postmortem_id
        where $1::bigint is null or near_miss.id < $1
        order by near_miss.id desc
        limit $2
        """,
        before,
        limit,
    )
    return [_near_miss(row) for row in rows]


async def save(tx: Tx, number: int, report: NearMissReport) -> None:
    """Replace the facts of a locked near miss."""
    await tx.execute(
        """
        update near_miss
        set title = $2,
            could_have = $3,
            barrier = $4,
            lessons = $5,
            potential_severity = $6,
            factors = $7,
            service_ids = $8,
            noticed_at = $9
        where id = $1
        """,
        number,
        report.title,
        report.could_have,
        report.barrier,
        report.lessons,
        report.potential_severity,
        list(report.factors),
        list(report.service_ids),
        report.noticed_at,
    )
