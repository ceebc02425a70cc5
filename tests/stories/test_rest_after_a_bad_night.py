"""Story: after a night with too many pages the schedule shows who has no rest, and requests cover."""

from datetime import timedelta

from firebell.kit.clock import FakeClock
from firebell.oncall.checks import fix_actions
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.checks.rules import ScheduleFinding
from firebell.oncall.schedules import queries as oncall
from firebell.oncall.swaps import queries as swap_queries
from tests.world import World, world


async def restless(w: World) -> list[ScheduleFinding]:
    """Return the findings of the primary about rest."""
    async with w.ctx.db.tx() as tx:
        schedule = await oncall.by_slug(tx, "payments-primary")
        findings = (await check_queries.findings_of(tx, [schedule], w.now))[int(schedule.id)]
    return [f for f in findings if f.code == "S-NOREST"]


async def test_the_button_requests_cover_for_the_morning(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        for n in range(4):
            assert await restless(w) == []
            await w.alert(f"Disk {n} is full")
            await w.settle()
            await w.resolve(w.mara)
            await w.after(minutes=5)
        assert len(await w.pages()) == 4
        last = w.now - timedelta(minutes=5)
        (finding,) = await restless(w)
        assert (finding.users, finding.end) == ((w.mara,), last + timedelta(hours=11))
        assert "Mara Lindqvist got 4 pages in one night, the last at Tue 24 Nov 04:29" in finding.message
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            await fix_actions.carry_out(tx, mara, 1, finding.id, w.now)
            (asked,) = await swap_queries.covers(tx)
        assert (asked.requester, asked.start, asked.end) == (w.mara, w.now, finding.end)
        async with w.ctx.db.tx() as tx:
            await fix_actions.carry_out(tx, jun, 1, finding.id, w.now)
        assert await restless(w) == []
