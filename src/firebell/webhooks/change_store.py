"""The SQL of changes: stored with what changed, read once, and composed into events."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Reads, Tx
from firebell.kit.jobs.outbox import MAX_ATTEMPTS, retry_wait
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.webhooks.model import RETENTION_DAYS, Change, DeadChanges

MAX_BEHIND_MS = 10_000
"""How far ids may fall behind the time in milliseconds before they continue from it."""


async def insert(tx: Tx, kind: str, payload: Mapping[str, Any], now: datetime) -> bool:
    """Store a change and return True; without endpoints, store nothing, in the same round trip.

    Ids that fell behind the time in milliseconds continue from it, so that they are higher than those of
    changes that were lost when a backup was restored. No other transaction waits meanwhile: one at a time moves the
    sequence, and only far ahead, so that no id is given twice.
    """
    stored = await tx.changed(
        """
        with sequence as materialized (
            select
                pg_get_serial_sequence('webhook_change', 'id')::regclass as name,
                (extract(epoch from $3::timestamptz) * 1000)::bigint as now_ms
            where exists (select from webhook_endpoint where deleted_at is null)
        ),
        behind as materialized (
            select name, now_ms
            from sequence
            where case
                when coalesce(pg_sequence_last_value(name), 0) < now_ms - $4::bigint
                    then pg_try_advisory_xact_lock(hashtextextended('webhook_change_id', 0))
                else false
            end
        ),
        moved as materialized (
            select setval(name, now_ms)
            from behind
            where coalesce(pg_sequence_last_value(name), 0) < now_ms - $4::bigint
        )
        insert into webhook_change (kind, payload, at, run_at)
        select $1::text, $2::jsonb, $3::timestamptz, $3
        from sequence
        cross join (select count(*) from moved) first
        """,
        kind,
        payload,
        now,
        MAX_BEHIND_MS,
    )
    return stored > 0


async def claim(tx: Tx, limit: int, now: datetime) -> list[Change]:
    """Lock the oldest changes, if no other process composes; one at a time keeps the order of each subject."""
    if not await tx.value("select pg_try_advisory_xact_lock(hashtextextended('webhook_change', 0))"):
        return []
    rows = await tx.fetch(
        """
        select id, kind, payload, at, attempts
        from webhook_change
        where dead_at is null
            and run_at <= $1
        order by id
        limit $2
        for update
        """,
        now,
        limit,
    )
    return [Change(**dict(row)) for row in rows]


async def finish(tx: Tx, ids: Sequence[int]) -> None:
    """Delete changes whose events are stored."""
    await tx.execute("delete from webhook_change where id = any($1::bigint[])", list(ids))


async def fail(tx: Tx, change: Change, error: str, now: datetime) -> None:
    """Keep what is left of a change, and retry as the outbox does; after `MAX_ATTEMPTS` keep the row as dead."""
    await tx.execute(
        """
        update webhook_change
        set payload = $6,
            attempts = attempts + 1,
            last_error = $2,
            run_at = $3,
            dead_at = case when attempts + 1 >= $4 then $5::timestamptz end
        where id = $1
        """,
        change.id,
        error[:2000],
        now + retry_wait(change.attempts),
        MAX_ATTEMPTS,
        now,
        change.payload,
    )


async def dead(tx: Reads) -> DeadChanges:
    """Return how many changes could not be composed, and why the latest could not."""
    row = await tx.row(
        """
        select
            count(*) as changes,
            (array_agg(last_error order by dead_at desc))[1] as last_error
        from webhook_change
        where dead_at is not null
        """
    )
    assert row
    return DeadChanges(row["changes"], row["last_error"] or "")


async def _delete_dead(tx: Tx, before: datetime, limit: int) -> int:
    return await tx.changed(
        """
        delete from webhook_change
        where id in (
            select id
            from webhook_change
            where dead_at < $1
            limit $2
        )
        """,
        before,
        limit,
    )


RETENTIONS = [
    Retention(
        "webhook_change",
        RETENTION_DAYS,
        by_index(_delete_dead),
        label="Changes for which no event could be composed",
        count=count_rows("select from webhook_change where dead_at < $1 limit $2"),
    )
]
