"""Story: two processes with different clocks share the timers; no one is paged early."""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

import pytest

from firebell import clock_set_back, event_subscriptions
from firebell.alerts.ingest.ingest_queue import Ingest
from firebell.alerts.inhibition import actions as inhibition
from firebell.alerts.inhibition.model import NewInhibitionRule
from firebell.alerts.model import InboundRequest, Integration, Rejected
from firebell.alerts.sources import generic
from firebell.kit.clock import SystemClock
from firebell.kit.context import Context
from firebell.kit.db import org_settings
from firebell.kit.db.database import Row
from firebell.kit.db.database_clock import DatabaseClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Unavailable
from firebell.kit.jobs import timers
from firebell.notify.deliveries.store import LEASE
from firebell.notify.sender import Sender
from firebell.paging import actions as paging
from firebell.process import connected
from firebell.worker import Worker, timer_handlers
from tests.lock_waits import until_blocked
from tests.servers import until
from tests.world import organize, settings, sink


class Ahead(SystemClock):
    """A machine whose clock is six minutes ahead: more than a level of the policy waits."""

    def now(self) -> datetime:
        return super().now() + timedelta(minutes=6)


async def test_a_worker_whose_clock_is_ahead_pages_no_one_early_and_reports_it(
    dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    honest, ahead = DatabaseClock(), DatabaseClock(Ahead())
    async with (
        sink() as receiver,
        connected(settings(), dsn, honest) as ctx,
        connected(settings(), dsn, ahead) as skewed,
    ):
        _, integration = await organize(ctx, receiver.url)
        # the alert comes in at the process that is off, which sets the page's timers as well
        ingest = Ingest(skewed)
        stop = asyncio.Event()
        workers = [
            asyncio.create_task(
                Worker(each, timer_handlers(), event_subscriptions.outbox_handlers()).run(stop)
            )
            for each in (ctx, skewed)
        ]
        before = datetime.now(UTC)
        body = b'{"title": "skewed", "severity": "critical", "key": "skewed"}'
        normal = generic.normalize(body, skewed.clock.now())
        assert not isinstance(normal, Rejected)
        await ingest.submit(InboundRequest(integration.id, integration.service_id, "generic", body, normal))

        async def paged() -> bool:
            return any(message["event"] == "page" for message in receiver.got)

        await until(paged, "the page goes out at once")
        async with ctx.db.tx() as tx:
            due_at = await tx.value(
                "select due_at from due where kind like 'paging.%' order by due_at limit 1"
            )
        assert timedelta(minutes=4) < due_at - before < timedelta(minutes=6)
        # a lane looks again when it is woken: both have looked at the timer of the next level
        for _ in range(5):
            async with ctx.db.tx() as tx:
                await tx.wake("due")
            await asyncio.sleep(0.1)
        # the clock is real: a shift may be near, and its people are notified of it
        assert [m["person"] for m in receiver.got if m["event"] == "page"] == ["Mara Lindqvist"]
        stop.set()
        await asyncio.gather(*workers)
    off = [
        r
        for r in caplog.records
        if r.name == "firebell.kit.db.database_clock" and r.levelno == logging.WARNING
    ]
    assert [round(r.ahead_s / 60) for r in off] == [6]  # type: ignore[attr-defined]
    assert not [r for r in caplog.records if r.getMessage() == "engine_late"]


class Elapsed:
    """The seconds that passed since the start of the machine, with those by which the database is set back."""

    def __init__(self) -> None:
        self.set_back_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.set_back_s


async def test_no_page_waits_longer_after_the_clock_of_the_database_was_set_back(dsn: str) -> None:
    elapsed = Elapsed()
    clocks = [DatabaseClock(SystemClock(), elapsed) for _ in range(2)]
    async with (
        sink() as receiver,
        connected(settings(), dsn, clocks[0]) as ctx,
        connected(settings(), dsn, clocks[1]) as other,
    ):
        _, integration = await organize(ctx, receiver.url)
        # both processes measured a time that was an hour ahead, which was corrected since
        elapsed.set_back_s = 3600
        body = b'{"title": "late", "severity": "critical", "key": "late"}'
        normal = generic.normalize(body, ctx.clock.now())
        assert not isinstance(normal, Rejected)
        await Ingest(ctx).submit(
            InboundRequest(integration.id, integration.service_id, "generic", body, normal)
        )
        stop = asyncio.Event()
        workers = [
            asyncio.create_task(
                Worker(each, timer_handlers(), event_subscriptions.outbox_handlers()).run(stop)
            )
            for each in (ctx, other)
        ]

        async def paged() -> bool:
            return any(message["event"] == "page" for message in receiver.got)

        await until(paged, "the page goes out at once")
        async with ctx.db.tx() as tx:
            page = await tx.row("select due_at, clock_timestamp() as now from page")
            timer_at = await tx.value("select due_at from due where kind = 'paging.page'")
            stored = await org_settings.get(tx, "database_clock")
        assert page is not None
        # moved by one process, once: the next level is not due now
        assert timedelta(minutes=3) < page["due_at"] - page["now"] < timedelta(minutes=6)
        assert timer_at == page["due_at"]
        assert stored["set_back_s"] == pytest.approx(3600, abs=30)
        stop.set()
        await asyncio.gather(*workers)


HOUR = timedelta(hours=1)


async def _ingest(ctx: Context, integration: Integration, key: str) -> None:
    body = f'{{"title": "{key}", "key": "{key}", "labels": {{"service": "{key}"}}}}'.encode()
    normal = generic.normalize(body, ctx.clock.now())
    assert not isinstance(normal, Rejected)
    request = InboundRequest(integration.id, integration.service_id, "generic", body, normal)
    await Ingest(ctx).submit(request)


async def _page(ctx: Context, title: str) -> Row:
    """Return a page, with the database's time and when its timer runs."""
    async with ctx.db.reads() as reads:
        row = await reads.row(
            """
            select page.*, clock_timestamp() as now, due.due_at as timer_at
            from page
            join due on due.kind = 'paging.page' and due.key = page.id::text
            where title like '%' || $1 || '%'
            """,
            title,
        )
    assert row
    return row


async def test_a_process_that_missed_the_set_back_claims_nothing_and_what_it_starts_is_not_late(
    dsn: str,
) -> None:
    elapsed = [Elapsed(), Elapsed()]
    clocks = [DatabaseClock(SystemClock(), each) for each in elapsed]
    async with (
        sink() as receiver,
        connected(settings(), dsn, clocks[0]) as ctx,
        connected(settings(), dsn, clocks[1]) as late,
    ):
        _, integration = await organize(ctx, receiver.url)
        await _ingest(ctx, integration, "first")
        await Worker(ctx, timer_handlers(), event_subscriptions.outbox_handlers()).settle(ctx.clock.now())
        # all that was by a clock that was an hour ahead; it is right again, and no process has noticed
        async with ctx.db.tx() as tx:
            for table, columns in (
                ("page", ("due_at", "triggered_at")),
                ("due", ("due_at",)),
                ("delivery", ("send_at", "created_at")),
            ):
                for column in columns:
                    await tx.execute(f"update {table} set {column} = {column} + $1::interval", HOUR)
            await timers.schedule(tx, "alerts.hold", "0", ctx.clock.now() + HOUR)
            await tx.execute(
                """
                insert into outbox (reaction, payload, created_at, run_at)
                values ('none', '{}', $1, $1)
                """,
                ctx.clock.now() + HOUR,
            )
            # its process is sending it
            await tx.execute(
                "update delivery set state = 'sending', lease_until = $1", ctx.clock.now() + HOUR + LEASE
            )
        for each in elapsed:
            each.set_back_s = HOUR.total_seconds()
        before = await _page(ctx, "first")
        await clock_set_back.reschedule_if_set_back(ctx.work_db, clocks[0])
        page = await _page(ctx, "first")
        assert before["due_at"] - page["due_at"] == pytest.approx(HOUR, abs=timedelta(seconds=10))
        assert page["timer_at"] == page["due_at"]
        assert page["triggered_at"] <= page["now"] < page["due_at"]
        async with ctx.db.reads() as reads:
            hold_at = await reads.value("select due_at from due where kind = 'alerts.hold'")
            run_at = await reads.value("select run_at from outbox where reaction = 'none'")
            [lease_until] = [
                row["lease_until"] for row in await reads.fetch("select distinct lease_until from delivery")
            ]
        assert hold_at <= page["now"] + timedelta(seconds=10)
        assert run_at <= page["now"] + timedelta(seconds=10)
        assert page["now"] < lease_until <= page["now"] + LEASE

        # by the old time the next level is due, and the lease has ended
        old = late.clock.now()
        assert old > page["due_at"]
        worker = Worker(late, timer_handlers(), event_subscriptions.outbox_handlers())
        for claim in (
            worker.run_timers("page_timers", old),
            worker.run_outbox(old),
            Sender(late, on_free=lambda: None).run_once(old),
        ):
            with pytest.raises(Unavailable):
                await claim
        unchanged = await _page(ctx, "first")
        assert (unchanged["level"], unchanged["epoch"]) == (page["level"], page["epoch"])
        assert clocks[1].stale()

        # a request that the process answers meanwhile
        await _ingest(late, integration, "second")
        assert (await _page(ctx, "second"))["due_at"] > page["now"] + HOUR - timedelta(minutes=1)
        await clock_set_back.reschedule_if_set_back(late.work_db, clocks[1])
        second = await _page(ctx, "second")
        assert second["due_at"] <= second["now"] + timedelta(seconds=10)
        assert second["timer_at"] == second["due_at"]
        for clock in clocks:
            clock.expire()
            await clock_set_back.reschedule_if_set_back(ctx.work_db, clock)
        assert (await _page(ctx, "first"))["due_at"] == page["due_at"]
        assert (await _page(ctx, "second"))["due_at"] == second["due_at"]


@pytest.mark.parametrize("is_noticed", [False, True])
async def test_an_alert_that_waits_for_its_source_is_not_late_after_the_clock_was_set_back(
    dsn: str, is_noticed: bool
) -> None:
    elapsed = Elapsed()
    clock = DatabaseClock(SystemClock(), elapsed)
    async with sink() as receiver, connected(settings(), dsn, clock) as ctx:
        _, integration = await organize(ctx, receiver.url)
        rule = NewInhibitionRule("Node down", "alertname=NodeDown", "alertname=DiskSlow", ("instance",))
        async with ctx.db.tx() as tx:
            await inhibition.create_rule(tx, SYSTEM, entered=rule, now=ctx.clock.now())
        if is_noticed:
            # the process has just moved everything else when a request commits times from the old clock
            elapsed.set_back_s = HOUR.total_seconds()
            await clock_set_back.reschedule_if_set_back(ctx.work_db, clock)
        body = b'{"title": "slow", "key": "slow", "labels": {"alertname": "DiskSlow", "instance": "db-1"}}'
        normal = generic.normalize(body, ctx.clock.now())
        assert not isinstance(normal, Rejected)
        await Ingest(ctx).submit(
            InboundRequest(integration.id, integration.service_id, "generic", body, normal)
        )
        async with ctx.db.tx() as tx:
            assert await tx.value("select count(*) from page") == 0
            await tx.execute(
                """
                update alert_mute
                set starts_at = starts_at + $1::interval,
                    ends_at = ends_at + $1::interval
                where kind = 'inhibit_wait'
                """,
                HOUR,
            )
            await tx.execute("update due set due_at = due_at + $1::interval where kind = 'alerts.mute'", HOUR)
        elapsed.set_back_s = HOUR.total_seconds()
        clock.expire()
        await clock_set_back.reschedule_if_set_back(ctx.work_db, clock)
        async with ctx.db.reads() as reads:
            row = await reads.row(
                """
                select ends_at, due_at, clock_timestamp() as now
                from alert_mute
                join due on due.kind = 'alerts.mute' and due.key = alert_mute.id::text
                where alert_mute.kind = 'inhibit_wait'
                """
            )
        assert row is not None
        assert row["due_at"] == row["ends_at"]
        assert row["ends_at"] <= row["now"] + timedelta(seconds=20)


async def test_an_acknowledged_page_moves_with_when_it_was_acknowledged(dsn: str) -> None:
    async with sink() as receiver, connected(settings(), dsn, SystemClock()) as ctx:
        _, integration = await organize(ctx, receiver.url)
        await _ingest(ctx, integration, "acked")
        now = ctx.clock.now()
        async with ctx.db.tx() as tx:
            await tx.execute(
                "update page set state = 'acked', acked_at = $1, first_ack_at = $1, due_at = $2",
                now + HOUR - timedelta(minutes=5),
                now + HOUR + timedelta(minutes=25),
            )
            await paging.advance_by(tx, HOUR, now, only_after_now=False)
        page = await _page(ctx, "acked")
        assert page["due_at"] - page["acked_at"] == timedelta(minutes=30)
        assert page["acked_at"] == now - timedelta(minutes=5)
        assert page["first_ack_at"] <= now


async def test_moving_pages_does_not_deadlock_with_what_logs_to_a_page(dsn: str) -> None:
    async with sink() as receiver, connected(settings(), dsn, SystemClock()) as ctx:
        _, integration = await organize(ctx, receiver.url)
        await _ingest(ctx, integration, "logged")
        page_id = (await _page(ctx, "logged"))["id"]
        now = ctx.clock.now() - HOUR

        async def move() -> None:
            async with ctx.db.tx() as tx:
                await paging.advance_by(tx, HOUR, now, only_after_now=False)

        async with ctx.db.tx() as tx:
            await timers.hold_all(tx, "paging.page")
            moving = asyncio.create_task(move())
            await until_blocked(ctx.work_db, moving)
            await tx.execute(
                """
                insert into page_log (page_id, at, kind, actor, text)
                values ($1, $2, 'note', 'Test', '')
                """,
                page_id,
                now,
            )
        await moving
        assert (await _page(ctx, "logged"))["due_at"] <= now + timedelta(minutes=1)
