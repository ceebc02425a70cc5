"""Many open incidents don't hide a severe one."""

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, sign_in
from tests.world import world


async def test_newer_incidents_hide_neither_a_more_severe_one_nor_its_service(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                tx, mara, title="Cards fail", severity=1, service_ids=[w.service], now=w.now
            )
            for number in range(21):
                await incidents.declare(tx, mara, title=f"Typo {number}", severity=3, now=w.now)
        await sign_in(w, http, w.mara)
        home = (await http.get("/")).text
        assert "22 incidents" in home
        assert "Cards fail" in home
        assert 'href="/services/checkout"' in home
        # the banner of any other page
        assert "Cards fail" in (await http.get("/tasks")).text
