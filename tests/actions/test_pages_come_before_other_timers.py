"""When hundreds of schedules hand over on Monday at nine, a page due in the same second waits for none of them."""

import asyncio
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from firebell.handoffs import timers as handoffs_due
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Reads, Tx
from firebell.kit.jobs import timers
from firebell.oncall.checks import timers as oncall_due
from firebell.oncall.schedules import actions as oncall
from firebell.paging.model import REST_TIMER
from firebell.worker import ALONE, BATCH, Worker
from firebell.worker_lanes import TIMER_LANES
from tests.oncall_world import daily, rota

OVERDUE = 20_000


def rows_read(plan: Any) -> float:
    """Return how many rows the scans of tables and indexes in an executed plan read."""
    if isinstance(plan, list):
        return sum(rows_read(part) for part in plan)
    if not isinstance(plan, dict):
        return 0
    own = 0.0
    if "Relation Name" in plan:
        own = (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)) * plan["Actual Loops"]
    return own + sum(rows_read(part) for part in plan.values() if isinstance(part, dict | list))


async def test_the_most_overdue_kind_of_a_lane_is_claimed(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r, r.w.ctx.db.tx() as tx:
        await tx.execute("delete from due")
        long_ago = r.w.now - timedelta(hours=1)
        await timers.schedule_many(tx, "handoffs.shift", [(str(i), long_ago, 0) for i in range(30)])
        await timers.schedule(tx, REST_TIMER, "1", long_ago - timedelta(hours=2))
        await timers.schedule(tx, "oncall.clocks", "all", long_ago - timedelta(hours=1))
        await timers.schedule(tx, "paging.page", "1", r.w.now)
        await timers.schedule(tx, "heartbeats.check", "1", r.w.now - timedelta(minutes=1))
        for lane, kind in (
            ("page_timers", "heartbeats.check"),
            ("page_timers", "paging.page"),
            ("timers", REST_TIMER),
            ("timers", "oncall.clocks"),
        ):
            claimed = await timers.claim(tx, r.w.now, r.w.worker.timer_kinds[lane], limit=10)
            assert [t.kind for t in claimed] == [kind]
            await timers.finish(tx, claimed)
        assert not await timers.claim(tx, r.w.now, r.w.worker.timer_kinds["page_timers"], limit=10)
        assert len(await timers.claim(tx, r.w.now, r.w.worker.timer_kinds["timers"], limit=10)) == 10


@pytest.mark.parametrize("is_analyzed", [False, True])
@pytest.mark.parametrize(("lane", "kind"), [("page_timers", "paging.page"), ("timers", "handoffs.shift")])
async def test_overdue_timers_of_other_kinds_slow_no_claim(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch, lane: str, kind: str, is_analyzed: bool
) -> None:
    """Each batch of pages took a second when 300,000 timers of other kinds were overdue."""
    plans: list[Any] = []
    fetch = Reads.fetch

    async def explain(self: Reads, sql: str, *args: Any) -> Any:
        rows = await fetch(self, f"explain (analyze, format json) {sql}", *args)
        plans.append(json.loads(rows[0][0]))
        return await fetch(self, sql, *args)

    async def explain_value(self: Reads, sql: str, *args: Any) -> Any:
        return (await explain(self, sql, *args))[0][0]

    async with rota(dsn, clock) as r, r.w.ctx.db.tx() as tx:
        await tx.execute("delete from due")
        late = r.w.now - timedelta(hours=1)
        await timers.schedule_many(tx, kind, [(f"{n}", late, 0) for n in range(2 * BATCH)])
        overdue = [(f"{n}", late - timedelta(seconds=1), 0) for n in range(OVERDUE)]
        await timers.schedule_many(tx, "oncall.checks" if lane == "page_timers" else "alerts.hold", overdue)
        if is_analyzed:
            await tx.execute("analyze due")
        with monkeypatch.context() as patch:
            patch.setattr(Reads, "fetch", explain)
            claimed = await timers.claim(tx, r.w.now, r.w.worker.timer_kinds[lane], limit=BATCH)
            patch.setattr(Reads, "value", explain_value)
            assert await timers.next_at(tx, r.w.worker.timer_kinds[lane]) == late
        assert {timer.kind for timer in claimed} == {kind}
        assert len(claimed) == BATCH
        assert [rows_read(plan) < OVERDUE / 10 for plan in plans] == [True, True], json.dumps(plans)


async def test_a_locked_timer_keeps_no_other_kind_from_being_claimed(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r:
        async with r.w.ctx.db.tx() as tx:
            await tx.execute("delete from due")
            await timers.schedule(tx, "paging.page", "1", r.w.now - timedelta(minutes=2))
            await timers.schedule(tx, "heartbeats.check", "1", r.w.now - timedelta(minutes=1))
        async with r.w.ctx.db.tx() as first, r.w.ctx.db.tx() as second, r.w.ctx.db.tx() as third:
            for tx, kinds in ((first, ["paging.page"]), (second, ["heartbeats.check"]), (third, [])):
                claimed = await timers.claim(tx, r.w.now, r.w.worker.timer_kinds["page_timers"], limit=10)
                assert [timer.kind for timer in claimed] == kinds


async def test_a_page_that_is_locked_keeps_no_heartbeat_from_being_checked(
    dsn: str, clock: FakeClock
) -> None:
    async def keep(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
        return due_timers

    async def finish(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
        return []

    async with rota(dsn, clock) as r:
        async with r.w.ctx.db.tx() as tx:
            await tx.execute("delete from due")
            await timers.schedule(tx, "paging.page", "1", r.w.now - timedelta(minutes=2))
            await timers.schedule(tx, "heartbeats.check", "1", r.w.now - timedelta(minutes=1))
            await timers.schedule(tx, "oncall.checks", "1", r.w.now - timedelta(minutes=2))
            await timers.schedule(tx, "handoffs.shift", "1", r.w.now - timedelta(minutes=1))
        handlers = {
            "paging.page": keep,
            "heartbeats.check": finish,
            "oncall.checks": keep,
            "handoffs.shift": finish,
        }
        worker = Worker(r.w.ctx, handlers, {})
        for lane in TIMER_LANES:
            assert [await worker.run_timers(lane, r.w.now) for _ in range(2)] == [1, 0]
        async with r.w.ctx.db.tx() as tx:
            rows = await tx.fetch("select kind from due order by kind")
        assert [row["kind"] for row in rows] == ["oncall.checks", "paging.page"]


async def test_an_older_process_leaves_the_timers_of_a_new_kind_to_a_newer_one(
    dsn: str, clock: FakeClock
) -> None:
    """During a rolling release, processes without the handler claimed them and delayed them by up to a minute."""

    async def finish(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
        return []

    async with rota(dsn, clock) as r:
        due_at = r.w.now - timedelta(minutes=1)
        async with r.w.ctx.db.tx() as tx:
            await tx.execute("delete from due")
            await timers.schedule(tx, "paging.new", "1", due_at)
        older = Worker(r.w.ctx, {"paging.page": finish, "oncall.checks": finish}, {})
        assert [await older.run_timers(lane, r.w.now) for lane in TIMER_LANES] == [0, 0]
        assert [older.upcoming[lane] for lane in TIMER_LANES] == [None, None]
        async with r.w.ctx.db.tx() as tx:
            assert await timers.due_times(tx, "paging.new") == {"1": due_at}
        newer = Worker(r.w.ctx, {"paging.new": finish}, {})
        assert await newer.run_timers("timers", r.w.now) == 1


async def test_a_page_does_not_wait_for_a_handler_that_takes_long(dsn: str, clock: FakeClock) -> None:
    """The quarterly audit of a team is computed in a timer, and an escalation due meanwhile waited for it."""
    audit_began, page_ran = asyncio.Event(), asyncio.Event()

    async def audit(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
        audit_began.set()
        await page_ran.wait()
        return []

    async def page(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
        page_ran.set()
        return []

    async with rota(dsn, clock) as r:
        async with r.w.ctx.db.tx() as tx:
            await tx.execute("delete from due")
            await timers.schedule(tx, "slow.audit", "1", r.w.now)
        worker = Worker(r.w.ctx, {"slow.audit": audit, "paging.page": page}, {})
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(stop))
        async with asyncio.timeout(20):
            await audit_began.wait()
            async with r.w.ctx.db.tx() as tx:
                await timers.schedule(tx, "paging.page", "1", r.w.now)
            await page_ran.wait()
        stop.set()
        await running


@pytest.mark.parametrize(
    ("kind", "at_once"),
    [("handoffs.shift", handoffs_due.SCHEDULES_PER_BATCH), ("oncall.checks", oncall_due.CHECK_BATCH_SIZE)],
)
async def test_schedules_are_checked_in_small_batches_until_all_are_done(
    dsn: str, clock: FakeClock, kind: str, at_once: int
) -> None:
    """The daily checks blocked the process for seconds: they checked all schedules at once."""
    async with rota(dsn, clock) as r:
        for n in range(at_once + 5):
            await r.run(oncall.create_schedule, name=f"S{n}", team_id=1, tz="UTC", layers=[daily(r.ada)])
        await r.w.settle()
        async with r.w.ctx.db.tx() as tx:
            await tx.execute("update due set due_at = $1 where kind = $2", r.w.now, kind)
            all_of_them = await tx.value("select count(*) from due where kind = $1", kind)
        assert all_of_them > at_once
        assert await r.w.worker.run_timers("timers", r.w.now) == at_once
        await r.w.settle()
        async with r.w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from due where due_at <= $1", r.w.now) == 0
            assert await tx.value("select count(*) from due where kind = $1", kind) == all_of_them


async def test_after_a_failed_batch_a_few_timers_run_alone_before_others_continue(
    dsn: str, clock: FakeClock
) -> None:
    """One unreadable schedule delayed all timers: all five hundred were run one by one."""
    ran: list[list[str]] = []

    async def run(tx: Tx, due_timers: Sequence[timers.Timer], now: datetime) -> Sequence[timers.Timer]:
        ran.append([timer.kind for timer in due_timers])
        if any(timer.key == "bad" for timer in due_timers):
            raise ValueError("this one cannot be read")
        return []

    async with rota(dsn, clock) as r:
        worker = Worker(r.w.ctx, {"slow.look": run}, {})
        keys = ["bad", *map(str, range(2 * ALONE))]
        async with r.w.ctx.db.tx() as tx:
            await tx.execute("delete from due")
            await timers.schedule_many(tx, "slow.look", [(key, r.w.now, 0) for key in keys])
        assert await worker.run_timers("timers", r.w.now) == ALONE
        ran.clear()
        while await worker.run_timers("timers", r.w.now):
            pass
        assert ran == [["slow.look"] * (ALONE + 1)]
        async with r.w.ctx.db.tx() as tx:
            assert [row["key"] for row in await tx.fetch("select key from due")] == ["bad"]
