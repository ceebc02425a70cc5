"""What a merged incident cost and how many customers it affected count in the other one, and are never lost."""

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.closing import final_facts_actions
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict
from firebell.metrics.business_impact import actions as impact
from tests.world import World, world


async def _declared(w: World, *, amount: str, customers: int | None) -> int:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            tx, mara, title=f"Payments fail {amount} {customers}", severity=3, service_ids=[], now=w.now
        )
        if customers is not None:
            numbers = {"customers": customers}
            await final_facts_actions.record_final_facts(
                tx, mara, incident.id, {}, {}, w.now, numbers=numbers
            )
        if amount:
            await impact.record(tx, mara, incident.id, amount, "EUR", "Finance", w.now)
    return incident.id


async def _merge(w: World, old: int, into: int) -> tuple[str, int | None, list[str]]:
    """Merge two incidents and return the amount and the customers of the second, and its entries about them."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.merge(tx, mara, old, into, w.now)
    async with w.ctx.db.tx() as tx:
        cost = await impact.cost_of(tx, into)
        facts = await incidents.final_facts(tx, into)
        texts = await tx.fetch(
            "select data from timeline_entry where incident_id = $1 and kind = 'facts' order by id", into
        )
    return str(cost.impact.money) if cost.impact else "", facts.customers, [row["data"] for row in texts]


async def test_the_amount_and_the_customers_move_if_the_other_has_none(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        old = await _declared(w, amount="12,400", customers=4900)
        into = await _declared(w, amount="", customers=None)
        amount, customers, entries = await _merge(w, old, into)
        assert (amount, customers) == ("12,400.00 EUR", 4900)
        assert len(entries) == 1
        with pytest.raises(Conflict):
            async with w.ctx.db.tx() as tx:
                await impact.record(tx, await w.actor(w.mara), old, "1", "EUR", "Finance", w.now)


async def test_what_the_other_has_stays_and_the_timeline_has_the_rest(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        old = await _declared(w, amount="1", customers=4900)
        into = await _declared(w, amount="2", customers=7)
        amount, customers, entries = await _merge(w, old, into)
        assert (amount, customers) == ("2.00 EUR", 7)
        assert len(entries) == 2  # its own, and the one of the merge
