"""Wake-ups are sent after the commit, each once, and none of a transaction that was rolled back."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from firebell import event_subscriptions
from firebell.kit.clock import FakeClock
from firebell.kit.db import notifier
from firebell.kit.db.database import LIVE_CHANNEL, WORK_CHANNEL, Db
from firebell.kit.db.notifier import Notifier, WakeUp
from firebell.worker import Worker, timer_handlers
from tests.world import world


class Undone(Exception):  # noqa: N818
    """Rolls a transaction back."""


async def _wake_and_undo(db: Db) -> None:
    async with db.tx() as tx:
        await tx.wake("undone")
        raise Undone


async def _heard(heard: list[str], count: int) -> list[str]:
    async with asyncio.timeout(60):
        while len(heard) < count:
            await asyncio.sleep(0.01)
    return heard


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
    assert await _heard(heard, 3) == ["send", "pg-1", "pages"]
    await listener.close()


async def test_a_woken_listener_sees_what_was_committed(db: Db) -> None:
    counts: asyncio.Queue[str] = asyncio.Queue()
    listener = await db.listen({WORK_CHANNEL: counts.put_nowait})
    for key in map(str, range(20)):
        async with db.tx() as tx:
            await tx.execute("insert into setting (key, value) values ($1, $2)", key, 1)
            await tx.wake(key)
        async with asyncio.timeout(60):
            woken = await counts.get()
        assert await listener.fetchval("select true from setting where key = $1", woken)
    await listener.close()


async def test_wake_ups_wait_for_a_database_that_cuts_the_notifier_off(db: Db, dsn: str) -> None:
    heard: list[str] = []
    async with db.tx() as tx:
        await tx.wake("before")
    admin = await asyncpg.connect(dsn)
    cut = """
        select count(pg_terminate_backend(pid))
        from pg_stat_activity
        where datname = current_database() and query like '%pg_notify%' and pid <> pg_backend_pid()
    """
    async with asyncio.timeout(60):
        while not await admin.fetchval(cut):
            await asyncio.sleep(0.01)
    listener = await db.listen({WORK_CHANNEL: heard.append})
    async with db.tx() as tx:
        await tx.wake("after")
    assert (await _heard(heard, 1))[-1] == "after"
    await listener.close()
    await admin.close()


async def test_the_last_wake_ups_of_a_process_leave_before_it_ends(db: Db, dsn: str) -> None:
    heard: list[str] = []
    listener = await db.listen({WORK_CHANNEL: heard.append})
    another = await Db.connect(dsn, event_subscriptions.build(), size=1)
    async with another.tx() as tx:
        await tx.wake("last")
    await another.close()
    assert await _heard(heard, 1) == ["last"]
    await listener.close()


async def test_a_page_whose_wake_ups_were_lost_is_sent_by_the_poll(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process can be killed between a commit and its wake-ups."""
    monkeypatch.setattr(Notifier, "add", lambda self, wake_ups: None)
    async with world(dsn, clock) as w:
        stop = asyncio.Event()
        polling = Worker(
            w.ctx, timer_handlers(), event_subscriptions.outbox_handlers(), poll=timedelta(seconds=0.1)
        )
        running = asyncio.create_task(polling.run(stop))
        await w.alert()
        async with asyncio.timeout(60):
            while not w.sink.got:
                await asyncio.sleep(0.01)
        stop.set()
        await running


class Recording(Notifier):
    """Records what it would send."""

    def __init__(self) -> None:
        super().__init__("", patient_channel=LIVE_CHANNEL)
        self.sent: asyncio.Queue[list[WakeUp]] = asyncio.Queue()

    async def _send(self, wake_ups: list[WakeUp]) -> None:
        self.sent.put_nowait(wake_ups)


async def test_screens_that_change_all_the_time_delay_no_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notifier, "PATIENT_MERGE_S", 3_600)
    recording, screen, work = Recording(), WakeUp(LIVE_CHANNEL, "pages"), WakeUp(WORK_CHANNEL, "send")
    recording.add([screen])
    assert await recording.sent.get() == [screen]
    recording.add([screen])
    recording.add([work, screen])
    assert await recording.sent.get() == [work]
    await recording.flush()
    assert await recording.sent.get() == [screen]
