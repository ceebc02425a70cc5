"""Story: a page becomes an incident with a commander, mitigated, monitored, closed and reviewed."""

from datetime import timedelta

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict
from firebell.paging.model import PageState
from firebell.postmortems import actions as postmortems
from firebell.postmortems.editing.queries import expanded
from tests.postmortem_steps import published
from tests.world import world

MAJOR = {"down_or_data_at_risk": False, "major_degraded": True, "workaround": True}


async def test_from_page_to_postmortem(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert("5xx above 5 %")
        await w.settle()
        await w.ack(w.mara)
        page, mara, jun = await w.page(), await w.actor(w.mara), await w.actor(w.jun)
        clock.advance(timedelta(minutes=2))
        async with w.ctx.db.tx() as tx:
            made = await incidents.declare(
                tx, mara, title="Card payments fail", answers=MAJOR, page_id=page.id, now=w.now
            )
            again = await incidents.declare(tx, mara, title="Card payments fail", answers=MAJOR, now=w.now)
        assert (made.id, made.severity) == (again.id, 1)
        await w.settle()
        last = w.sink.got[-1]
        assert (last["title"], last["severity"]) == (f"INC-{made.id}: Card payments fail", 1)

        async with w.ctx.db.tx() as tx:
            with pytest.raises(Conflict, match="commander"):
                await incidents.set_phase(tx, mara, made.id, Phase.INVESTIGATING, w.now)
        async with w.ctx.db.tx() as tx:
            await incidents.take_role(tx, jun, made.id, IncidentRole.COMMANDER, w.jun, w.now)
            await incidents.take_role(tx, mara, made.id, IncidentRole.SME, w.mara, w.now)
            await incidents.set_phase(tx, jun, made.id, Phase.INVESTIGATING, w.now)
            await incidents.add_entry(
                tx, mara, made.id, "finding", "Build 4812 opened too many connections", w.now
            )
            await incidents.add_entry(tx, mara, made.id, "mitigation", "Rolled build 4812 back", w.now)
            await incidents.add_entry(tx, jun, made.id, "update", "Errors fall | 2 % now", w.now)
            await incidents.set_phase(tx, jun, made.id, Phase.MONITORING, w.now)
        await w.alert("5xx above 5 %", status="resolved")
        await w.after(minutes=29)
        async with w.ctx.db.tx() as tx:
            with pytest.raises(Conflict, match="30 minutes"):
                await incidents.set_phase(tx, jun, made.id, Phase.CLOSED, w.now)
        await w.after(minutes=1)
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(tx, jun, made.id, Phase.CLOSED, w.now)
        closed = w.now
        await w.settle()
        async with w.ctx.db.tx() as tx:
            document = await postmortems.of_incident(tx, made.id)
            text = (await expanded(tx, document, document.body, w.now)).body
            story = [e.text for e in await incidents.timeline(tx, made.id)]
        assert document.due_at == closed + timedelta(hours=48)
        assert "Rolled build 4812 back" in text
        assert "Errors fall \\| 2 % now" in text
        assert "Stable for 30 minutes. It can be closed now." in story
        assert {p.state for p in await w.pages()} == {PageState.RESOLVED}
        async with w.ctx.db.tx() as tx:
            await postmortems.assign_author(tx, mara, made.id, w.mara, w.now)
            await published(tx, w, made.id)
            reviewed = await incidents.incident(tx, made.id)
        assert (reviewed.phase, reviewed.closed_at, reviewed.reopen_count) == (Phase.REVIEWED, closed, 0)
        assert {p.state for p in await w.pages()} == {PageState.RESOLVED}


async def test_reopening_pages_again_and_counts(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            made = await incidents.declare(
                tx,
                mara,
                title="All down",
                severity=0,
                service_ids=[w.service],
                commander_id=w.mara,
                now=w.now,
            )
            await incidents.add_entry(tx, mara, made.id, "mitigation", "Recovered by itself", w.now)
            await incidents.set_phase(tx, mara, made.id, Phase.MONITORING, w.now)
        await w.after(minutes=10)
        async with w.ctx.db.tx() as tx:
            again = await incidents.set_phase(tx, mara, made.id, Phase.INVESTIGATING, w.now)
        assert (again.reopen_count, again.stable_since) == (1, None)
        await w.settle()
        assert (await w.page()).state is PageState.TRIGGERED


async def test_an_update_that_does_not_come_is_asked_for(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            made = await incidents.declare(tx, mara, title="All down", severity=0, now=w.now)
        await w.after(minutes=15)
        async with w.ctx.db.tx() as tx:
            story = [e.text for e in await incidents.timeline(tx, made.id)]
        assert "The update is overdue." in story


async def test_a_rise_in_severity_pages_again(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            made = await incidents.declare(
                tx, mara, title="Slow search", severity=2, service_ids=[w.service], now=w.now
            )
        await w.settle()
        assert w.sink.got == []
        async with w.ctx.db.tx() as tx:
            await incidents.set_severity(tx, mara, made.id, 0, "now it is all of search", w.now)
        await w.settle()
        assert [m["severity"] for m in w.sink.got if m["event"] == "page"] == [0]
        async with w.ctx.db.tx() as tx:
            with pytest.raises(Conflict, match="15 minutes"):
                await incidents.set_severity(tx, mara, made.id, 2, "better", w.now)


async def test_a_drill_wakes_no_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, mara, title="Game day", severity=0, drill=True, now=w.now)
        await w.settle()
        assert w.sink.got == []
