"""The SQL that counts calls of chats by hour and outcome: a chat that limits or refuses us shows in numbers."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from firebell.chat.mirror.call_counts import CallOutcome
from firebell.kit.db.database import Reads, Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

KEPT_DAYS = 30
DAY = timedelta(hours=24)


async def add(tx: Tx, account_id: int, counts: Mapping[CallOutcome, int], now: datetime) -> None:
    """Add to the counts of this hour."""
    await tx.execute(
        """
        insert into chat_calls (account_id, hour, outcome, calls)
        select account.id, date_trunc('hour', $4::timestamptz), made.outcome, made.calls
        from unnest($2::text[], $3::bigint[]) as made (outcome, calls)
        join chat_account account on account.id = $1
        on conflict (account_id, hour, outcome) do update
        set calls = chat_calls.calls + excluded.calls
        """,
        account_id,
        [str(outcome) for outcome in counts],
        list(counts.values()),
        now,
    )


async def of_last_day(
    tx: Reads, account_ids: Sequence[int], now: datetime
) -> dict[int, dict[CallOutcome, int]]:
    """Return the counts of the last 24 hours by account and outcome; an outcome without a call is 0."""
    rows = await tx.fetch(
        """
        select account_id, outcome, sum(calls)::bigint as calls
        from chat_calls
        where account_id = any($1::bigint[])
            and hour > $2
        group by account_id, outcome
        """,
        list(account_ids),
        now - DAY,
    )
    counts = {account_id: dict.fromkeys(CallOutcome, 0) for account_id in account_ids}
    for row in rows:
        counts[row["account_id"]][CallOutcome(row["outcome"])] = row["calls"]
    return counts


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the counts of hours before an instant; return their number."""
    return await tx.changed(
        """
        delete from chat_calls
        where (account_id, hour, outcome) in (
            select account_id, hour, outcome
            from chat_calls
            where hour < $1
            order by hour
            limit $2
        )
        """,
        before,
        limit,
    )


count_old = count_rows(
    """
    select
    from chat_calls
    where hour < $1
    limit $2
    """
)
RETENTIONS = (
    Retention(
        "chat_calls", KEPT_DAYS, by_index(delete_old), label="Counts of calls of chats", count=count_old
    ),
)
