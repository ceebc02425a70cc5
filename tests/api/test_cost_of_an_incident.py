"""The cost page of an incident."""

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, organization, sign_in


async def test_the_impact_form_is_offered_only_for_a_declared_incident(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await sign_in(w, http, w.mara)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            reported = await incidents.report(tx, mara, title="Slow checkout", now=w.now)
        address = f"/incidents/{reported.ref}/cost"
        page = await http.get(address)
        assert (page.status_code, f'action="{address}/business-impact"' in page.text) == (200, False)
        async with w.ctx.db.tx() as tx:
            await incidents.declare_reported(tx, mara, reported.id, w.now, severity=3)
        page = await http.get(address)
        assert (page.status_code, f'action="{address}/business-impact"' in page.text) == (200, True)
