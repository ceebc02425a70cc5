"""The lifecycle of an incident: guards, back-dating, regressions and closing, with the worker running."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import asyncpg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firebell.incidents import actions as incidents
from firebell.incidents import queries
from firebell.incidents.closing import queries as closing_queries
from firebell.incidents.closing import rules as closing_rules
from firebell.incidents.model import Incident, IncidentRole, Phase
from firebell.incidents.phases import store as phase_store
from firebell.kit.clock import FakeClock
from firebell.kit.db.migrate import available
from firebell.kit.errors import Conflict, FirebellError, Invalid
from firebell.paging import actions as paging
from firebell.paging.model import PageState
from tests.actions.test_incidents import declared, run
from tests.world import World, world


async def resolved(w: World, **more: Any) -> Incident:
    """Declare an incident, linked to the newest alert, and resolve it."""
    made, mara = await declared(w, **more), await w.actor(w.mara)
    await run(w, incidents.add_entry, mara, made.id, "mitigation", "Rolled back", w.now)
    moved = await run(w, incidents.set_phase, mara, made.id, Phase.MONITORING, w.now)
    assert isinstance(moved, Incident), moved
    return moved


async def missing(w: World, incident_id: int) -> set[str]:
    """Return the codes of the closing conditions that are not met."""
    async with w.ctx.db.tx() as tx:
        incident = await incidents.incident(tx, incident_id)
        return {c.code for c in await closing_queries.conditions(tx, incident, w.now) if not c.is_met}


async def latest(w: World, incident_id: int) -> Incident:
    async with w.ctx.db.tx() as tx:
        return await incidents.incident(tx, incident_id)


async def test_a_reported_incident_is_triaged_by_whoever_acknowledges_and_then_declared(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        jun = await w.actor(w.jun)
        made = await run(w, incidents.report, jun, title="Slow checkout", page_id=1, now=w.now)
        assert (made.phase, made.provisional) == (Phase.DETECTED, True)
        before = len(w.sink.got)
        assert isinstance(await run(w, incidents.set_severity, jun, made.id, 0, "", w.now), Conflict)
        assert isinstance(await run(w, incidents.set_phase, jun, made.id, Phase.DECLARED, w.now), Conflict)
        await w.ack(w.mara)
        await w.settle()
        assert (await latest(w, made.id)).phase is Phase.TRIAGING
        assert len(w.sink.got) == before
        clock.advance(timedelta(minutes=3))
        done = await run(w, incidents.declare_reported, jun, made.id, w.now, severity=1)
        assert (done.phase, done.severity, done.declared_at) == (Phase.DECLARED, 1, w.now)
        assert done.detected_at <= done.declared_at
        await w.settle()
        # at night, a SEV1 pages the first two levels at once
        assert len(w.sink.got) == before + 2
        assert isinstance(await run(w, incidents.declare_reported, jun, made.id, w.now, severity=0), Conflict)


async def test_a_change_is_dated_back_but_not_before_the_phase_began(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        made, mara = await declared(w), await w.actor(w.mara)
        began = w.now
        await run(w, incidents.add_entry, mara, made.id, "mitigation", "Rolled back", w.now)
        clock.advance(timedelta(minutes=20))
        for impossible in (began - timedelta(seconds=1), w.now + timedelta(seconds=1)):
            refused = await run(
                w, incidents.set_phase, mara, made.id, Phase.MONITORING, w.now, effective_at=impossible
            )
            assert isinstance(refused, Invalid)
            assert "effective_at" in refused.fields
        ended = began + timedelta(minutes=5)
        moved = await run(
            w, incidents.set_phase, mara, made.id, Phase.RESOLVED, w.now, effective_at=ended, reason="Late"
        )
        assert (moved.phase, moved.resolved_at, moved.stable_since) == (Phase.MONITORING, ended, ended)
        async with w.ctx.db.tx() as tx:
            moves = await phase_store.transitions(tx, made.id)
        assert [(t.after, t.effective_at, t.at) for t in moves[1:]] == [
            (Phase.RESOLVED, ended, w.now),
            (Phase.MONITORING, ended, w.now),
        ]
        assert {(t.actor_id, t.reason) for t in moves[1:]} == {(w.mara, "Late")}


async def test_a_change_that_is_dated_back_blames_no_one_for_the_time_since(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        made, mara = await declared(w), await w.actor(w.mara)
        await run(w, incidents.add_entry, mara, made.id, "mitigation", "Rolled back", w.now)
        clock.advance(timedelta(minutes=5))
        ended = w.now
        clock.advance(timedelta(minutes=50))
        await run(w, incidents.set_phase, mara, made.id, Phase.MONITORING, w.now, effective_at=ended)
        async with w.ctx.db.tx() as tx:
            entry = next(e for e in await incidents.timeline(tx, made.id) if e.kind == "phase")
            checked = await queries.checked(tx, [await incidents.incident(tx, made.id)], (), w.now)
        assert (entry.effective_at, entry.at) == (ended, w.now)
        assert "I-NOPROGRESS" not in {finding.code for finding in checked[made.id].open}


async def test_an_alert_that_fires_again_puts_the_incident_back_to_work_and_pages(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        made = await resolved(w, page_id=1)
        await w.alert(status="resolved")
        await w.after(minutes=12)
        assert (await latest(w, made.id)).phase is Phase.MONITORING
        await w.alert()
        await w.after(minutes=2)
        again = await latest(w, made.id)
        assert (again.phase, again.reopen_count, again.stable_since) == (Phase.INVESTIGATING, 1, None)
        async with w.ctx.db.tx() as tx:
            pages = await paging.pages_by_id(tx, await incidents.page_ids(tx, made.id))
        triggered = {p.subject_kind for p in pages.values() if p.state is PageState.TRIGGERED}
        assert triggered == {"group", "incident"}
        mara = await w.actor(w.mara)
        await w.alert(status="resolved")
        await run(w, incidents.set_phase, mara, made.id, Phase.MONITORING, w.now)
        await w.after(minutes=29)
        assert "stable" in await missing(w, made.id)
        await w.after(minutes=1)
        assert "stable" not in await missing(w, made.id)


async def test_an_alert_that_fired_again_before_the_end_was_recorded_is_a_regression(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        made, mara = await declared(w, page_id=1), await w.actor(w.mara)
        await run(w, incidents.add_entry, mara, made.id, "mitigation", "Rolled back", w.now)
        await w.alert(status="resolved")
        clock.advance(timedelta(minutes=1))
        ended = w.now
        clock.advance(timedelta(minutes=10))
        await w.alert()
        clock.advance(timedelta(minutes=15))
        await run(w, incidents.set_phase, mara, made.id, Phase.MONITORING, w.now, effective_at=ended)
        await w.after(minutes=2)
        assert (await latest(w, made.id)).phase is Phase.INVESTIGATING


async def test_a_late_alert_of_another_source_hides_no_alert_that_fired_again(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        made, mara = await declared(w, page_id=1), await w.actor(w.mara)
        await run(w, incidents.add_entry, mara, made.id, "mitigation", "Rolled back", w.now)
        await w.alert(status="resolved")
        clock.advance(timedelta(minutes=1))
        ended = w.now
        clock.advance(timedelta(minutes=10))
        await w.alert()
        clock.advance(timedelta(minutes=2))
        await w.alert("Disk is full", starts_at=(ended - timedelta(minutes=15)).isoformat())
        clock.advance(timedelta(minutes=13))
        await run(w, incidents.set_phase, mara, made.id, Phase.MONITORING, w.now, effective_at=ended)
        await w.after(minutes=2)
        assert (await latest(w, made.id)).phase is Phase.INVESTIGATING


async def test_an_alert_that_never_stopped_is_no_regression_but_keeps_the_incident_open(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await w.alert()
        await w.settle()
        made = await resolved(w, page_id=1)
        await w.after(minutes=40)
        assert (await latest(w, made.id)).phase is Phase.MONITORING
        assert await missing(w, made.id) == {"firing", "pages", "baseline"}
        await w.alert(status="resolved")
        await w.settle()
        assert await missing(w, made.id) == set()


async def test_each_closing_condition_keeps_it_open_until_someone_meets_it(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        made, mara = await declared(w), await w.actor(w.mara)
        await run(w, incidents.add_entry, mara, made.id, "mitigation", "Rolled back", w.now)
        ended = w.now
        clock.advance(timedelta(minutes=10))
        report = await run(w, incidents.record_report, mara, made.id, "Cards still fail", w.now)
        await run(w, incidents.set_phase, mara, made.id, Phase.MONITORING, w.now, effective_at=ended)
        assert await missing(w, made.id) == {"stable", "reports", "baseline"}
        clock.advance(timedelta(minutes=20))
        assert await missing(w, made.id) == {"reports", "baseline"}
        refused = await run(w, incidents.set_phase, mara, made.id, Phase.CLOSED, w.now)
        assert isinstance(refused, Conflict)
        await run(w, incidents.answer_report, mara, made.id, report.id, w.now)
        await run(w, incidents.sign_baseline, mara, made.id, "0.4% errors", w.now)
        assert await missing(w, made.id) == set()
        done = await run(w, incidents.set_phase, mara, made.id, Phase.CLOSED, w.now)
        assert done.phase is Phase.CLOSED


async def test_a_customer_who_is_still_affected_puts_the_incident_back_to_work_and_pages(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        made, mara = await resolved(w), await w.actor(w.mara)
        await w.settle()
        pages = len(await w.pages())
        earlier = w.now - timedelta(minutes=5)
        clock.advance(timedelta(minutes=10))
        report = (incidents.record_report, mara, made.id)
        await run(w, *report, "Cards failed", w.now, reported_at=earlier)
        assert (await latest(w, made.id)).phase is Phase.MONITORING
        await run(w, *report, "Cards still fail", w.now)
        back = await latest(w, made.id)
        assert (back.phase, back.reopen_count, back.stable_since) == (Phase.INVESTIGATING, 1, None)
        assert len(await w.pages()) == pages + 1
        async with w.ctx.db.tx() as tx:
            last = (await phase_store.transitions(tx, made.id))[-1]
        assert (last.before, last.actor_id) == (Phase.MONITORING, w.mara)
        await run(w, *report, "And refunds", w.now)
        assert (await latest(w, made.id)).reopen_count == 1


async def test_a_baseline_from_before_a_regression_does_not_count(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        made, mara = await resolved(w), await w.actor(w.mara)
        await run(w, incidents.sign_baseline, mara, made.id, "", w.now)
        clock.advance(timedelta(minutes=1))
        await run(w, incidents.set_phase, mara, made.id, Phase.INVESTIGATING, w.now)
        clock.advance(timedelta(minutes=1))
        await run(w, incidents.set_phase, mara, made.id, Phase.MONITORING, w.now)
        assert "baseline" in await missing(w, made.id)


async def test_only_the_commander_closes_early_and_a_finding_remains(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        made, mara, jun = await resolved(w), await w.actor(w.mara), await w.actor(w.jun)
        close = (incidents.set_phase, jun, made.id, Phase.CLOSED, w.now)
        assert isinstance(await run(w, *close, force=True, reason="Fine"), Conflict)
        close = (incidents.set_phase, mara, made.id, Phase.CLOSED, w.now)
        assert isinstance(await run(w, *close, force=True), Invalid)
        done = await run(w, *close, force=True, reason="The region is gone for good")
        async with w.ctx.db.tx() as tx:
            findings = closing_rules.early_close_findings(done, await phase_store.transitions(tx, made.id))
        assert [f.id for f in findings] == ["I-EARLYCLOSE:stable", "I-EARLYCLOSE:baseline"]
        assert "The region is gone for good" in findings[0].advice


async def test_a_provisional_sev0_is_dismissed_by_a_second_person_with_a_reason(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        made = await run(
            w, incidents.declare, mara, title="All down?", answers={"workaround": None}, now=w.now
        )
        assert (made.severity, made.provisional) == (0, True)
        dismiss = (made.id, Phase.DISMISSED, w.now)
        assert isinstance(
            await run(w, incidents.set_phase, mara, *dismiss, reason="Test data", force=True), Conflict
        )
        assert isinstance(await run(w, incidents.set_phase, jun, *dismiss), Invalid)
        done = await run(w, incidents.set_phase, jun, *dismiss, reason="Test data")
        assert done.phase is Phase.DISMISSED


async def test_a_reopened_incident_owes_no_update_for_the_time_it_was_closed(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        made, mara = await resolved(w, severity=1), await w.actor(w.mara)
        await run(w, incidents.set_phase, mara, made.id, Phase.CLOSED, w.now, reason="Stable", force=True)
        await w.after(hours=10)
        again = await run(w, incidents.set_phase, mara, made.id, Phase.INVESTIGATING, w.now, reason="Again")
        every = incidents.update_interval(1)
        assert every
        assert again.update_due_at == w.now + every
        worse = await run(w, incidents.set_severity, mara, made.id, 0, "All regions", w.now)
        assert worse.update_due_at == w.now + (incidents.update_interval(0) or every)


OLD = """
insert into incident (
    title, severity, max_severity, phase, detected_at, declared_at, severity_at, reopen_count
)
values
    ('Reopened twice', 1, 1, 'investigating', now(), now(), now(), 3),
    ('Regressed', 1, 1, 'investigating', now(), now(), now(), 1);
insert into incident_transition (incident_id, before, after, at, effective_at, actor)
values
    (1, 'closed', 'investigating', '2026-11-24 03:00Z', '2026-11-24 02:50Z', 'Mara'),
    (1, 'closed', 'investigating', '2026-11-24 05:00Z', '2026-11-24 04:50Z', 'Mara'),
    (1, 'monitoring', 'investigating', '2026-11-24 06:00Z', '2026-11-24 06:00Z', 'Mara'),
    (2, 'monitoring', 'investigating', '2026-11-24 06:00Z', '2026-11-24 06:00Z', 'Mara');
"""


async def test_an_upgrade_keeps_when_an_incident_was_reopened(empty_dsn: str) -> None:
    conn = await asyncpg.connect(empty_dsn)
    try:
        for migration in available():
            if migration.version == 119:
                await conn.execute(OLD)
            await conn.execute(migration.sql)
        rows = await conn.fetch("select reopened_at from incident order by id")
    finally:
        await conn.close()
    assert [row["reopened_at"] for row in rows] == [datetime(2026, 11, 24, 4, 50, tzinfo=UTC), None]


async def test_a_closed_sev3_counts_as_reviewed_once_it_can_no_longer_be_reopened(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        made, mara = await resolved(w, severity=3), await w.actor(w.mara)
        clock.advance(timedelta(minutes=30))
        await run(w, incidents.sign_baseline, mara, made.id, "", w.now)
        await run(w, incidents.set_phase, mara, made.id, Phase.CLOSED, w.now)
        clock.advance(timedelta(hours=23, minutes=59))
        await w.settle()
        assert (await latest(w, made.id)).phase is Phase.CLOSED
        clock.advance(timedelta(minutes=1))
        await w.settle()
        assert (await latest(w, made.id)).phase is Phase.REVIEWED


STEPS = st.lists(
    st.tuples(
        st.sampled_from(list(Phase)),
        st.integers(0, 90),
        st.one_of(st.none(), st.integers(-30, 30)),
        st.booleans(),
    ),
    max_size=12,
)


def _in_order(incident: Incident) -> bool:
    """Return True if the instants of an incident are in the order of LC2."""
    instants: list[datetime | None] = [
        *(incident.impact_start, incident.detected_at, incident.declared_at),
        *(incident.resolved_at, incident.closed_at),
    ]
    known = [at for at in instants if at is not None]
    return known == sorted(known)


async def test_lc2_the_instants_stay_in_order_whatever_is_done(dsn: str, clock: FakeClock) -> None:
    start = clock.now()
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)

        async def scenario(steps: list[tuple[Phase, int, int | None, bool]]) -> None:
            clock.set(max(clock.now(), start))
            made = await declared(w, title=f"Incident at {clock.now()}")
            await run(w, incidents.add_entry, mara, made.id, "mitigation", "Rolled back", w.now)
            await run(w, incidents.take_role, mara, made.id, IncidentRole.COMMANDER, w.mara, w.now)
            for phase, minutes, offset, force in steps:
                clock.advance(timedelta(minutes=minutes, seconds=11))
                effective_at = None if offset is None else w.now + timedelta(minutes=offset)
                outcome = await run(
                    *(w, incidents.set_phase, mara, made.id, phase, w.now),
                    effective_at=effective_at,
                    force=force,
                    reason="A property",
                )
                assert isinstance(outcome, Incident | FirebellError)
                assert _in_order(await latest(w, made.id))
            async with w.ctx.db.tx() as tx:
                moves = await phase_store.transitions(tx, made.id)
            assert [t.effective_at for t in moves] == sorted(t.effective_at for t in moves)
            assert all(a.after is b.before for a, b in pairwise(moves))

        await _check(scenario)


async def _check(scenario: Any) -> None:
    """Run a scenario for examples of steps in the running event loop."""
    examples: list[Any] = []

    @settings(max_examples=25, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(STEPS)
    def collect(steps: list[Any]) -> None:
        examples.append(steps)

    collect()
    for steps in examples:
        await scenario(steps)
