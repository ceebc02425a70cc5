"""The SQL that deletes old pings of heartbeats."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

PING_DAYS = 30


async def delete_pings(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest pings; return their number."""
    return await tx.changed(
        """
        delete from heartbeat_ping
        where id in (
            select id
            from heartbeat_ping
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


count_pings = count_rows(
    """
    select
    from heartbeat_ping
    where at < $1
    limit $2
    """
)

RETENTIONS = (
    Retention(
        "heartbeat_ping",
        PING_DAYS,
        by_index(delete_pings),
        setting="pings",
        label="Pings of heartbeats",
        count=count_pings,
    ),
)
