"""Story: a game day pages only volunteers, waits for a real incident, and ends with a score and a document."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from firebell.drills import actions, queries, record_store
from firebell.drills.model import Drill, DrillState, Record, TrayTarget
from firebell.drills.scoring import Verdict
from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole, IncidentType, Phase, TimelineEntry
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, FirebellError, Forbidden, Invalid
from firebell.paging import actions as paging
from firebell.paging.model import ManualTarget, ManualTargetKind, PageState
from firebell.people import actions as people
from firebell.postmortems import actions as postmortems
from tests.lock_waits import until_blocked
from tests.world import World, world


async def run(w: World, verb: Any, person: int, *args: Any, **more: Any) -> Any:
    """Run an action as a person in a transaction of its own; return its result, or the error that it raised."""
    actor = await w.actor(person)
    try:
        async with w.ctx.db.tx() as tx:
            return await verb(tx, actor, *args, w.now, **more)
    except FirebellError as error:
        return error


async def reread(w: World, drill: Drill) -> Drill:
    async with w.ctx.db.tx() as tx:
        return await actions.drill(tx, drill.id)


async def reread_incident(w: World, incident_id: int) -> Incident:
    async with w.ctx.db.tx() as tx:
        return await incidents.incident(tx, incident_id)


async def timeline(w: World, incident_id: int) -> list[TimelineEntry]:
    async with w.ctx.db.tx() as tx:
        return list(await incidents.timeline(tx, incident_id))


async def record(w: World, drill: Drill) -> Record:
    async with w.ctx.db.tx() as tx:
        return await record_store.record(tx, drill.id)


async def facilitator(w: World) -> int:
    async with w.ctx.db.tx() as tx:
        lena = await people.create_person(
            tx,
            await w.actor(w.mara),
            name="Lena",
            email="lena@example.org",
            role="responder",
            tz="UTC",
            now=w.now,
        )
    return lena.id


async def planned(w: World, lena: int, **more: Any) -> Any:
    values = {
        "planned_for": w.now + timedelta(hours=1),
        "scenario": "db-primary-lost",
        "service_id": w.service,
        **more,
    }
    return await run(w, actions.plan_drill, lena, **values)


async def test_a_game_day_from_plan_to_document(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        lena = await facilitator(w)
        drill = await planned(w, lena, invited=[w.mara, w.jun])
        await w.settle()
        assert sorted({m["person"] for m in w.sink.got}) == ["Jun Okafor", "Mara Lindqvist"]

        # only Jun accepts; Mara, whom the policy reaches first, is never paged
        await run(w, actions.answer_invitation, w.jun, drill, accepts=True, night_ok=True)
        assert isinstance(await run(w, actions.answer_invitation, lena, drill, accepts=True), Conflict)
        assert isinstance(await run(w, actions.start_drill, w.jun, drill), Forbidden)
        w.sink.got.clear()
        await run(w, actions.start_drill, lena, drill)
        await w.settle()
        page = await w.page()
        assert page.title.startswith("DRILL PrimaryDown")
        assert page.plan.is_drill
        assert {t.id for level in page.plan.levels for t in level.targets} == {w.jun}
        assert set(w.sink.people()) == {"Jun Okafor"}

        # a person who did not accept is neither paged by hand nor given a role
        w.clock.advance(timedelta(minutes=1))
        await w.ack(w.jun)
        incident = await run_declare(w, w.jun, page.id)
        assert incident.drill
        drill = await reread(w, drill)
        assert drill.incident_id == incident.id
        target = ManualTarget(ManualTargetKind.PERSON, w.mara)
        assert isinstance(
            await run(w, paging.start_manual_page, w.jun, target, "help", incident_id=incident.id), Conflict
        )
        refused = await run(w, incidents.take_role, w.jun, incident.id, IncidentRole.COMMS, w.mara)
        assert isinstance(refused, Conflict)
        await run(w, incidents.take_role, w.jun, incident.id, IncidentRole.COMMANDER, w.jun)

        # the clock delivers what waits for the players, too
        await w.after(minutes=9)
        delivered = {each.inject_id for each in (await record(w, drill)).delivered}
        assert delivered == {"i1", "i2", "i3"}
        await run(w, actions.answer_inject, w.jun, drill, "i3", "Up to 40 s; the commander decides.")
        assert isinstance(await run(w, actions.answer_inject, w.jun, drill, "i3", "again"), Conflict)
        await run(w, actions.post_to_tray, w.jun, drill, TrayTarget.STATUS_PAGE, "We look into it.")
        assert isinstance(
            await run(w, actions.post_to_tray, w.mara, drill, TrayTarget.PRESS, "No."), Forbidden
        )
        await run(w, actions.add_observation, lena, drill, "Jun wrote everything down.")

        due_at = (await reread_incident(w, incident.id)).update_due_at
        assert due_at is not None

        # a real SEV1 pauses it and says so
        w.sink.got.clear()
        async with w.ctx.db.tx() as tx:
            real = await incidents.declare(
                tx, await w.actor(w.mara), title="Checkout is down", severity=1, now=w.now
            )
        await w.settle()
        drill = await reread(w, drill)
        assert drill.state is DrillState.PAUSED
        assert drill.pause_reason
        assert isinstance(await run(w, actions.resume_drill, lena, drill), Conflict)
        assert (await reread_incident(w, incident.id)).update_due_at is None
        w.clock.advance(timedelta(minutes=30))
        await w.settle()
        assert {each.inject_id for each in (await record(w, drill)).delivered} == delivered
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(
                tx,
                await w.actor(w.mara),
                real.id,
                Phase.DISMISSED,
                w.now,
                reason="A false alarm of the monitor",
            )
        drill = await run(w, actions.resume_drill, lena, drill)
        assert drill.state is DrillState.RUNNING
        # the deadline of its update waited, too
        shifted = await reread_incident(w, incident.id)
        assert shifted.update_due_at == due_at + timedelta(minutes=30)
        assert not [e for e in await timeline(w, incident.id) if e.data.get("check") == "I-UPDATE"]

        # the players keep their incident private; the facilitator, who may not read it, runs the drill to its end
        await run(w, incidents.set_type, w.jun, incident.id, IncidentType.SECURITY, private=True)
        # next now, then the rest by the clock
        assert isinstance(await run(w, actions.deliver_now, lena, drill), Drill)
        async with w.ctx.db.tx() as tx:
            await incidents.add_entry(
                tx, await w.actor(w.jun), incident.id, "mitigation", "Failed over.", w.now
            )
        await w.after(minutes=4)
        assert (await record(w, drill)).delivered[-1].inject_id == "i5"
        async with w.ctx.db.tx() as tx:
            assert (await paging.page(tx, page.id)).state is PageState.RESOLVED

        drill = await run(w, actions.finish_drill, lena, drill)
        verdicts = {each["id"]: each["verdict"] for each in drill.results}
        assert verdicts["e1"] == Verdict.MET
        assert verdicts["e2"] == Verdict.MET
        assert drill.score is not None
        assert {(p.person_id, p.attended) for p in (await record(w, drill)).participants} == {
            (w.mara, False),
            (w.jun, True),
        }
        async with w.ctx.db.tx() as tx:
            document = await postmortems.find(tx, incident.id)
            assert await tx.value("select count(*) from due where kind = 'drills.clock'") == 0
            view = await queries.view(tx, drill, w.mara, leads=False, now=w.now)
        assert document is not None
        assert document.kind == "drill"
        assert "## Debrief" in document.body
        assert len(view.record.observations) == 1
        assert isinstance(await run(w, actions.finish_drill, lena, drill), Conflict)


async def run_declare(w: World, person: int, page_id: int) -> Any:
    async with w.ctx.db.tx() as tx:
        return await incidents.declare(
            tx, await w.actor(person), title="The ledger is down", severity=0, page_id=page_id, now=w.now
        )


async def test_every_message_of_a_drill_says_so_and_no_one_else_gets_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        lena = await facilitator(w)
        drill = await planned(w, lena, invited=[w.jun])
        await run(w, actions.answer_invitation, w.jun, drill, accepts=True, night_ok=True)
        await run(w, actions.start_drill, lena, drill)
        # never acknowledged: a real page would end in an alarm to the team and the fallback responders
        await w.after(minutes=40)
        page = await w.page()
        assert page.state is PageState.EXHAUSTED
        assert set(w.sink.people()) == {"Jun Okafor"}
        assert all("DRILL" in message["title"] for message in w.sink.got)
        # its time ends it, and its page with it
        await w.until(w.now + timedelta(hours=24), timedelta(hours=1))
        assert (await reread(w, drill)).state is DrillState.FINISHED
        async with w.ctx.db.tx() as tx:
            assert (await paging.page(tx, page.id)).state is PageState.RESOLVED


async def test_pages_sent_by_players_end_with_the_drill_and_a_real_page_does_not(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        lena = await facilitator(w)
        drill = await planned(w, lena, invited=[w.mara, w.jun])
        for person in (w.mara, w.jun):
            await run(w, actions.answer_invitation, person, drill, accepts=True, night_ok=True)
        await run(w, actions.start_drill, lena, drill)
        await w.settle()
        incident = await run_declare(w, w.jun, (await w.page()).id)
        target = ManualTarget(ManualTargetKind.PERSON, w.mara)
        await run(w, paging.start_manual_page, w.jun, target, "help", incident_id=incident.id)
        await w.alert("Disk full")
        await w.settle()
        (real,) = [page for page in await w.pages() if not page.plan.is_drill]
        assert await run(w, incidents.link_page, w.jun, incident.id, real.id) is None
        assert len(await w.pages()) >= 3

        await run(w, actions.finish_drill, lena, await reread(w, drill))
        w.sink.got.clear()
        for page in await w.pages():
            assert (page.state is PageState.RESOLVED) == page.plan.is_drill, page.title
        await w.after(minutes=40)
        assert not [message for message in w.sink.got if "DRILL" in message["title"]]


async def test_a_drill_ends_while_a_player_resolves_its_page(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        lena = await facilitator(w)
        drill = await planned(w, lena, invited=[w.jun])
        await run(w, actions.answer_invitation, w.jun, drill, accepts=True, night_ok=True)
        await run(w, actions.start_drill, lena, drill)
        await w.settle()
        page, jun = await w.page(), await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            await paging.resolve(tx, jun, page.id, w.now)
            finishing = asyncio.create_task(run(w, actions.finish_drill, lena, await reread(w, drill)))
            await until_blocked(w.ctx.db, finishing)
        assert (await finishing).state is DrillState.FINISHED


async def test_a_drill_without_volunteers_pages_no_one_and_a_leaver_is_out(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        lena = await facilitator(w)
        drill = await planned(w, lena, invited=[w.mara, w.jun])
        await run(w, actions.answer_invitation, w.jun, drill, accepts=True, night_ok=True)
        async with w.ctx.db.tx() as tx:
            await people.update_person(tx, await w.actor(w.mara), w.jun, active=False, now=w.now)
        assert (await record(w, drill)).participants[1].state == "declined"
        await run(w, actions.start_drill, lena, drill)
        (first,) = (await record(w, drill)).delivered
        assert first.page_id is None
        assert first.note
        assert await w.pages() == []


async def test_a_tabletop_pages_no_one_and_has_its_incident_at_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        lena = await facilitator(w)
        game_day = await planned(w, lena)
        await run(w, actions.start_drill, lena, game_day)
        drill = await planned(w, lena, scenario="export-in-a-public-bucket")
        drill = await run(w, actions.start_drill, lena, drill)
        assert drill.incident_id is not None
        assert (await reread(w, game_day)).incident_id is None
        await run(w, actions.decide_expectation, lena, drill, "e3", True)
        await run(w, actions.skip_inject, lena, drill)
        await w.after(hours=2)
        assert await w.pages() == []
        drill = await run(w, actions.finish_drill, lena, drill)
        assert drill.score == round(100 * 2 / 15)
        assert sum(each.skipped for each in (await record(w, drill)).delivered) == 1


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"scenario": "unknown"}, "scenario"),
        ({"file": "scenario: {}"}, "file"),
        ({"planned_for": None}, "planned_for"),
    ],
)
async def test_a_bad_plan_is_refused_by_field(
    dsn: str, clock: FakeClock, values: dict[str, Any], field: str
) -> None:
    async with world(dsn, clock) as w:
        if "planned_for" in values:
            values = {"planned_for": w.now + timedelta(days=400)}
        error = await planned(w, w.mara, **values)
        assert isinstance(error, Invalid)
        assert list(error.fields) == [field]


async def test_managers_are_reminded_once_a_month(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        months = []
        for days in (1, 30, 1, 31):
            w.clock.advance(timedelta(days=days))
            await w.settle()
            async with w.ctx.db.tx() as tx:
                months.append(await tx.value("select count(*) from notice where kind = 'drill'"))
        assert months == [0, 1, 1, 2]


async def test_a_real_incident_that_comes_back_pauses_the_drill(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        lena, mara = await facilitator(w), await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            real = await incidents.declare(
                tx, mara, title="Checkout is down", severity=1, commander_id=w.mara, now=w.now
            )
            await incidents.add_entry(tx, mara, real.id, "mitigation", "Rolled back", w.now)
            await incidents.set_phase(tx, mara, real.id, Phase.MONITORING, w.now)
        drill = await run(w, actions.plan_drill, lena, planned_for=w.now, scenario="db-primary-lost")
        drill = await run(w, actions.start_drill, lena, drill)
        assert drill.state is DrillState.RUNNING
        await w.after(minutes=2)
        async with w.ctx.db.tx() as tx:
            await incidents.record_report(tx, mara, real.id, "Cards fail again", w.now)
        await w.settle()
        assert (await reread_incident(w, real.id)).phase is Phase.INVESTIGATING
        assert (await reread(w, drill)).state is DrillState.PAUSED
