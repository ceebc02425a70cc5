"""The SQL that deletes old alarms."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

ALARM_DAYS = 365


async def delete_alarms(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the alarms that ended first; return their number."""
    return await tx.changed(
        """
        delete from self_alarm
        where id in (
            select id
            from self_alarm
            where cleared_at < $1
            order by cleared_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_alarms = count_rows(
    """
    select
    from self_alarm
    where cleared_at < $1
    limit $2
    """
)

RETENTIONS = (
    Retention(
        "self_alarm",
        ALARM_DAYS,
        by_index(delete_alarms),
        setting="self-alarms",
        label="Alarms about Firebell itself",
        count=count_alarms,
    ),
)
