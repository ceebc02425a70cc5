"""The SQL that deletes old handoff documents."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows


async def delete_handoffs(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest handoffs with their acknowledgments; return their number."""
    return await tx.changed(
        """
        delete from handoff
        where id in (
            select id
            from handoff
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


count_handoffs = count_rows(
    """
    select
    from handoff
    where at < $1
    limit $2
    """
)


RETENTIONS = (
    Retention(
        "handoff",
        400,
        by_index(delete_handoffs),
        setting="handoffs",
        least_days=62,
        with_tables=("handoff_ack",),
        label="Handoff documents",
        count=count_handoffs,
    ),
)
