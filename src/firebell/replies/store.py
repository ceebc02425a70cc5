"""The SQL of applied presses and replies."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

SIGNAL_DAYS = 2
"""Longer than a provider repeats a request."""


async def claim_signal(tx: Tx, key: str, now: datetime) -> bool:
    """Mark a press or a reply as applied; return False if it was before."""
    inserted = await tx.fetch(
        """
        insert into channel_signal (id, applied_at)
        values ($1, $2)
        on conflict do nothing
        returning id
        """,
        key,
        now,
    )
    return bool(inserted)


async def delete_signals(tx: Tx, before: datetime, limit: int) -> int:
    """Delete marks that were set before an instant; return their number."""
    return await tx.changed(
        """
        delete from channel_signal
        where id in (
            select id
            from channel_signal
            where applied_at < $1
            order by applied_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_signals = count_rows(
    """
    select
    from channel_signal
    where applied_at < $1
    limit $2
    """
)

RETENTIONS = (
    Retention(
        "channel_signal",
        SIGNAL_DAYS,
        by_index(delete_signals),
        label="Applied replies and presses",
        count=count_signals,
    ),
)
