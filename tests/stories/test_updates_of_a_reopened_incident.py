"""When updates of a reopened incident are due, and how far ahead they can be promised."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Invalid
from firebell.response import actions, queries
from firebell.response.model import Audience
from tests.stories.test_an_incident_gets_its_response import DAY, Org, organized
from tests.world import world


@pytest.fixture
async def org(dsn: str, clock: FakeClock) -> AsyncIterator[Org]:
    """The organization during business hours, with everyone in their group."""
    clock.set(DAY)
    async with world(dsn, clock) as w:
        yield await organized(w)


async def reopen(org: Org, incident: Incident) -> None:
    """Close an incident as Mara, and reopen it 20 hours later."""
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        await incidents.add_entry(tx, mara, incident.id, "mitigation", "Failed over", org.w.now)
        await incidents.set_phase(tx, mara, incident.id, Phase.MONITORING, org.w.now)
        await incidents.set_phase(tx, mara, incident.id, Phase.CLOSED, org.w.now, reason="Stable", force=True)
    await org.w.after(hours=20)
    org.w.sink.got.clear()
    async with org.w.ctx.db.tx() as tx:
        await incidents.set_phase(
            tx, mara, incident.id, Phase.INVESTIGATING, org.w.now, reason="Errors are back"
        )


async def test_a_missing_update_after_a_reopening_escalates_no_later_than_after_a_declaration(
    org: Org,
) -> None:
    incident = await org.declare(1)
    await org.take(incident, IncidentRole.COMMANDER)
    await org.take(incident, IncidentRole.SME, person=org.w.jun)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        await incidents.add_entry(tx, mara, incident.id, "update", "We fail over", org.w.now)
    await reopen(org, incident)
    await org.w.after(minutes=23)
    assert org.asked(f"{incident.ref}: Update is due") == []
    assert ("E5", False) in await org.steps(incident)
    await org.w.after(minutes=1)
    assert org.asked(f"{incident.ref}: Update is due soon") == ["Mara"]
    await org.w.after(minutes=20)
    assert ("E5", False) in await org.steps(incident)
    await org.w.after(minutes=1)
    assert ("E5", True) in await org.steps(incident)


async def test_a_customer_update_is_due_an_interval_after_a_reopening(org: Org) -> None:
    """On reopening, the commander was told at once that it was due, and couldn't promise one."""
    incident = await org.declare(1)
    await org.take(incident, IncidentRole.COMMANDER)
    mara = await org.w.actor(org.w.mara)
    await reopen(org, incident)
    async with org.w.ctx.db.tx() as tx:
        [running] = await queries.running(tx, [await incidents.incident(tx, incident.id)], org.w.now)
        assert running.facts.customers_due == org.w.now + timedelta(minutes=60)
    await org.w.after(minutes=10)
    assert org.asked(f"{incident.ref}: Customer update") == []
    async with org.w.ctx.db.tx() as tx:
        until = await actions.promise(tx, mara, incident.id, Audience.CUSTOMERS, 90, org.w.now)
    assert until == org.w.now + timedelta(minutes=90)


async def test_an_update_can_be_promised_after_a_reopening(org: Org) -> None:
    incident = await org.declare(1)
    await org.take(incident, IncidentRole.COMMANDER)
    mara = await org.w.actor(org.w.mara)
    await reopen(org, incident)
    async with org.w.ctx.db.tx() as tx:
        until = await actions.promise(tx, mara, incident.id, Audience.INTERNAL, 60, org.w.now)
        with pytest.raises(Invalid):
            await actions.promise(tx, mara, incident.id, Audience.INTERNAL, 61, org.w.now)
    assert until == org.w.now + timedelta(minutes=60)
