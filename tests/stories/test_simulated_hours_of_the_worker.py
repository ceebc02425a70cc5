"""Story: the real worker, with its lanes and notifications, runs through hours of simulated time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from firebell import event_subscriptions
from firebell.heartbeats import actions as heartbeats
from firebell.heartbeats.model import NewPing
from firebell.heartbeats.settings_checks import SettingsInput
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import LIVE_CHANNEL
from firebell.kit.db.events import SYSTEM
from firebell.kit.simulated_time import SimulatedPace
from firebell.paging.model import PageState
from firebell.worker import Worker, timer_handlers
from tests.world import World, world

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
POLL = 2 * HOUR
"""Long, so that a lost wake-up shows as a message that is hours late."""
RETRY_SECONDS = ((1, 3), (7, 13), (31, 49))


class Simulation:
    """A world whose worker runs by itself while a test lets simulated time pass."""

    def __init__(self, w: World, pace: SimulatedPace, conn: asyncpg.Connection) -> None:
        self.w = w
        self._pace = pace
        self._conn = conn

    async def after(self, **by: float) -> None:
        """Let time pass."""
        await self._pace.run(timedelta(**by), self._notifications_arrived)

    async def _notifications_arrived(self) -> None:
        """Return once every notification that was committed before has reached the worker."""
        for db in (self.w.ctx.db, self.w.ctx.work_db, self.w.ctx.ingest_db):
            await db.flush()
        with self.w.ctx.live.subscribe(0) as topics:
            await self._conn.execute("select pg_notify($1, 'arrived')", LIVE_CHANNEL)
            while "arrived" not in await topics.take():
                pass

    async def sent(self) -> list[tuple[timedelta, str, str]]:
        """Return when each message was accepted after the alert, to whom it went, and why."""
        async with self.w.ctx.db.tx() as tx:
            rows = await tx.fetch(
                """
                select delivery.sent_at - page.triggered_at as after, person.name, delivery.reason
                from delivery
                join page on page.id = delivery.page_id
                join person on person.id = delivery.person_id
                where delivery.sent_at is not null
                order by delivery.sent_at, delivery.id
                """
            )
        return [
            (timedelta(seconds=round(row["after"].total_seconds())), row["name"], row["reason"])
            for row in rows
        ]


@asynccontextmanager
async def simulation(dsn: str, clock: FakeClock, seed: int = 0) -> AsyncIterator[Simulation]:
    """Run the real worker in simulated time."""
    pace = SimulatedPace(clock, seed)
    async with world(dsn, clock, pace=pace) as w:
        stop = asyncio.Event()
        worker = Worker(
            w.ctx, timer_handlers(), event_subscriptions.outbox_handlers(), poll=POLL, heartbeat_s=3600
        )
        running = asyncio.create_task(worker.run(stop))
        conn = await asyncpg.connect(dsn)
        simulated = Simulation(w, pace, conn)
        try:
            await simulated.after(seconds=1)
            yield simulated
        finally:
            stop.set()
            await pace.run(timedelta(minutes=1))
            await running
            await conn.close()


async def test_a_page_that_no_one_acknowledges_escalates_for_hours(dsn: str, clock: FakeClock) -> None:
    async with simulation(dsn, clock) as s:
        await s.w.alert("5xx above 5 %")
        await s.after(hours=3)
        sent = await s.sent()
        assert [(after // MINUTE, name, reason) for after, name, reason in sent[:5]] == [
            (0, "Mara Lindqvist", "page"),
            (5, "Jun Okafor", "page"),
            (5, "Mara Lindqvist", "reminder"),
            (10, "Mara Lindqvist", "page"),
            (10, "Jun Okafor", "page"),
        ]
        # each message left in the very second in which it was due, so no wake-up was lost
        assert {after % (5 * MINUTE) for after, _, _ in sent} == {timedelta(0)}
        alarms = [
            after // MINUTE for after, name, reason in sent if reason == "alarm" and name.startswith("Mara")
        ]
        assert alarms == list(range(45, 3 * 60, 15))
        assert (await s.w.page()).state is PageState.EXHAUSTED
        assert clock.now() - (await s.w.page()).triggered_at == 3 * HOUR


async def test_a_receiver_that_fails_is_tried_again_in_simulated_time(dsn: str, clock: FakeClock) -> None:
    async with simulation(dsn, clock, seed=3) as s:
        s.w.sink.status = 503
        await s.w.alert()
        attempts = []
        for _ in range(60):
            await s.after(seconds=1)
            attempts.append(len(s.w.sink.got))
        # at once, then after 2, 8 and 30 seconds, each up to a fifth earlier or later
        retried = [second for second in range(1, 60) if attempts[second] > attempts[second - 1]]
        assert attempts[0] == 1
        assert all(low <= second <= high for second, (low, high) in zip(retried, RETRY_SECONDS, strict=False))
        assert attempts[49] >= 4


async def test_an_acknowledgment_ends_the_escalation_at_once(dsn: str, clock: FakeClock) -> None:
    async with simulation(dsn, clock) as s:
        await s.w.alert()
        await s.after(minutes=4)
        await s.w.ack(s.w.mara)
        await s.after(hours=12)
        assert [name for _, name, _ in await s.sent()] == ["Mara Lindqvist"]


async def receive_ping(s: Simulation, heartbeat_id: int) -> datetime:
    """Receive a ping now and return that instant."""
    async with s.w.ctx.db.tx() as tx:
        await heartbeats.receive_ping(tx, heartbeat_id, NewPing(), s.w.now)
    return s.w.now


async def create_heartbeat(s: Simulation, **entered: Any) -> int:
    """Create a heartbeat with a grace of 30 seconds and return its id."""
    async with s.w.ctx.db.tx() as tx:
        created = await heartbeats.create_heartbeat(
            tx,
            SYSTEM,
            service_id=s.w.service,
            name="settlement",
            entered=SettingsInput(grace=timedelta(seconds=30), **entered),
            now=s.w.now,
        )
    return created.id


async def test_bug_the_silence_of_the_first_heartbeat_paged_a_minute_late(dsn: str, clock: FakeClock) -> None:
    """Firebell records that it receives pings while there are heartbeats, and found the first one a minute later."""
    async with simulation(dsn, clock) as s:
        # expected at the next full minute, in 20 seconds
        await s.after(seconds=(40 - s.w.now.second) % 60)
        pinged_at = await receive_ping(s, await create_heartbeat(s, cron="* * * * *"))
        await s.after(minutes=5)
        deadline = pinged_at.replace(second=0, microsecond=0) + MINUTE + timedelta(seconds=30)
        assert [page.triggered_at for page in await s.w.pages()] == [deadline]


async def test_a_heartbeat_pages_in_the_second_of_its_deadline_and_never_before(
    dsn: str, clock: FakeClock
) -> None:
    async with simulation(dsn, clock) as s:
        heartbeat = await create_heartbeat(s, period=MINUTE)
        pinged_at = await receive_ping(s, heartbeat)
        for _ in range(60):
            # within the grace, so that each ping finds a timer that has fired once
            await s.after(seconds=89)
            pinged_at = await receive_ping(s, heartbeat)
        assert await s.w.pages() == []
        await s.after(minutes=10)
        assert [page.triggered_at for page in await s.w.pages()] == [pinged_at + timedelta(seconds=90)]
