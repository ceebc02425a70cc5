"""Counts rows for all retentions; the SQL that deletes old entries of the audit log and failed background jobs."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import (
    BATCH_ROWS,
    Count,
    Retention,
    WaitingRows,
    by_index,
    next_cursor,
)


def count_rows(statement: str) -> Count:
    """Return a `Count` of the rows of a `select` by an index, which takes the instant and the limit."""

    async def counted(tx: Tx, before: datetime, limit: int) -> WaitingRows:
        rows: int = await tx.value(
            f"""
            select count(*)
            from ({statement}) old
            """,
            before,
            limit,
        )
        return WaitingRows(rows, rows >= limit)

    return counted


async def prune_audit(tx: Tx, before: datetime, cursor: int) -> int | None:
    """Delete a batch of audit entries, whose ids are in the order of their time."""
    rows = await tx.fetch(
        """
        with oldest as materialized (
            select id, at
            from audit
            where id > $2
            order by id
            limit $3
        ),
        deleted as (
            delete from audit
            where id in (select id from oldest where at < $1)
        )
        select id, at >= $1 as is_kept
        from oldest
        order by id
        """,
        before,
        cursor,
        BATCH_ROWS,
    )
    return next_cursor(rows, BATCH_ROWS)


async def delete_dead_jobs(tx: Tx, before: datetime, limit: int) -> int:
    """Delete background jobs that failed for good before an instant; return their number."""
    return await tx.changed(
        """
        delete from outbox
        where id in (
            select id
            from outbox
            where dead_at < $1
            order by id
            limit $2
        )
        """,
        before,
        limit,
    )


async def count_audit(tx: Tx, before: datetime, limit: int) -> WaitingRows:
    """Count the audit entries of before an instant among the oldest ones."""
    row = await tx.row(
        """
        select
            count(*) filter (
                where at < $1
            ) as rows,
            count(*) = $2 and max(at) < $1 as has_more
        from (
            select at
            from audit
            order by id
            limit $2
        ) oldest
        """,
        before,
        limit,
    )
    assert row
    return WaitingRows(*row)


count_dead_jobs = count_rows(
    """
    select
    from outbox
    where dead_at < $1
    limit $2
    """
)


RETENTIONS = (
    Retention("audit", 730, prune_audit, setting="audit", label="Audit log", count=count_audit),
    Retention(
        "outbox",
        90,
        by_index(delete_dead_jobs),
        label="Failed background jobs",
        count=count_dead_jobs,
    ),
)
