"""Story: workers are killed, run side by side, or lose the database; every page is still sent."""

import asyncio
import contextlib
from datetime import timedelta

from firebell import event_subscriptions
from firebell.channels.base import Message
from firebell.kit.clock import FakeClock
from firebell.notify.deliveries import store as delivery_store
from firebell.notify.held_messages import SendGroup
from firebell.paging.model import PageState
from firebell.worker import Worker, timer_handlers
from tests.world import world


async def test_killed_between_claim_and_send_it_is_sent_again_with_the_same_key(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        while await w.worker.run_due(w.now):
            pass
        async with w.ctx.db.tx() as tx:
            (claimed,) = await delivery_store.claim(tx, w.now, 10)
        await w.after(seconds=59)
        assert w.sink.got == []
        await w.after(seconds=1)
        assert [h["idempotency-key"] for h in w.sink.headers] == [
            SendGroup((claimed,), Message("page", "", "high", w.now)).key
        ]


async def test_killed_inside_a_timer_the_timer_runs_again(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()

        async def dies(*_: object) -> tuple[()]:
            raise asyncio.CancelledError

        dying = Worker(w.ctx, dict.fromkeys(timer_handlers(), dies), {})
        with contextlib.suppress(asyncio.CancelledError):
            await dying.run_due(w.now)
        await w.settle()
        assert w.sink.people() == ["Mara Lindqvist"]


async def test_two_workers_at_once_send_each_message_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        other = Worker(w.ctx, timer_handlers(), event_subscriptions.outbox_handlers())
        await w.lift_night_limit()
        for number in range(30):
            await w.alert(f"alert {number}", service=f"s{number}")
        await asyncio.gather(w.worker.settle(w.now), other.settle(w.now), w.worker.settle(w.now))
        await w.settle()
        titles = [m["title"] for m in w.sink.got]
        assert sorted(titles) == sorted(f"alert {n}" for n in range(30))


async def test_an_acknowledgement_racing_the_timer_ends_in_one_order_or_the_other(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        for number in range(20):
            await w.alert(f"alert {number}", service=f"s{number}")
        await w.settle()
        clock.advance(timedelta(minutes=5))
        pages = await w.pages()
        await asyncio.gather(w.settle(), *[w.ack(w.mara, p.id) for p in pages])
        await w.settle()
        for page in await w.pages():
            assert page.state is PageState.ACKED
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from delivery where state in ('queued', 'sending')") == 0


async def test_after_an_hour_of_downtime_a_level_is_entered_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        clock.advance(timedelta(hours=1))
        await w.settle()
        assert [m["person"] for m in w.sink.got if m["event"] == "page"] == ["Mara Lindqvist", "Jun Okafor"]
        page = await w.page()
        assert page.due_at == w.now + timedelta(minutes=5)
