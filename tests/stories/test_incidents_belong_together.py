"""Merged, linked and child incidents, and incidents of the past that are recorded afterwards."""

from datetime import timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.incidents.closing import store as closing_store
from firebell.incidents.closing import watchers
from firebell.incidents.declaring.backfilling import PastTimes
from firebell.incidents.model import Incident, IncidentRole, IncidentType, Phase
from firebell.incidents.phases import store as phase_store
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, FirebellError, Invalid, NotFound
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from firebell.regulatory import actions as regulatory
from firebell.regulatory import rules as regulatory_rules
from firebell.regulatory import store as regulatory_store
from firebell.regulatory.model import Answer
from tests.actions.test_incidents import declared, run
from tests.world import World, world


async def _roles(w: World, incident_id: int) -> set[tuple[IncidentRole, int]]:
    async with w.ctx.db.tx() as tx:
        held = (await incidents.roles(tx, [incident_id]))[incident_id]
    return {(a.role, a.person_id) for a in held}


async def _own_pages(w: World, incident_id: int) -> list[PageState]:
    async with w.ctx.db.tx() as tx:
        pages = await paging.pages_by_id(tx, await incidents.page_ids(tx, incident_id))
    return [p.state for p in pages.values() if p.subject_kind == "incident" and p.subject_id == incident_id]


async def _related(w: World, incident_id: int) -> list[tuple[int, str]]:
    async with w.ctx.db.tx() as tx:
        incident = await incidents.incident(tx, incident_id)
        return [(r.incident_id, r.kind) for r, _ in await incidents.related(tx, incident)]


async def test_a_merged_incident_gives_all_it_has_to_the_other(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        await w.alert()
        await w.settle()
        first = await run(
            *(w, incidents.declare, jun),
            title="Slow", severity=2, page_id=1, commander_id=w.jun, now=w.now,
        )  # fmt: skip
        await run(w, incidents.take_role, jun, first.id, IncidentRole.SME, w.jun, w.now)
        clock.advance(timedelta(minutes=5))
        into = await declared(w, severity=1)
        report = await run(w, incidents.record_report, jun, first.id, "Cards fail", w.now)
        done = await run(w, incidents.merge, mara, first.id, into.id, w.now, reason="Same cause")
        assert isinstance(done, Incident)
        assert (done.id, done.severity, done.detected_at) == (into.id, 1, first.detected_at)
        assert await _roles(w, into.id) == {
            *((IncidentRole.COMMANDER, w.mara), (IncidentRole.SME, w.jun), (IncidentRole.RESPONDER, w.jun)),
        }
        assert await _roles(w, first.id) == set()
        async with w.ctx.db.tx() as tx:
            gone = await incidents.incident(tx, first.id)
            assert 1 in await incidents.page_ids(tx, into.id)
            assert [r.id for r in await closing_store.reports(tx, into.id)] == [report.id]
            moves = await phase_store.transitions(tx, first.id)
        assert (gone.phase, gone.merged_into, gone.update_due_at) == (Phase.MERGED, into.id, None)
        assert (moves[-1].after, moves[-1].reason) == (Phase.MERGED, "Same cause")
        assert await _related(w, first.id) == [(into.id, "merged_into")]
        assert (first.id, "merged") in await _related(w, into.id)


async def test_the_worse_severity_survives_a_merge_and_pages(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        into = await declared(w, severity=3, title="Slow")
        worse = await declared(w, severity=0, title="Down")
        await w.settle()
        done = await run(w, incidents.merge, mara, worse.id, into.id, w.now)
        assert (done.severity, done.max_severity) == (0, 0)
        assert await _own_pages(w, worse.id) == [PageState.RESOLVED]
        assert await _own_pages(w, into.id) == [PageState.TRIGGERED]


async def test_a_severity_that_is_not_confirmed_survives_a_merge_too(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        into = await declared(w, severity=3, title="Slow")
        answers = {"down_or_data_at_risk": None}
        worse = await run(w, incidents.declare, mara, title="Down?", answers=answers, now=w.now)
        assert (worse.severity, worse.provisional) == (0, True)
        reported = await run(w, incidents.report, mara, title="Odd", now=w.now)
        assert (await run(w, incidents.merge, mara, reported.id, into.id, w.now)).severity == 3
        assert (await run(w, incidents.merge, mara, worse.id, into.id, w.now)).severity == 0


async def test_a_page_that_no_one_answered_is_not_lost_in_a_merge(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        into = await declared(w, severity=1, title="Slow")
        await w.settle()
        await w.resolve(w.mara)
        other = await declared(w, severity=1, title="Down")
        await w.settle()
        await run(w, incidents.merge, mara, other.id, into.id, w.now)
        assert sorted(await _own_pages(w, into.id)) == [PageState.RESOLVED, PageState.TRIGGERED]


async def test_a_merge_that_would_lose_or_show_something_is_refused(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        one, other = await declared(w, title="One"), await declared(w, title="Other")
        secret = await declared(w, title="Keys", incident_type=IncidentType.SECURITY)
        drill = await declared(w, title="Drill", drill=True)
        reported = await run(w, incidents.report, mara, title="Odd", now=w.now)
        await run(w, incidents.set_phase, mara, other.id, Phase.DISMISSED, w.now, reason="Nothing")
        for a, b, expected in (
            (one, one, Invalid),
            (one, other, Conflict),
            (other, one, Conflict),
            (secret, one, Conflict),
            (one, drill, Conflict),
            (one, reported, Conflict),
        ):
            assert type(await run(w, incidents.merge, mara, a.id, b.id, w.now)) is expected, (a.id, b.id)
        assert type(await run(w, incidents.merge, mara, 99, one.id, w.now)) is NotFound
        done = await run(w, incidents.merge, mara, one.id, secret.id, w.now)
        assert done.is_private
        async with w.ctx.db.tx() as tx:
            assert (await incidents.incident(tx, one.id)).is_private


async def test_regulatory_clocks_keep_the_earliest_start_after_a_merge(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, early = await w.actor(w.mara), w.now
        one = await declared(w, severity=2, title="One")
        other = await declared(w, severity=2, title="Other")
        await run(w, regulatory.record_fact, mara, one.id, "aware", Answer.YES, w.now)
        clock.advance(timedelta(hours=1))
        await run(w, regulatory.record_fact, mara, other.id, "aware", Answer.YES, w.now)
        await run(w, regulatory.record_fact, mara, one.id, "personal_data", Answer.YES, w.now)
        await run(w, incidents.merge, mara, one.id, other.id, w.now)
        async with w.ctx.db.tx() as tx:
            records = (await regulatory_store.facts(tx, [other.id]))[other.id]
        latest = regulatory_rules.latest(records)
        assert latest["aware"].effective_at == early.replace(microsecond=0)
        assert latest["personal_data"].answer is Answer.YES


async def test_children_have_one_parent_and_no_circle(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        a, b, c = [await declared(w, severity=3, title=t) for t in ("A", "B", "C")]

        async def relate(one: Incident, other: Incident, kind: str) -> FirebellError | None:
            outcome: FirebellError | None = await run(
                w, incidents.relate, mara, one.id, other.id, kind, w.now
            )
            return outcome

        assert await relate(a, b, "child") is None
        assert await relate(b, c, "child") is None
        assert isinstance(await relate(c, a, "child"), Conflict)
        assert isinstance(await relate(a, c, "child"), Conflict)
        assert await relate(c, a, "linked") is None
        assert isinstance(await relate(a, c, "linked"), Conflict)
        assert await _related(w, b.id) == [(a.id, "parent"), (c.id, "child")]
        assert await _related(w, a.id) == [(b.id, "child"), (c.id, "linked")]
        assert await run(w, incidents.unrelate, mara, a.id, c.id, w.now) is None
        assert isinstance(await run(w, incidents.unrelate, mara, a.id, c.id, w.now), NotFound)


async def test_an_incident_of_the_past_pages_and_reminds_no_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara, day = await w.actor(w.mara), timedelta(days=1)
        times: dict[str, Any] = {
            "detected_at": w.now - 2 * day,
            "declared_at": w.now - 2 * day,
            "resolved_at": w.now - day,
            "closed_at": w.now - day,
        }
        more = {"title": "Old outage", "severity": 0, "service_ids": [w.service], "now": w.now}
        wrong = PastTimes(**{**times, "closed_at": w.now + day, "resolved_at": w.now - 3 * day})
        refused = await run(w, incidents.backfill, mara, times=wrong, **more)
        assert set(refused.fields) == {"closed_at", "resolved_at"}
        done = await run(w, incidents.backfill, mara, times=PastTimes(**times), **more)
        assert (done.phase, done.backfilled, done.closed_at) == (Phase.CLOSED, True, w.now - day)
        await w.after(hours=2)
        assert w.sink.got == []
        assert await w.pages() == []
        async with w.ctx.db.tx() as tx:
            moves = await phase_store.transitions(tx, done.id)
        assert [t.effective_at for t in moves] == sorted(t.effective_at for t in moves)


async def _monitored(w: World, severity: int = 1, title: str = "Slow") -> Incident:
    """Declare an incident, and end its impact now."""
    mara, one = await w.actor(w.mara), await declared(w, severity=severity, title=title)
    await run(w, incidents.add_entry, mara, one.id, "mitigation", "Rolled back", w.now)
    done = await run(w, incidents.set_phase, mara, one.id, Phase.MONITORING, w.now)
    assert isinstance(done, Incident)
    return done


async def test_an_impact_that_continues_is_not_over_after_a_merge(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        into = await _monitored(w)
        other = await declared(w, severity=2, title="Still down")
        clock.advance(timedelta(minutes=20))
        done = await run(w, incidents.merge, mara, other.id, into.id, w.now)
        assert (done.phase, done.impact_end, done.stable_since) == (Phase.INVESTIGATING, None, None)
        assert done.reopen_count == 1
        await w.settle()
        assert await _own_pages(w, into.id) == [PageState.RESOLVED, PageState.TRIGGERED]


async def test_a_report_from_after_the_end_reopens_what_it_is_merged_into(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        earlier = await run(w, incidents.report, mara, title="Odd", now=w.now)
        clock.advance(timedelta(minutes=5))
        into = await _monitored(w, severity=2)
        clock.advance(timedelta(minutes=5))
        later = await run(w, incidents.report, mara, title="Odd again", now=w.now)
        assert (await run(w, incidents.merge, mara, earlier.id, into.id, w.now)).phase is Phase.MONITORING
        assert (await run(w, incidents.merge, mara, later.id, into.id, w.now)).phase is Phase.INVESTIGATING


async def test_two_monitored_incidents_are_stable_since_the_later_end(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        into = await _monitored(w, severity=2)
        clock.advance(timedelta(minutes=25))
        later = await _monitored(w, severity=2, title="Down")
        done = await run(w, incidents.merge, mara, later.id, into.id, w.now)
        assert (done.impact_end, done.resolved_at, done.stable_since) == (w.now, w.now, w.now)
        await run(w, incidents.sign_baseline, mara, into.id, "All fine", w.now)
        await w.after(minutes=10)
        assert isinstance(await run(w, incidents.set_phase, mara, into.id, Phase.CLOSED, w.now), Conflict)
        async with w.ctx.db.tx() as tx:
            assert "stable" not in [entry.kind for entry in await incidents.timeline(tx, into.id)]
        await w.after(minutes=20)
        async with w.ctx.db.tx() as tx:
            assert "stable" in [entry.kind for entry in await incidents.timeline(tx, into.id)]
        assert (await run(w, incidents.set_phase, mara, into.id, Phase.CLOSED, w.now)).phase is Phase.CLOSED


async def _times_stable(w: World, incident_id: int) -> int:
    """Return how often the timeline says that an incident was stable for 30 minutes."""
    async with w.ctx.db.tx() as tx:
        return [entry.kind for entry in await incidents.timeline(tx, incident_id)].count("stable")


async def test_a_merge_of_one_that_ended_earlier_says_no_second_time_that_an_incident_is_stable(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        earlier = await _monitored(w, severity=2, title="Down")
        clock.advance(timedelta(minutes=1))
        into = await _monitored(w, severity=2)
        await w.after(minutes=35)
        assert await _times_stable(w, into.id) == 1
        done = await run(w, incidents.merge, mara, earlier.id, into.id, w.now)
        assert done.stable_since == into.stable_since
        await w.after(minutes=35)
        assert await _times_stable(w, into.id) == 1


async def test_who_heard_that_an_incident_can_be_closed_hears_it_again_after_a_later_end(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)

        def heard() -> list[str]:
            return [message["title"] for message in w.sink.got if message["event"] == "closing"]

        into = await _monitored(w, severity=2)
        await run(w, watchers.watch, await w.actor(w.jun), into.id, w.now)
        await w.after(minutes=28)
        later = await _monitored(w, severity=2, title="Down")
        await run(w, incidents.sign_baseline, mara, into.id, "All fine", w.now)
        await w.after(minutes=5)
        assert heard() == [f"{into.ref} can be closed"]
        await run(w, incidents.merge, mara, later.id, into.id, w.now)
        await w.after(minutes=20)
        assert len(heard()) == 1
        await w.after(minutes=12)
        assert heard() == [f"{into.ref} can be closed"] * 2


async def test_an_alert_that_fired_all_along_pages_no_one_again_after_a_merge(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        into = await _monitored(w)
        clock.advance(timedelta(minutes=5))
        await w.alert()
        await w.settle()
        later = await declared(w, title="Down", page_id=(await w.page()).id)
        await run(w, incidents.add_entry, mara, later.id, "mitigation", "Rolled back", w.now)
        await run(w, incidents.set_phase, mara, later.id, Phase.MONITORING, w.now)
        await run(w, incidents.merge, mara, later.id, into.id, w.now)
        await w.after(minutes=12)
        async with w.ctx.db.tx() as tx:
            done = await incidents.incident(tx, into.id)
        assert (done.phase, done.reopen_count) == (Phase.MONITORING, 0)
