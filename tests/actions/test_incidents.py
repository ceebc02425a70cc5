"""Incidents and post-mortems: races, refusals, the order of instants, and who did it."""

import asyncio
from datetime import timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.paging.model import PageState
from firebell.people import actions as people
from firebell.postmortems import actions as postmortems
from tests.postmortem_steps import approved
from tests.world import World, world


async def run(w: World, verb: Any, *args: Any, **more: Any) -> Any:
    """Run an action in its own transaction; return its result, or the error that it raised."""
    try:
        async with w.ctx.db.tx() as tx:
            return await verb(tx, *args, **more)
    except FirebellError as error:
        return error


async def declared(w: World, severity: int = 1, title: str = "Card payments fail", **more: Any) -> Incident:
    """Declare as Mara, who also commands."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        return await incidents.declare(
            tx,
            mara,
            title=title,
            severity=severity,
            service_ids=[w.service],
            commander_id=w.mara,
            now=w.now,
            **more,
        )


async def closed(w: World, severity: int = 1) -> Incident:
    """Take an incident through all phases until it is closed."""
    mara, made = await w.actor(w.mara), await declared(w, severity)
    async with w.ctx.db.tx() as tx:
        await incidents.add_entry(tx, mara, made.id, "mitigation", "Rolled back", w.now)
        await incidents.set_phase(tx, mara, made.id, Phase.MONITORING, w.now)
    w.clock.advance(timedelta(minutes=30))
    async with w.ctx.db.tx() as tx:
        await incidents.sign_baseline(tx, mara, made.id, "5xx ratio at 0.4%", w.now)
        return await incidents.set_phase(tx, mara, made.id, Phase.CLOSED, w.now)


async def test_the_same_declaration_from_two_windows_is_one_incident_and_one_page(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        made = await asyncio.gather(*[declared(w) for _ in range(6)])
        assert len({i.id for i in made}) == 1
        assert len(await w.pages()) == 1
        await w.settle()
        # at night, the first two levels together
        assert sorted(w.sink.people()) == ["Jun Okafor", "Mara Lindqvist"]
        clock.advance(timedelta(seconds=11))
        assert (await declared(w)).id != made[0].id


async def test_the_same_declaration_a_moment_later_but_worse_pages(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        first = await declared(w, severity=3)
        clock.advance(timedelta(seconds=5))
        again = await declared(w, severity=0)
        assert (again.id, again.severity) == (first.id, 0)
        await w.settle()
        assert [m["severity"] for m in w.sink.got if m["event"] == "page"] == [0]
        assert (await declared(w, severity=2)).severity == 0


async def test_a_machine_without_a_person_declares_once_too(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        robot = Actor("system", "Robot")
        made = [
            await run(w, incidents.declare, robot, title="All down", severity=2, now=w.now) for _ in range(2)
        ]
        assert made[0].id == made[1].id


async def test_raising_the_severity_keeps_the_acknowledgement_of_those_who_know(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        made = await declared(w, severity=1)
        await w.settle()
        await w.ack(w.mara)
        await run(w, incidents.set_severity, await w.actor(w.jun), made.id, 0, "all regions", w.now)
        await w.settle()
        page = await w.page()
        assert (page.state, page.severity) == (PageState.ACKED, 0)
        paged = [m["person"] for m in w.sink.got if m["event"] == "page"]
        assert sorted(paged) == ["Jun Okafor", "Mara Lindqvist"]


async def test_an_acknowledgement_expires_after_thirty_minutes_without_progress(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        made, mara = await declared(w, severity=0), await w.actor(w.mara)
        await w.settle()
        await w.ack(w.mara)
        clock.advance(timedelta(minutes=29))
        await run(w, incidents.add_entry, mara, made.id, "finding", "It is the pool", w.now)
        clock.advance(timedelta(minutes=29))
        await w.settle()
        assert (await w.page()).state is PageState.ACKED
        clock.advance(timedelta(minutes=1))
        await w.settle()
        assert (await w.page()).state is PageState.TRIGGERED


async def test_after_a_reopening_a_further_phase_pages_no_one_again(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        made, mara = await closed(w), await w.actor(w.mara)
        await run(w, incidents.set_phase, mara, made.id, Phase.INVESTIGATING, w.now)
        await w.settle()
        await w.resolve(w.mara)
        before = len(await w.pages())
        again = await run(w, incidents.set_phase, mara, made.id, Phase.MITIGATING, w.now)
        assert (again.phase, again.reopen_count) == (Phase.MITIGATING, 1)
        assert len(await w.pages()) == before


async def test_t2_the_instants_of_an_incident_are_in_order(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        clock.set(clock.now() - timedelta(minutes=2))
        early = await declared(w, page_id=(await w.page()).id)
        assert early.detected_at <= early.declared_at
        clock.advance(timedelta(minutes=10))
        done = await closed(w, severity=2)
        assert done.resolved_at
        assert done.closed_at
        assert done.detected_at <= done.declared_at <= done.resolved_at <= done.closed_at


async def test_a_single_role_has_one_holder_when_two_take_it_at_once(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        made = await declared(w)
        done = await asyncio.gather(
            *[
                run(w, incidents.take_role, await w.actor(p), made.id, IncidentRole.SCRIBE, p, w.now)
                for p in (w.mara, w.jun)
            ]
        )
        assert done == [None, None]
        async with w.ctx.db.tx() as tx:
            held = (await incidents.roles(tx, [made.id]))[made.id]
        assert [a.role for a in held].count(IncidentRole.SCRIBE) == 1


async def test_what_cannot_be_is_refused_with_its_reason(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, made, now = await w.actor(w.mara), await declared(w), w.now
        await run(w, people.update_person, mara, w.jun, active=False, now=now)
        entry = (incidents.add_entry, mara, made.id)
        refusals = [
            (Invalid, await run(w, incidents.declare, mara, title=" ", severity=1, now=now)),
            (Invalid, await run(w, incidents.declare, mara, title="x", now=now)),
            (
                NotFound,
                await run(w, incidents.declare, mara, title="x", severity=1, service_ids=[9], now=now),
            ),
            (NotFound, await run(w, incidents.declare, mara, title="x", severity=1, page_id=9, now=now)),
            (Invalid, await run(w, *entry, "rumour", "x", now)),
            (Invalid, await run(w, *entry, "note", " \x00", now)),
            (Invalid, await run(w, *entry, "note", "x" * 10_001, now)),
            (NotFound, await run(w, incidents.add_entry, mara, 99, "note", "x", now)),
            (Conflict, await run(w, incidents.take_role, mara, made.id, IncidentRole.SME, w.jun, now)),
            (NotFound, await run(w, incidents.take_role, mara, made.id, IncidentRole.SME, 99, now)),
            (Conflict, await run(w, incidents.set_severity, mara, made.id, 2, " ", now)),
            (Conflict, await run(w, incidents.set_severity, mara, made.id, 1, "x", now)),
            (Conflict, await run(w, incidents.set_phase, mara, made.id, Phase.CLOSED, now)),
            (Invalid, await run(w, incidents.set_phase, mara, made.id, Phase.MONITORING, now, force=True)),
        ]
        for number, (expected, error) in enumerate(refusals):
            assert type(error) is expected, f"refusal {number}: {error!r}"


async def test_a_review_that_is_owed_is_not_skipped(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        made, mara = await closed(w), await w.actor(w.mara)
        skipped = await run(w, incidents.set_phase, mara, made.id, Phase.REVIEWED, w.now)
        assert isinstance(skipped, Conflict)
        assert "post-mortem" in str(skipped)
        await w.settle()
        async with w.ctx.db.tx() as tx:
            await approved(tx, w, made.id)
        published = await asyncio.gather(
            *[run(w, postmortems.publish, mara, made.id, w.now) for _ in range(2)]
        )
        assert [type(p) for p in published].count(Conflict) == 1
        assert (await run(w, incidents.incident, made.id)).phase is Phase.REVIEWED


async def test_a_postmortem_is_not_published_while_it_burns(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        made, mara = await declared(w), await w.actor(w.mara)
        await run(w, postmortems.start, mara, made.id, w.now)
        assert isinstance(await run(w, postmortems.publish, mara, made.id, w.now), Conflict)


async def test_two_editors_of_one_document_do_not_overwrite_each_other(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        made, mara = await closed(w), await w.actor(w.mara)
        await w.settle()
        document = await run(w, postmortems.of_incident, made.id)
        saved = await asyncio.gather(
            *[
                run(w, postmortems.save, mara, made.id, f"text {n}\r\n\x00", document.version, w.now)
                for n in range(3)
            ]
        )
        assert [isinstance(s, Conflict) for s in saved].count(True) == 2
        assert (await run(w, postmortems.of_incident, made.id)).body in {f"text {n}\n" for n in range(3)}
        async with w.ctx.db.tx() as tx:
            rows = await tx.fetch(
                "select actor_label, action from audit where action like 'postmortem.%' order by id"
            )
        assert [tuple(r.values()) for r in rows] == [
            ("Firebell", "postmortem.started"),
            ("Mara Lindqvist", "postmortem.saved"),
        ]


async def test_bug_a_drill_or_a_report_of_the_same_name_swallowed_the_declaration(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, title = await w.actor(w.mara), "Card payments fail"
        drill = await declared(w, drill=True)
        reported = await run(w, incidents.report, mara, title=title, now=w.now)
        real = await declared(w)
        assert len({drill.id, reported.id, real.id}) == 3
        assert (real.drill, real.phase) == (False, Phase.DECLARED)
        assert len(await w.pages()) == 1
        assert (await declared(w, drill=True)).id == drill.id
