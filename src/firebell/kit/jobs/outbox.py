"""The outbox: one row per deferred reaction, retried with backoff and kept when it has failed for good."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db.database import Tx

MAX_ATTEMPTS = 12

Handler = Callable[[Tx, dict[str, Any], datetime], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class OutboxJob:
    """A stored reaction and the event that triggered it."""

    id: int
    reaction: str
    payload: dict[str, Any]
    attempts: int


async def claim(tx: Tx, now: datetime) -> OutboxJob | None:
    """Lock the oldest runnable job."""
    row = await tx.row(
        """
        select id, reaction, payload, attempts
        from outbox
        where dead_at is null and run_at <= $1
        order by run_at, id
        limit 1
        for update skip locked
        """,
        now,
    )
    return OutboxJob(**dict(row)) if row else None


async def finish(tx: Tx, job: OutboxJob) -> None:
    """Delete a finished job."""
    await tx.execute("delete from outbox where id = $1", job.id)


def retry_wait(attempts: int) -> timedelta:
    """Return how long to wait after a failure that follows `attempts` others: 1, 2, 4 ... at most 600 seconds."""
    return timedelta(seconds=min(600, 2**attempts))


async def fail(tx: Tx, job: OutboxJob, now: datetime, error: str) -> None:
    """Retry after `retry_wait`; after `MAX_ATTEMPTS` keep the row as dead."""
    await tx.execute(
        """
        update outbox
        set attempts = attempts + 1,
            last_error = $2,
            run_at = $3,
            dead_at = case when attempts + 1 >= $4 then $5::timestamptz end
        where id = $1
        """,
        job.id,
        error[:2000],
        now + retry_wait(job.attempts),
        MAX_ATTEMPTS,
        now,
    )


async def advance_by(tx: Tx, by: timedelta, now: datetime, *, only_after_now: bool) -> None:
    """Make waiting jobs run earlier; with `only_after_now`, only those that were stored after `now`."""
    await tx.execute(
        """
        update outbox
        set run_at = run_at - $1::interval,
            created_at = least(created_at, $2)
        where id in (
            select id
            from outbox
            where dead_at is null
                and run_at > $2
                and (created_at > $2 or not $3)
            order by id
            for update
        )
        """,
        by,
        now,
        only_after_now,
    )


async def overdue(tx: Tx, before: datetime) -> int:
    """Return how many jobs should have run `before`."""
    count = await tx.value(
        """
        select count(*)
        from outbox
        where dead_at is null and run_at < $1
        """,
        before,
    )
    assert isinstance(count, int)
    return count


async def next_at(tx: Tx) -> datetime | None:
    """Return when the next job may run; None if there are no jobs."""
    run_at = await tx.value("select min(run_at) from outbox where dead_at is null")
    assert run_at is None or isinstance(run_at, datetime)
    return run_at
