"""A page runs one transaction of timers, so that hundreds of pages a minute leave room for new alerts."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell import event_subscriptions
from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.alerts.model import InboundRequest, Integration, Rejected
from firebell.alerts.sources import generic
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.database_clock import DatabaseClock
from firebell.kit.jobs import timers
from firebell.paging.model import TIMER
from firebell.process import connected
from firebell.worker import TIMER_LANES, Worker, timer_handlers
from tests.servers import until
from tests.world import Sink, organize, settings, sink

NO_POLL = timedelta(hours=1)
HANDOFF, CHECKS = "handoffs.shift", "oncall.checks"


class Watched(Worker):
    """A worker that records in which lanes it checked for timers."""

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
    """A running worker whose timer lanes are idle."""

    ctx: Context
    worker: Watched
    handlers: dict[str, timers.Handler]
    integration: Integration
    receiver: Sink

    async def rests(self) -> None:
        """Return once no lane has checked for timers for half a second."""
        seen = -1
        while len(self.worker.looks) != seen:
            seen = len(self.worker.looks)
            await asyncio.sleep(0.5)


@asynccontextmanager
async def running(dsn: str) -> AsyncIterator[Running]:
    async with sink() as receiver, connected(settings(), dsn, DatabaseClock()) as ctx:
        _, integration = await organize(ctx, receiver.url)
        async with ctx.db.tx() as tx:
            # the clock is real: a schedule's next timer would wake a lane during the test
            await tx.execute("delete from due")
        handlers = timer_handlers()
        worker = Watched(ctx, handlers, event_subscriptions.outbox_handlers(), poll=NO_POLL)
        worker.looks = []
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        it = Running(ctx, worker, handlers, integration, receiver)

        async def has_looked() -> bool:
            return set(worker.looks) == set(TIMER_LANES)

        try:
            await until(has_looked, "each lane has looked for timers")
            await it.rests()
            worker.looks.clear()
            yield it
        finally:
            stop.set()
            await task


async def test_an_alert_makes_one_lane_check_once(dsn: str) -> None:
    async with running(dsn) as r:
        body = b'{"title": "disk full", "severity": "critical", "key": "disk"}'
        alerts = generic.normalize(body, r.ctx.clock.now())
        assert not isinstance(alerts, Rejected)
        request = InboundRequest(r.integration.id, r.integration.service_id, "generic", body, alerts)
        await Ingest(r.ctx).submit(request)

        async def is_paged() -> bool:
            return any(message["event"] == "page" for message in r.receiver.got)

        await until(is_paged, "the page is sent")
        await r.rests()
        assert r.worker.looks == ["page_timers"]
        async with r.ctx.db.tx() as tx:
            next_level = (await timers.due_times(tx, TIMER)).values()
        assert r.worker.upcoming["page_timers"] == min(next_level)


async def test_only_an_earlier_timer_wakes_a_lane(dsn: str) -> None:
    async with running(dsn) as r:
        now = r.ctx.clock.now()
        for minutes, looks in ((30, ["timers"]), (40, []), (30, []), (20, ["timers"])):
            due_at = now + timedelta(minutes=minutes)
            async with r.ctx.db.tx() as tx:
                await timers.schedule(tx, HANDOFF, str(minutes), due_at)
            await r.rests()
            assert r.worker.looks == looks, minutes
            r.worker.looks.clear()
            assert r.worker.upcoming["timers"] == min(due_at, now + timedelta(minutes=30))


async def test_a_timer_scheduled_while_its_lane_checks_is_seen(dsn: str) -> None:
    async with running(dsn) as r:
        now = r.ctx.clock.now()
        async with r.ctx.db.tx() as tx:
            await timers.schedule(tx, HANDOFF, "1", now + timedelta(minutes=1))
        await r.rests()
        # the lane may have checked before the commit that it now hears about
        r.worker.wakes_itself = timers.Scheduled(HANDOFF, now + timedelta(minutes=2)).text
        r.worker.looks.clear()
        async with r.ctx.db.tx() as tx:
            await tx.wake(timers.Scheduled(HANDOFF).text)
        await r.rests()
        assert r.worker.looks == ["timers", "timers"]


async def test_a_timer_that_is_scheduled_while_its_lane_runs_a_second_batch_is_seen(dsn: str) -> None:
    async with running(dsn) as r:
        now = r.ctx.clock.now()

        async def first(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
            # the second batch may have looked before the commit of which the lane hears then
            r.worker.wakes_itself = timers.Scheduled(HANDOFF, now + timedelta(minutes=2)).text
            return []

        async def second(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
            return []

        r.handlers.update({HANDOFF: first, CHECKS: second})
        async with r.ctx.db.tx() as tx:
            await timers.schedule_once(tx, HANDOFF, "1", now - timedelta(seconds=2))
            await timers.schedule_once(tx, CHECKS, "1", now - timedelta(seconds=1))
            await tx.wake(timers.Scheduled(HANDOFF).text)
        await r.rests()
        assert r.worker.looks == ["timers"] * 3


async def test_a_clock_set_back_and_a_migration_wake_every_lane(dsn: str) -> None:
    async with running(dsn) as r:
        for message in (timers.WAKE_ALL, "schema"):
            async with r.ctx.db.tx() as tx:
                await tx.wake(message)
            await r.rests()
            assert sorted(r.worker.looks) == sorted(TIMER_LANES)
            r.worker.looks.clear()
