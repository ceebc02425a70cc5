"""Story: nothing grows without end, and nothing that an incident or an open page needs is deleted."""

import asyncio
from contextlib import suppress
from datetime import timedelta

import asyncpg
import pytest

from firebell.event_subscriptions import outbox_handlers
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.errors import Unavailable
from firebell.kit.jobs import pruning
from firebell.slices import retentions
from firebell.worker import Worker, timer_handlers
from tests.world import World, world

AGES = timedelta(days=401)
GROWING = ("event", "alert", "alert_group", "alert_count", "page", "page_log", "page_owner", "delivery")


async def delete_old(w: World, **days: int | None) -> None:
    """Run every retention timer until none is left for a day."""
    worker = Worker(w.ctx, timer_handlers(retention_days=days), outbox_handlers())
    async with w.ctx.db.tx() as tx:
        await tx.execute("update due set due_at = $1 where kind = $2", w.now, pruning.KIND)
        await tx.execute("delete from due where kind <> $1", pruning.KIND)
    for _ in range(100):
        while await worker.run_due(w.now):
            pass
        async with w.ctx.db.tx() as tx:
            if await tx.value("select min(due_at) from due") > w.now + timedelta(hours=23):
                return
        w.clock.advance(pruning.BATCH_PAUSE)
    raise AssertionError("retention does not end")


async def rows(w: World) -> dict[str, int]:
    """Return the number of rows of each table that grows."""
    async with w.ctx.db.tx() as tx:
        return {table: await tx.value(f"select count(*) from {table}") for table in GROWING}


async def ended_page(w: World, title: str) -> int:
    """Let an alert page someone who resolves it; return the page."""
    await w.alert(title)
    await w.settle()
    page = await w.page()
    await w.ack(w.mara)
    await w.resolve(w.mara)
    await w.settle()
    return page.id


async def test_an_old_page_goes_with_its_alerts_its_log_and_its_messages(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await ended_page(w, "disk full")
        before = await rows(w)
        assert all(before.values()), before
        clock.advance(timedelta(days=399))
        await delete_old(w)
        assert await rows(w) == before | {"event": 0}
        clock.advance(timedelta(days=2))
        await delete_old(w)
        await delete_old(w)  # the group waits for its page, which may be deleted after it
        left = await rows(w)
        assert left == dict.fromkeys(GROWING, 0), left


async def test_what_is_open_or_belongs_to_an_incident_stays(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        linked = await ended_page(w, "linked")
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            made = await incidents.declare(
                tx, mara, title="Cards fail", severity=3, page_id=linked, now=w.now
            )
        await w.alert("open")
        await w.settle()
        before = await rows(w)
        clock.advance(AGES)
        await delete_old(w)
        await delete_old(w)
        after = await rows(w)
        assert after == before | {"event": 0, "alert_count": 0}
        async with w.ctx.db.tx() as tx:
            assert len(await incidents.timeline(tx, made.id)) > 0


async def test_a_setting_keeps_longer_or_forever(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await ended_page(w, "disk full")
        before = await rows(w)
        clock.advance(AGES)
        await delete_old(w, messages=500, alerts=None, pages=450, notices=None)
        assert await rows(w) == before


async def test_a_batch_never_reads_more_than_its_size(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w:
        await fill(w, 250)
        monkeypatch.setattr("firebell.alerts.retention_store.BATCH_ROWS", 100)
        counts: list[int] = []
        (alerts,) = (each for each in retentions() if each.table == "alert")
        cursor: int | None = 0
        while cursor is not None:
            async with w.ctx.db.tx() as tx:
                cursor = await alerts.prune(tx, w.now - timedelta(days=400), cursor)
                counts.append(await tx.value("select count(*) from alert where status = 'resolved'"))
        assert counts == [150, 50, 0]


async def fill(w: World, alerts: int) -> None:
    """Insert alerts that ended 500 days ago, without a group."""
    async with w.ctx.db.tx() as tx:
        await tx.execute(
            """
            insert into alert (integration_id, dedup_key, status, title, starts_at, ends_at, last_seen, hi_at,
                hi_seen, hi_rank, count)
            select $1, 'old-' || i, 'resolved', 'old ' || i, $2, $2, $2, $2, $2, 1, 1
            from generate_series(1, $3) i
            """,
            w.integration,
            w.now - timedelta(days=500),
            alerts,
        )


async def test_deletion_that_is_killed_in_the_middle_goes_on_while_alerts_arrive(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w:
        await fill(w, 3_000)
        finished: list[bool] = []
        prune = next(each.prune for each in retentions() if each.table == "alert")

        async def killed(tx: Tx, before: object, cursor: int) -> int | None:
            following = await prune(tx, before, cursor)  # type: ignore[arg-type]
            if not finished and cursor:
                # the backend dies after its deletion and before its commit
                finished.append(True)
                pid = await tx.value("select pg_backend_pid()")
                async with w.ctx.db.tx() as other:
                    await other.value("select pg_terminate_backend($1)", pid)
            return following

        dying = [
            pruning.Retention(each.table, each.days, killed, each.setting) if each.table == "alert" else each
            for each in retentions()
        ]
        handlers = {pruning.KIND: pruning.handler(dying, {})}
        worker = Worker(w.ctx, handlers, outbox_handlers())
        async with w.ctx.db.tx() as tx:
            await tx.execute("delete from due where kind <> $1 or key <> 'alert'", pruning.KIND)
            await tx.execute("update due set due_at = $1", w.now)

        async def delete() -> None:
            while await old(w):
                with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, Unavailable):
                    await worker.run_due(w.now)
                clock.advance(pruning.BATCH_PAUSE)

        accepted = asyncio.gather(*(w.alert(f"new {number}") for number in range(200)))
        await asyncio.gather(delete(), accepted)
        assert finished
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from alert where status = 'firing'") == 200
            assert await tx.value("select sum(alerts) from alert_count") == 200
            assert await tx.value("select count(*) from due where kind = $1", pruning.KIND) == 1


async def old(w: World) -> int:
    async with w.ctx.db.tx() as tx:
        count = await tx.value("select count(*) from alert where status = 'resolved'")
    assert isinstance(count, int)
    return count
