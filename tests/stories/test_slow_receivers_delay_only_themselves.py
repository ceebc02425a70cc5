"""Story: slow receivers, restarts and lost leases delay only their own messages."""

import asyncio
import errno
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from firebell.channels.base import Accepted, Message, Outcome, Retry
from firebell.channels.webhook import Webhook
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.notify import sender as sender_module
from firebell.notify.deliveries import store as delivery_store
from firebell.notify.deliveries.send_slots import Slots
from firebell.notify.model import Delivery
from firebell.notify.sender import CLAIM, UNRECORDED, Sender
from firebell.paging import actions as paging
from tests.servers import listening, until
from tests.stopwatch import stopwatch
from tests.world import World, world


async def plan(w: World) -> None:
    while await w.worker.run_due(w.now):
        pass


async def execute(w: World, sql: str, *args: object) -> None:
    async with w.ctx.db.tx() as tx:
        await tx.execute(sql, *args)


async def ledger_of(w: World) -> list[Delivery]:
    """Return the messages of the newest page."""
    page = await w.page()
    async with w.ctx.db.tx() as tx:
        return await paging.deliveries(tx, page.id)


async def claim(w: World) -> list[Delivery]:
    async with w.ctx.db.tx() as tx:
        return await delivery_store.claim(tx, w.now, 10)


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Send one byte every 0.2 s, forever."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.2)


async def test_one_persons_slow_webhook_delays_no_one_elses_page(dsn: str, clock: FakeClock) -> None:
    async with listening(drip) as port, world(dsn, clock) as w:
        await w.lift_night_limit()
        for number in range(110):
            await w.alert(f"alert {number}", service=f"s{number}")
        await plan(w)
        slow = f"http://127.0.0.1:{port}/hook"
        await execute(w, "update delivery set address = $1, destination = 'slow.example'", slow)
        sender = Sender(w.ctx)
        while await sender.run_once(w.now):
            pass
        await execute(w, "update delivery set send_at = send_at + interval '1 hour' where state = 'queued'")
        clock.advance(timedelta(minutes=5))
        await plan(w)
        with stopwatch() as watch:
            while not w.sink.got:
                await sender.run_once(w.now)
                await asyncio.sleep(0.01)
        assert watch.seconds < 3
        assert set(w.sink.people()) == {"Jun Okafor"}
        await sender.drain(0)


async def test_a_storm_to_one_host_does_not_pause_once_its_slots_are_free(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender_module, "GATHER_S", 3600)
    async with world(dsn, clock) as w:
        await w.lift_night_limit()
        for number in range(60):
            await w.alert(f"alert {number}", service=f"s{number}")
        await plan(w)
        answers = asyncio.Event()

        async def wait(*_: Any) -> Outcome:
            await answers.wait()
            return Accepted("")

        monkeypatch.setattr(Webhook, "send", wait)
        free = asyncio.Event()
        storm = Sender(w.ctx, free.set)
        while await storm.run_once(w.now):
            pass
        assert not free.is_set()
        answers.set()
        async with asyncio.timeout(5):
            await free.wait()
        await storm.drain()


async def test_a_full_destination_is_skipped_and_starves_no_one_behind_it(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        for number in range(400):
            await w.alert(f"alert {number}", service=f"s{number}")
        await plan(w)
        await execute(
            w,
            "update delivery set destination = 'slow.example'"
            " where id not in (select id from delivery order by send_at desc, id desc limit 3)",
        )
        claimed: list[Delivery] = []
        slots = Slots()
        async with w.ctx.db.tx() as tx:
            while batch := await delivery_store.claim(tx, w.now, 32, slots):
                claimed += batch
                for delivery in batch:
                    slots.take(delivery)
            assert await delivery_store.next_at(tx, slots.blocked()) is None
        assert len(claimed) < 64


async def test_messages_go_on_while_outcomes_wait_to_be_recorded(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = asyncio.Event()
    accepted = delivery_store.accepted

    async def accepted_later(tx: Tx, arrived: Sequence[tuple[Delivery, str]], now: datetime) -> set[int]:
        await recording.wait()
        return await accepted(tx, arrived, now)

    monkeypatch.setattr(delivery_store, "accepted", accepted_later)
    async with world(dsn, clock) as w:
        await w.lift_night_limit()
        for number in range(UNRECORDED + 100):
            await w.alert(f"alert {number}", service=f"s{number}")
        await plan(w)
        sender = Sender(w.ctx)

        async def are_sent() -> bool:
            await sender.run_once(w.now)
            return len(w.sink.got) >= UNRECORDED

        await until(are_sent, "as many messages are sent as may be unrecorded")
        assert await sender.run_once(w.now) == 0
        # a crash now would send these again, and no more
        assert len(w.sink.got) < UNRECORDED + CLAIM
        recording.set()
        await w.settle()
        await sender.drain()
        while await sender.run_once(w.now):
            await sender.drain()
        assert len(w.sink.got) == UNRECORDED + 100


async def test_four_quick_restarts_are_no_attempts(dsn: str, clock: FakeClock) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with listening(hang) as port, world(dsn, clock) as w:
        await w.alert()
        await plan(w)
        await execute(w, "update delivery set address = $1", f"http://127.0.0.1:{port}/hook")
        for _ in range(6):
            sender = Sender(w.ctx)
            assert await sender.run_once(w.now) == 1
            await sender.drain(0.05)
        (delivery,) = await ledger_of(w)
        assert (delivery.state, delivery.attempts) == ("queued", 0)
        await execute(w, "update delivery set address = $1", w.sink.url)
        await w.settle()
        assert w.sink.people() == ["Mara Lindqvist"]
        (delivery,) = await ledger_of(w)
        assert (delivery.state, delivery.attempts) == ("accepted", 1)


async def test_processes_that_are_killed_use_up_no_attempt(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await plan(w)
        for _ in range(5):
            assert len(await claim(w)) == 1
            clock.advance(timedelta(seconds=61))
        (delivery,) = await ledger_of(w)
        assert (delivery.state, delivery.attempts, delivery.lost_claims) == ("sending", 1, 4)
        w.sink.status = 500
        sender = Sender(w.ctx)
        await sender.run_once(w.now)
        await sender.drain()
        (delivery,) = await ledger_of(w)
        assert (delivery.state, delivery.attempts, delivery.lost_claims) == ("queued", 1, 0)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
async def test_a_failure_of_this_process_is_neither_an_attempt_nor_the_fault_of_the_address(
    dsn: str, clock: FakeClock, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await plan(w)

        async def exhausted(*_: Any, **__: Any) -> None:
            try:
                raise ExceptionGroup("all attempts failed", [OSError(code, "no descriptor")])
            except ExceptionGroup as exc:
                raise httpx.ConnectError("All connection attempts failed") from exc

        with monkeypatch.context() as patch:
            patch.setattr(w.ctx.http._transport.client, "exchange", exhausted)  # type: ignore[attr-defined]
            for _ in range(8):
                await w.settle()
                clock.advance(timedelta(seconds=10))
        (delivery,) = await ledger_of(w)
        assert (delivery.state, delivery.attempts) == ("queued", 0)
        await w.settle()
        assert w.sink.people() == ["Mara Lindqvist"]
        async with w.ctx.db.tx() as tx:
            assert not await tx.value("select count(*) from contact_method where suspect_since is not null")


async def test_an_outcome_after_the_lease_ended_changes_nothing(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await plan(w)
        (slept,) = await claim(w)
        clock.advance(timedelta(seconds=61))
        (taken,) = await claim(w)
        assert taken.claims == slept.claims + 1
        first_due = taken.send_at
        async with w.ctx.db.tx() as tx:
            assert await delivery_store.failed(tx, [slept], "too late") == []
            assert await delivery_store.accepted(tx, [(slept, "too late")], w.now) == set()
            await delivery_store.retry(tx, [slept], w.now, "too late")
        assert [(d.state, d.error) for d in await ledger_of(w)] == [("sending", None)]
        for seconds in (0, 30):
            async with w.ctx.db.tx() as tx:
                await delivery_store.retry(tx, [taken], w.now, "try later")
                first = await tx.value("select first_send_at from delivery")
            assert first == first_due, "retries do not change when a message was first due"
            clock.advance(timedelta(seconds=seconds))
            (taken,) = await claim(w)
        async with w.ctx.db.tx() as tx:
            assert await delivery_store.accepted(tx, [(taken, "in time")], w.now) == {taken.id}
            assert await delivery_store.failed(tx, [slept], "too late") == []
            assert await delivery_store.failed(tx, [taken], "too late") == []
        assert [d.state for d in await ledger_of(w)] == ["accepted"]
        await execute(w, "update delivery set state = 'void'")
        async with w.ctx.db.tx() as tx:
            assert await delivery_store.accepted(tx, [(taken, "again")], w.now) == set()
        assert [d.state for d in await ledger_of(w)] == ["void"]


async def test_of_two_senders_the_one_that_slept_past_its_lease_fails_nothing(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken = asyncio.Event()
    send = Webhook.send
    sent = 0

    async def sleeps_first(self: Webhook, address: str, message: Message, key: str) -> Outcome:
        nonlocal sent
        sent += 1
        if sent == 1:
            await woken.wait()
            return Retry("the last of its attempts")
        return await send(self, address, message, key)

    async with world(dsn, clock) as w:
        await w.alert()
        await plan(w)
        await execute(w, "update delivery set attempts = 4")
        monkeypatch.setattr(Webhook, "send", sleeps_first)
        sleeper, other = Sender(w.ctx), Sender(w.ctx)
        assert await sleeper.run_once(w.now) == 1

        async def asleep() -> bool:
            return sent == 1

        await until(asleep, "the first sender sleeps")
        clock.advance(timedelta(seconds=61))
        assert await other.run_once(w.now) == 1
        await other.drain()
        woken.set()
        await sleeper.drain()
        assert [d.state for d in await ledger_of(w)] == ["accepted"]
        assert "No message of this level could be delivered." not in await w.story()
