"""Wake-ups leave with the commit: each once however often it was asked for, and none of what was undone."""

import asyncio

import pytest

from firebell.kit.db.database import LIVE_CHANNEL, WORK_CHANNEL, Db


class Undone(Exception):  # noqa: N818
    """Rolls a transaction back."""


async def _wake_and_undo(db: Db) -> None:
    async with db.tx() as tx:
        await tx.wake("undone")
        raise Undone


async def test_each_wake_up_comes_once_and_only_from_what_was_committed(db: Db) -> None:
    heard: list[str] = []
    listener = await db.listen({WORK_CHANNEL: heard.append, LIVE_CHANNEL: heard.append})
    with pytest.raises(Undone):
        await _wake_and_undo(db)
    async with db.tx() as tx:
        for _ in range(3):
            await tx.wake("send")
            await tx.live("pg-1")
        await tx.live("pages")
    for _ in range(100):
        if len(heard) >= 3:
            break
        await asyncio.sleep(0.01)
    await listener.close()
    assert heard == ["send", "pg-1", "pages"]
