"""Story: two processes with different clocks share the timers; no one is paged early."""

import asyncio
import logging
import time
from datetime import UTC, datetime, timedelta

import pytest

from firebell import event_subscriptions
from firebell.alerts.ingest_queue import Ingest
from firebell.alerts.model import InboundRequest, Rejected
from firebell.alerts.sources import generic
from firebell.kit.clock import SystemClock
from firebell.kit.db import org_settings
from firebell.kit.db.database_clock import DatabaseClock
from firebell.process import connected
from firebell.worker import Worker, timer_handlers
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
