"""Waiting until a transaction waits for a lock."""

import asyncio
from typing import Any

from firebell.kit.db.database import Db
from tests.servers import until


async def until_blocked(db: Db, task: asyncio.Task[Any]) -> None:
    """Return once a statement of this test's database waits for a lock; fail if the task ends before.

    `pg_locks` would also have the locks of tests that other workers run.
    """

    async def is_blocked() -> bool:
        if task.done():
            await task
            raise AssertionError("It did not wait.")
        async with db.reads() as reads:
            return bool(
                await reads.value(
                    """
                    select exists (
                        select
                        from pg_stat_activity
                        where datname = current_database()
                            and wait_event_type = 'Lock'
                    )
                    """
                )
            )

    await until(is_blocked, "it waits for a lock")
