"""The SQL that deletes old alarms and daily tests."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

ALARM_DAYS = 365
TEST_DAYS = 90


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


async def delete_tests(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest daily tests; return their number."""
    return await tx.changed(
        """
        delete from fallback_test
        where id in (
            select id
            from fallback_test
            where sent_at < $1
            order by sent_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_tests = count_rows(
    """
    select
    from fallback_test
    where sent_at < $1
    limit $2
    """
)

RETENTIONS = (
    Retention(
        "self_alarm",
        ALARM_DAYS,
        by_index(delete_alarms),
        setting="self_alarms",
        label="Alarms about Firebell itself",
        count=count_alarms,
    ),
    Retention(
        "fallback_test",
        TEST_DAYS,
        by_index(delete_tests),
        setting="fallback_tests",
        least_days=30,
        label="Daily tests of the fallback responders",
        count=count_tests,
    ),
)
