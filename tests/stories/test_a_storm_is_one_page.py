"""Story: when everything alerts at once, one page replaces a thousand."""

import msgspec

from firebell.alerts.batches import dedup_and_grouping
from firebell.kit.clock import FakeClock
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from tests.world import World, world


async def flood(w: World, first: int, count: int, status: str = "firing") -> None:
    names = [f"host-{n}" for n in range(first, first + count)]
    alerts = [{"labels": {"alertname": n, "service": n}, "status": status, "fingerprint": n} for n in names]
    await w.receive("alertmanager", msgspec.json.encode({"version": "4", "status": status, "alerts": alerts}))


async def count(w: World) -> int:
    async with w.ctx.db.tx() as tx:
        return int(await tx.value("select count(*) from page"))


async def test_a_storm_is_one_page_that_holds_every_alert(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await flood(w, 0, dedup_and_grouping.STORM_GROUPS)
        assert await count(w) == dedup_and_grouping.STORM_GROUPS
        await flood(w, dedup_and_grouping.STORM_GROUPS, 20)
        await flood(w, dedup_and_grouping.STORM_GROUPS + 20, 5)
        storm = await w.page()
        assert await count(w) == dedup_and_grouping.STORM_GROUPS + 1
        assert storm.title == f"Alert storm: host-{dedup_and_grouping.STORM_GROUPS} and others"
        async with w.ctx.db.tx() as tx:
            held = await tx.value("select count(*) from alert where group_id = $1", storm.subject_id)
            assert held == 25
            assert await tx.value("select count(*) from alert") == dedup_and_grouping.STORM_GROUPS + 25

        await flood(w, dedup_and_grouping.STORM_GROUPS, 25, "resolved")
        async with w.ctx.db.tx() as tx:
            ended = await paging.page(tx, storm.id)
        assert ended.state is PageState.RESOLVED


async def test_five_minutes_after_a_storm_began_an_alert_has_its_own_page_again(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await flood(w, 0, dedup_and_grouping.STORM_GROUPS + 1)
        storm = await w.page()
        clock.advance(dedup_and_grouping.STORM_WINDOW)
        await w.alert("cart is down", service="cart")
        assert (await w.page()).title == "cart is down"
        assert (await w.page()).id != storm.id
