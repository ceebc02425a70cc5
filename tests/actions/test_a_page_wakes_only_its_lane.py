"""A page runs one transaction of timers, so that hundreds of pages a minute leave room for new alerts."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from firebell import event_subscriptions
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import WORK_CHANNEL, Tx
from firebell.kit.db.notifier import WakeUp
from firebell.kit.jobs import timers
from firebell.paging.model import TIMER
from firebell.worker import Worker, timer_handlers
from firebell.worker_lanes import TIMER_LANES
from tests.world import World, world

HANDOFF, CHECKS = "handoffs.shift", "oncall.checks"


class Resting:
    """A pace that waits without a limit, and knows what it waits for."""

    def __init__(self, pace: Any) -> None:
        self._pace = pace
        self.awaited: set[asyncio.Event] = set()

    async def wait(self, event: asyncio.Event, seconds: float) -> None:
        self.awaited.add(event)
        try:
            await event.wait()
        finally:
            self.awaited.remove(event)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pace, name)


class Watched(Worker):
    """A worker that says in which lanes it looked for timers."""

    looks: list[str]
    wakes_itself = ""

    async def run_timers(self, lane: str, now: datetime) -> int:
        self.looks.append(lane)
        message, self.wakes_itself = self.wakes_itself, ""
        if message:
            self._woken(message)
        return await super().run_timers(lane, now)


@dataclass(frozen=True, slots=True)
class Running:
    """A world in which the timer lanes run, and are idle."""

    w: World
    worker: Watched
    handlers: dict[str, timers.Handler]

    async def rests(self) -> None:
        """Return once both lanes wait to be woken."""
        pace, wakes = self.worker._pace, [self.worker._wake[lane] for lane in TIMER_LANES]
        assert isinstance(pace, Resting)
        async with asyncio.timeout(60):
            while any(wake.is_set() or wake not in pace.awaited for wake in wakes):
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(dsn: str, clock: FakeClock) -> AsyncIterator[Running]:
    async with world(dsn, clock) as w:
        await w.settle()
        async with w.ctx.db.tx() as tx:
            await tx.execute("delete from due")
        handlers = timer_handlers()
        worker = Watched(w.ctx, handlers, event_subscriptions.outbox_handlers())
        worker._pace = Resting(worker._pace)
        worker.looks = []
        notifier = w.ctx.db._notifier
        send = notifier.add

        def deliver(wake_ups: Iterable[WakeUp]) -> None:
            send(wake_ups)
            for wake_up in wake_ups:
                if wake_up.channel == WORK_CHANNEL:
                    worker._woken(wake_up.payload)

        notifier.add = deliver  # type: ignore[method-assign]
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as lanes:
            for name in TIMER_LANES:
                run = partial(worker._run_while_due, name)
                lanes.create_task(worker._lane(name, stop, run, rests=True))
            it = Running(w, worker, handlers)
            await it.rests()
            worker.looks.clear()
            yield it
            stop.set()
            worker._wake_all()


async def test_an_alert_makes_one_lane_check_once(dsn: str, clock: FakeClock) -> None:
    async with running(dsn, clock) as r:
        await r.w.alert()
        await r.rests()
        assert r.worker.looks == ["page_timers"]
        async with r.w.ctx.db.tx() as tx:
            next_level = (await timers.due_times(tx, TIMER)).values()
        assert r.worker.upcoming["page_timers"] == min(next_level)


async def test_the_end_of_a_wait_wakes_its_lane(dsn: str, clock: FakeClock) -> None:
    """A held page could wait for the poll: it was up to five seconds late."""
    async with running(dsn, clock) as r:
        for key in ("held", "held"):
            async with r.w.ctx.db.tx() as tx:
                await timers.schedule_once(tx, HANDOFF, key, r.w.now + timedelta(minutes=1))
        await r.rests()
        # the second call found a timer, and added none
        assert r.worker.looks == ["timers"]


async def test_only_an_earlier_timer_wakes_a_lane(dsn: str, clock: FakeClock) -> None:
    async with running(dsn, clock) as r:
        now = r.w.now
        for minutes, looks in ((30, ["timers"]), (40, []), (30, []), (20, ["timers"])):
            due_at = now + timedelta(minutes=minutes)
            async with r.w.ctx.db.tx() as tx:
                await timers.schedule(tx, HANDOFF, str(minutes), due_at)
            await r.rests()
            assert r.worker.looks == looks, minutes
            r.worker.looks.clear()
            assert r.worker.upcoming["timers"] == min(due_at, now + timedelta(minutes=30))


async def test_a_timer_scheduled_while_its_lane_checks_is_seen(dsn: str, clock: FakeClock) -> None:
    async with running(dsn, clock) as r:
        now = r.w.now
        async with r.w.ctx.db.tx() as tx:
            await timers.schedule(tx, HANDOFF, "1", now + timedelta(minutes=1))
        await r.rests()
        # the lane may have checked before the commit that it now hears about
        r.worker.wakes_itself = timers.Scheduled(HANDOFF, now + timedelta(minutes=2)).text
        r.worker.looks.clear()
        async with r.w.ctx.db.tx() as tx:
            await tx.wake(timers.Scheduled(HANDOFF).text)
        await r.rests()
        assert r.worker.looks == ["timers", "timers"]


async def test_a_timer_that_is_scheduled_while_its_lane_runs_a_second_batch_is_seen(
    dsn: str, clock: FakeClock
) -> None:
    async with running(dsn, clock) as r:
        now = r.w.now

        async def first(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
            # the second batch may have looked before the commit of which the lane hears then
            r.worker.wakes_itself = timers.Scheduled(HANDOFF, now + timedelta(minutes=2)).text
            return []

        async def second(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
            return []

        r.handlers.update({HANDOFF: first, CHECKS: second})
        async with r.w.ctx.db.tx() as tx:
            await tx.execute(
                "insert into due (kind, key, due_at) values ($1, 'first', $2), ($3, 'second', $4)",
                *(HANDOFF, now - timedelta(seconds=2), CHECKS, now - timedelta(seconds=1)),
            )
            await tx.wake(timers.Scheduled(HANDOFF).text)
        await r.rests()
        assert r.worker.looks == ["timers"] * 3


async def test_a_clock_set_back_and_a_migration_wake_every_lane(dsn: str, clock: FakeClock) -> None:
    async with running(dsn, clock) as r:
        for message in (timers.WAKE_ALL, "schema"):
            async with r.w.ctx.db.tx() as tx:
                await tx.wake(message)
            await r.rests()
            assert sorted(r.worker.looks) == sorted(TIMER_LANES)
            r.worker.looks.clear()
