"""Waiting until a transaction waits for a lock."""

import asyncio
from typing import Any

from firebell.kit.db.database import Db
from tests.servers import until


async def until_blocked(db: Db, *tasks: asyncio.Task[Any]) -> None:
    """Return once a statement of each task waits for a lock of this test's database; fail if a task ends first.

    `pg_locks` would also have the locks of tests that other workers run.
    """

    async def are_blocked() -> bool:
        for task in tasks:
            if task.done():
                await task
                raise AssertionError("It did not wait.")
        async with db.reads() as reads:
            waiting = await reads.value(
                """
                select count(*)
                from pg_stat_activity
                where datname = current_database()
                    and wait_event_type = 'Lock'
                """
            )
        return bool(waiting >= len(tasks))

    await until(are_blocked, "each task waits for a lock")
