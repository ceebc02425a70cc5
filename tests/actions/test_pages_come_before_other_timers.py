"""At nine on Monday hundreds of schedules hand over; a page that is due in the same second waits for none of them."""

from datetime import timedelta

from firebell.handoffs import due as handoffs_due
from firebell.kit import due
from firebell.kit.clock import FakeClock
from firebell.oncall import actions as oncall
from firebell.paging import due as paging_due
from tests.oncall_world import daily, rota


async def test_a_page_is_claimed_before_what_is_due_longer(dsn: str, clock: FakeClock) -> None:
    async with rota(dsn, clock) as r, r.w.ctx.db.tx() as tx:
        await tx.execute("delete from due")
        long_ago = r.w.now - timedelta(hours=1)
        await due.schedule_many(tx, "handoffs.shift", [(str(i), long_ago, 0) for i in range(30)])
        await due.schedule(tx, "oncall.clocks", "all", long_ago - timedelta(hours=1))
        await due.schedule(tx, "paging.page", "1", r.w.now)
        claimed = await due.claim(tx, r.w.now, limit=10, first=paging_due.HANDLERS)
        assert [t.kind for t in claimed] == ["paging.page"]
        await due.finish(tx, claimed)
        claimed = await due.claim(tx, r.w.now, limit=10, first=paging_due.HANDLERS)
        assert [t.kind for t in claimed] == ["oncall.clocks"]
        await due.finish(tx, claimed)
        assert len(await due.claim(tx, r.w.now, limit=10, first=paging_due.HANDLERS)) == 10


async def test_of_many_schedules_a_few_are_looked_at_in_one_go_and_all_in_the_end(
    dsn: str, clock: FakeClock
) -> None:
    async with rota(dsn, clock) as r:
        for n in range(handoffs_due.AT_ONCE + 5):
            await r.run(oncall.create_schedule, name=f"S{n}", team_id=1, tz="UTC", layers=[daily(r.ada)])
        await r.w.settle()
        async with r.w.ctx.db.tx() as tx:
            await tx.execute("update due set due_at = $1 where kind = 'handoffs.shift'", r.w.now)
            all_of_them = await tx.value("select count(*) from due where kind = 'handoffs.shift'")
        assert all_of_them > handoffs_due.AT_ONCE
        assert await r.w.worker.run_due(r.w.now) == handoffs_due.AT_ONCE
        await r.w.settle()
        async with r.w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from due where due_at <= $1", r.w.now) == 0
            assert await tx.value("select count(*) from due where kind = 'handoffs.shift'") == all_of_them
