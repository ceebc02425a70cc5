"""The SQL of the limits on failed sign-ins."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Tx

_PRUNED_AT_ONCE = 1000


async def spend(
    tx: Tx, scope: str, subject: bytes, cost: timedelta, budget: timedelta, keep: timedelta, now: datetime
) -> int | None:
    """Take one attempt from a budget and return how many failed in this burst, or None when it is used up.

    One statement, so that attempts at the same time never take more than there is.
    """
    failures = await tx.value(
        """
        insert into sign_in_limit as l (scope, subject, spent_until, failures, forget_at)
        values ($1, $2, $3::timestamptz + $4::interval, 1, $3::timestamptz + $6::interval)
        on conflict (scope, subject) do update
        set spent_until = greatest(l.spent_until, $3) + $4::interval,
            failures = case when l.forget_at <= $3 then 1 else l.failures + 1 end,
            refusals = case when l.forget_at <= $3 then 0 else l.refusals end,
            forget_at = excluded.forget_at
        where greatest(l.spent_until, $3) + $4::interval <= $3::timestamptz + $5::interval
        returning failures
        """,
        scope,
        subject,
        now,
        cost,
        budget,
        keep,
    )
    assert failures is None or isinstance(failures, int)
    return failures


async def refuse(tx: Tx, scope: str, subject: bytes, keep: timedelta, now: datetime) -> tuple[datetime, int]:
    """Count a refusal; return until when the budget is spent and how many refusals the burst has seen."""
    row = await tx.row(
        """
        update sign_in_limit
        set refusals = refusals + 1, forget_at = $4::timestamptz + $3::interval
        where scope = $1 and subject = $2
        returning spent_until, refusals
        """,
        scope,
        subject,
        keep,
        now,
    )
    return (row["spent_until"], row["refusals"]) if row else (now, 0)


async def give_back(tx: Tx, scope: str, subject: bytes, cost: timedelta) -> None:
    """Return one attempt to a budget: it did not fail."""
    await tx.execute(
        """
        update sign_in_limit
        set spent_until = spent_until - $3::interval, failures = greatest(failures - 1, 0)
        where scope = $1 and subject = $2
        """,
        scope,
        subject,
        cost,
    )


async def clear_limit(tx: Tx, scope: str, subject: bytes) -> None:
    """Forget the failures of one subject."""
    await tx.execute(
        """
        delete from sign_in_limit
        where scope = $1 and subject = $2
        """,
        scope,
        subject,
    )


async def prune_limits(tx: Tx, now: datetime) -> None:
    """Delete limits that nothing was counted against for long, a bounded number at a time."""
    await tx.execute(
        """
        delete from sign_in_limit
        where (scope, subject) in (
            select scope, subject
            from sign_in_limit
            where forget_at <= $1 and spent_until <= $1
            order by forget_at
            limit $2
            for update skip locked
        )
        """,
        now,
        _PRUNED_AT_ONCE,
    )
