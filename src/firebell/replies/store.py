"""The SQL of applied presses and replies, and of refused requests."""

from datetime import datetime, timedelta
from typing import NamedTuple

from firebell.kit.db.database import Reads, Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

SIGNAL_DAYS = 2
"""Longer than a provider repeats a request."""


REFUSAL_SPAN = timedelta(days=1)
"""Pause after which refused requests of a provider are counted from 1 again."""


class CallbackRefusal(NamedTuple):
    """Requests of a channel's provider that were refused; `url` begins the address that they must be signed for."""

    channel: str
    url: str
    refused: int
    first_at: datetime
    last_at: datetime


async def record_refusals(tx: Tx, channel: str, url: str, count: int, now: datetime) -> None:
    """Add refused requests of a channel's provider."""
    await tx.execute(
        """
        insert into callback_refusal (channel, url, refused, first_at, last_at)
        values ($1, $2, $3, $4, $4)
        on conflict (channel) do update
        set url = excluded.url,
            refused = excluded.refused
                + case when callback_refusal.last_at < $5 then 0 else callback_refusal.refused end,
            first_at = case when callback_refusal.last_at < $5 then $4 else callback_refusal.first_at end,
            last_at = excluded.last_at
        """,
        channel,
        url,
        count,
        now,
        now - REFUSAL_SPAN,
    )


async def callback_refusals(tx: Reads, since: datetime) -> list[CallbackRefusal]:
    """Return the channels whose provider's requests were refused since an instant."""
    rows = await tx.fetch(
        """
        select channel, url, refused, first_at, last_at
        from callback_refusal
        where last_at >= $1
        order by channel
        """,
        since,
    )
    return [CallbackRefusal(**dict(row)) for row in rows]


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
