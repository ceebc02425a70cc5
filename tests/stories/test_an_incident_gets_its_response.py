"""Who is paged by the severity of an incident, and what escalates it while no one answers."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Conflict, Invalid
from firebell.paging.model import PageState
from firebell.people import actions as people
from firebell.response import actions, document, queries, running_steps, settings_actions
from firebell.response.defaults import SHIPPED
from firebell.response.model import (
    Audience,
    Function,
    How,
    MatrixStep,
    ResponseGroup,
)
from tests.world import World, world

DAY = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
"""A Tuesday in business hours."""
NIGHT = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
"""The night before."""


class Org:
    """The small organization with a commander, a manager and an executive, each reached through the sink."""

    def __init__(self, w: World, rosa: int, omar: int, ingrid: int) -> None:
        self.w, self.rosa, self.omar, self.ingrid = w, rosa, omar, ingrid

    async def declare(self, severity: int | None = 1, **more: object) -> Incident:
        """Declare an incident of Checkout as Mara."""
        mara = await self.w.actor(self.w.mara)
        async with self.w.ctx.db.tx() as tx:
            incident = await incidents.declare(
                tx,
                mara,
                title="Card payments fail",
                severity=severity,
                service_ids=[self.w.service],
                now=self.w.now,
                **more,  # type: ignore[arg-type]
            )
        await self.w.settle()
        return incident

    async def paged(self, incident: Incident) -> set[str]:
        """Return the names of everyone whom the incident has paged."""
        async with self.w.ctx.db.tx() as tx:
            ids = await running_steps.paged_people(tx, incident.id, self.w.now)
            named = await people.people_by_id(tx, list(ids))
        return {person.name.split()[0] for person in named.values()}

    async def take(self, incident: Incident, *roles: IncidentRole, person: int | None = None) -> None:
        """Assign roles, as Mara."""
        mara = await self.w.actor(self.w.mara)
        async with self.w.ctx.db.tx() as tx:
            for role in roles:
                await incidents.take_role(tx, mara, incident.id, role, person or self.w.mara, self.w.now)
        await self.w.settle()

    async def steps(self, incident: Incident) -> list[tuple[str, bool]]:
        """Return (code, whether it asks now) of the steps to come."""
        async with self.w.ctx.db.tx() as tx:
            (one,) = await queries.running(tx, [await incidents.incident(tx, incident.id)], self.w.now)
        return [(step.code, running_steps.is_asking(one, step)) for step in one.pending]

    async def key(self, incident: Incident, code: str) -> str:
        """Return the key of the first step of a code."""
        async with self.w.ctx.db.tx() as tx:
            (one,) = await queries.running(tx, [await incidents.incident(tx, incident.id)], self.w.now)
        return next(step.key for step in one.pending if step.code == code)

    def asked(self, text: str = "") -> list[str]:
        """Return whom questions with this text reached, in order."""
        return [
            m["person"].split()[0] for m in self.w.sink.got if m["event"] == "response" and text in m["title"]
        ]


async def person(w: World, name: str) -> int:
    """Create a responder whom the sink reaches at once."""
    email = f"{name.split()[0].lower()}@example.org"
    async with w.ctx.db.tx() as tx:
        created = await people.create_person(
            tx, SYSTEM, name=name, email=email, role="responder", tz="UTC", now=w.now
        )
        method = await people.add_contact_method(
            tx, SYSTEM, person_id=created.id, kind="webhook", address=w.sink.url, label="", now=w.now
        )
        for urgency in ("high", "low"):
            rules = [(0, method.id)]
            await people.set_rules(tx, SYSTEM, person_id=created.id, urgency=urgency, rules=rules, now=w.now)
    return created.id


@pytest.fixture
async def org(dsn: str, clock: FakeClock) -> AsyncIterator[Org]:
    """The organization during business hours, with everyone in their group."""
    clock.set(DAY)
    async with world(dsn, clock) as w:
        yield await organized(w)


async def organized(w: World) -> Org:
    rosa, omar, ingrid = [await person(w, n) for n in ("Rosa Vidal", "Omar Haddad", "Ingrid Solheim")]
    settings = replace(
        SHIPPED,
        groups={
            **SHIPPED.groups,
            ResponseGroup.COMMANDER: (f"person:{rosa}",),
            ResponseGroup.MANAGERS: (f"person:{omar}",),
            ResponseGroup.EXECUTIVES: (f"person:{ingrid}",),
        },
    )
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await settings_actions.replace_settings(tx, mara, settings, w.now)
    await w.settle()
    w.sink.got.clear()
    return Org(w, rosa, omar, ingrid)


async def test_a_provisional_sev0_wakes_executives_only_after_five_minutes(org: Org) -> None:
    incident = await org.declare(None, answers={"down_or_data_at_risk": None})
    assert incident.provisional
    assert "Rosa" in await org.paged(incident)
    assert "Ingrid" not in await org.paged(incident)
    await org.w.after(minutes=4)
    assert "Ingrid" not in await org.paged(incident)
    await org.w.after(minutes=1)
    assert "Ingrid" in await org.paged(incident)


async def test_a_confirmed_sev0_wakes_executives_at_once(org: Org) -> None:
    incident = await org.declare(None, answers={"down_or_data_at_risk": None})
    await org.w.after(minutes=2)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        confirmed = await incidents.set_severity(tx, mara, incident.id, 0, "", org.w.now)
    assert not confirmed.provisional
    await org.w.settle()
    assert "Ingrid" in await org.paged(incident)


async def test_a_sev1_in_business_hours_pages_the_first_level_and_the_commander(org: Org) -> None:
    incident = await org.declare(1)
    assert await org.paged(incident) == {"Mara", "Rosa"}


async def test_a_sev1_at_night_pages_the_first_two_levels_together(dsn: str, clock: FakeClock) -> None:
    clock.set(NIGHT)
    async with world(dsn, clock) as w:
        org = await organized(w)
        incident = await org.declare(1)
        assert await org.paged(incident) == {"Mara", "Jun", "Rosa"}
        assert {p.split()[0] for p in w.sink.people()} == {"Mara", "Jun", "Rosa"}


async def test_a_raise_pages_only_people_who_were_not_paged_yet(org: Org) -> None:
    incident = await org.declare(1)
    before = sorted(m["person"] for m in org.w.sink.got if m["event"] == "page")
    assert before == ["Mara Lindqvist", "Rosa Vidal"]
    await org.w.after(minutes=1)
    org.w.sink.got.clear()
    jun = await org.w.actor(org.w.jun)
    async with org.w.ctx.db.tx() as tx:
        await incidents.set_severity(tx, jun, incident.id, 0, "", org.w.now)
    await org.w.settle()
    assert [m["person"] for m in org.w.sink.got if m["event"] == "page"] == ["Ingrid Solheim"]


async def no_progress_is_asked(org: Org) -> Incident:
    """Declare a SEV1 with all roles that makes no progress, until the commander is asked after 30 minutes."""
    incident = await org.declare(1)
    await org.take(incident, IncidentRole.COMMANDER)
    await org.take(incident, IncidentRole.SME, person=org.w.jun)
    org.w.sink.got.clear()
    await org.w.after(minutes=30)
    return incident


async def test_an_unanswered_trigger_pages_the_next_tier_after_five_minutes(org: Org) -> None:
    incident = await no_progress_is_asked(org)
    assert ("E1", True) in await org.steps(incident)
    assert "Mara" in org.asked("No progress")
    paged = await org.paged(incident)
    await org.w.after(minutes=4)
    assert await org.paged(incident) == paged
    await org.w.after(minutes=1)
    assert len(await org.paged(incident)) > len(paged)


async def test_not_yet_waits_thirty_minutes_and_asks_again(org: Org) -> None:
    incident = await no_progress_is_asked(org)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        await actions.not_yet(tx, mara, incident.id, await org.key(incident, "E1"), "Fix deploys", org.w.now)
    await org.w.after(minutes=29)
    assert ("E1", False) in await org.steps(incident)
    assert len(org.asked("No progress")) == 1
    await org.w.after(minutes=1)
    assert ("E1", True) in await org.steps(incident)
    assert len(org.asked("No progress")) == 2


async def test_escalate_now_pages_the_next_tier_at_once(org: Org) -> None:
    incident = await no_progress_is_asked(org)
    mara = await org.w.actor(org.w.mara)
    key = await org.key(incident, "E1")
    async with org.w.ctx.db.tx() as tx:
        await actions.escalate_now(tx, mara, incident.id, key, org.w.now)
    await org.w.settle()
    assert "Jun" in await org.paged(incident)
    assert ("E1", True) not in await org.steps(incident)


async def test_the_matrix_acts_at_30_and_60_minutes_after_it_asked(dsn: str, clock: FakeClock) -> None:
    clock.set(DAY)
    async with world(dsn, clock) as w:
        org = await organized(w)
        matrix = (
            MatrixStep(30, Function.COMMUNICATIONS, How.PAGE, f"person:{org.omar}"),
            MatrixStep(60, Function.EXECUTIVES, How.BRIEF, ResponseGroup.EXECUTIVES),
        )
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            in_force, _ = await queries.settings(tx)
            one = replace(in_force.severities[1], matrix=matrix)
            changed = document.with_severity(in_force, 1, one)
            await settings_actions.replace_settings(tx, mara, changed, w.now)
        incident = await org.declare(1)
        await org.take(incident, IncidentRole.COMMANDER)
        await org.take(incident, IncidentRole.SME, person=w.jun)
        await w.after(minutes=20)
        async with w.ctx.db.tx() as tx:
            await incidents.add_entry(tx, mara, incident.id, "finding", "The pool is full", w.now)
            await incidents.add_entry(tx, mara, incident.id, "update", "The pool is full", w.now)
        for minutes, who in ((4, set()), (1, {"asked"}), (4, {"asked"}), (1, {"asked", "Omar"})):
            await w.after(minutes=minutes)
            asked = {"asked"} if org.asked("Page") else set()
            assert asked | (await org.paged(incident) & {"Omar"}) == who
        async with w.ctx.db.tx() as tx:
            await incidents.add_entry(tx, mara, incident.id, "decision", "Restart the pool", w.now)
            await incidents.add_entry(tx, mara, incident.id, "update", "We restart the pool", w.now)
        w.sink.got.clear()
        await w.after(minutes=30)
        title = f"{incident.ref} SEV1: Card payments fail"
        briefs = [m["person"] for m in w.sink.got if (m["event"], m["title"]) == ("response", title)]
        assert briefs == ["Ingrid Solheim"]
        assert "Ingrid" not in await org.paged(incident)


async def test_bug_a_brief_told_the_summary_of_a_private_incident(dsn: str, clock: FakeClock) -> None:
    clock.set(DAY)
    async with world(dsn, clock) as w:
        org = await organized(w)
        brief = MatrixStep(30, Function.EXECUTIVES, How.BRIEF, ResponseGroup.EXECUTIVES)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            in_force, _ = await queries.settings(tx)
            changed = document.with_severity(in_force, 1, replace(in_force.severities[1], matrix=(brief,)))
            await settings_actions.replace_settings(tx, mara, changed, w.now)
        incident = await org.declare(1, private=True, summary="Keys were copied")
        await org.take(incident, IncidentRole.COMMANDER)
        await w.after(minutes=45)
        title = f"{incident.ref} SEV1: a private incident"
        (briefed,) = [m for m in w.sink.got if (m["event"], m["title"]) == ("response", title)]
        assert briefed["person"] == "Ingrid Solheim"
        assert "Keys" not in str(briefed)


async def test_an_open_incident_keeps_the_version_it_was_declared_under(org: Org) -> None:
    incident = await org.declare(1)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        in_force, _ = await queries.settings(tx)
        one = replace(in_force.severities[1], matrix=())
        await settings_actions.replace_settings(tx, mara, document.with_severity(in_force, 1, one), org.w.now)
    assert "matrix" in {code for code, _ in await org.steps(incident)}
    second = await org.declare(1, summary="Another one", drill=False)
    assert second.id == incident.id
    await org.w.after(minutes=1)
    async with org.w.ctx.db.tx() as tx:
        later = await incidents.declare(tx, mara, title="Search fails", severity=1, now=org.w.now)
    assert "matrix" not in {code for code, _ in await org.steps(later)}


async def test_a_missing_role_escalates_after_its_deadline_and_an_assigned_one_does_not(org: Org) -> None:
    incident = await org.declare(1)
    await org.take(incident, IncidentRole.SME, person=org.w.jun)
    await org.w.after(minutes=10)
    assert ("E4", True) in await org.steps(incident)
    await org.take(incident, IncidentRole.COMMANDER)
    paged = await org.paged(incident)
    await org.w.after(minutes=6)
    assert await org.paged(incident) == paged


async def test_a_request_for_an_expert_climbs_a_tier_unless_one_joins(org: Org) -> None:
    incident = await org.declare(1)
    await org.take(incident, IncidentRole.COMMANDER)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        await actions.request_expertise(tx, mara, incident.id, "PostgreSQL", org.w.now)
    await org.w.after(minutes=10)
    assert ("E3", True) in await org.steps(incident)
    await org.take(incident, IncidentRole.SME, person=org.w.jun)
    assert "E3" not in {code for code, _ in await org.steps(incident)}


async def test_a_request_that_no_expert_answers_climbs_to_the_managers(org: Org) -> None:
    incident = await org.declare(2)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        await actions.request_expertise(tx, mara, incident.id, "PostgreSQL", org.w.now)
    await org.w.after(minutes=14)
    assert await org.paged(incident) == set()
    # each tier has ten minutes, and the commander five to say “Not yet”
    reached = set()
    for name, person_id in (("Mara", org.w.mara), ("Jun", org.w.jun), ("Omar", org.omar)):
        await org.w.after(minutes=1)
        reached |= {name}
        assert await org.paged(incident) == reached
        await org.w.ack(person_id)
        await org.w.after(minutes=14)


async def test_a_request_for_an_expert_is_not_lost_in_a_merge(org: Org) -> None:
    into = await org.declare(2)
    await org.w.after(minutes=1)
    incident = await org.declare(2)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        await actions.request_expertise(tx, mara, incident.id, "PostgreSQL", org.w.now)
    await org.w.after(minutes=4)
    async with org.w.ctx.db.tx() as tx:
        await incidents.merge(tx, mara, incident.id, into.id, org.w.now)
    await org.w.after(minutes=12)
    assert await org.paged(into) == {"Mara"}


async def test_nothing_escalates_in_monitoring_and_the_pages_of_the_response_end(org: Org) -> None:
    incident = await org.declare(1)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        await incidents.take_role(tx, mara, incident.id, IncidentRole.COMMANDER, org.w.mara, org.w.now)
        await incidents.add_entry(tx, mara, incident.id, "mitigation", "Failed over", org.w.now)
        await incidents.set_phase(tx, mara, incident.id, Phase.MONITORING, org.w.now)
    await org.w.settle()
    assert {page.state for page in await org.w.pages()} == {PageState.RESOLVED}
    assert {code for code, _ in await org.steps(incident)} <= {"update", "declared"}
    paged = await org.paged(incident)
    await org.w.after(minutes=90)
    assert await org.paged(incident) == paged


async def test_a_promise_moves_the_update_and_its_reminders_up_to_twice_the_interval(org: Org) -> None:
    incident = await org.declare(1)
    await org.take(incident, IncidentRole.COMMANDER)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        until = await actions.promise(tx, mara, incident.id, Audience.INTERNAL, 60, org.w.now)
        with pytest.raises(Invalid):
            await actions.promise(tx, mara, incident.id, Audience.INTERNAL, 61, org.w.now)
    org.w.sink.got.clear()
    await org.w.after(minutes=47)
    assert org.asked("Update is due") == []
    await org.w.after(minutes=1)
    assert org.asked("Update is due soon") == ["Mara"]
    assert until - org.w.now == timedelta(minutes=12)


async def test_customers_have_an_interval_of_their_own(org: Org) -> None:
    incident = await org.declare(1)
    await org.take(incident, IncidentRole.COMMANDER)
    await org.w.after(minutes=48)
    assert org.asked("Customer update is due soon") == ["Mara"]
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        await actions.inform_customers(tx, mara, incident.id, "We are working on it.", org.w.now)
    await org.w.after(minutes=47)
    assert len(org.asked("Customer update is due")) == 1


async def test_a_drill_pages_no_one_and_escalates_nothing(org: Org) -> None:
    incident = await org.declare(0, drill=True)
    await org.w.after(minutes=70)
    assert await org.paged(incident) == set()
    assert org.asked() == []


async def test_the_last_pager_of_a_sev0_is_kept(org: Org) -> None:
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        in_force, applied = await queries.settings(tx)
        nobody = replace(in_force, groups={**in_force.groups, ResponseGroup.COMMANDER: ()})
        for changed in (
            nobody,
            document.with_severity(in_force, 0, replace(in_force.severities[0], page=())),
        ):
            with pytest.raises(Conflict):
                await settings_actions.replace_settings(tx, mara, changed, org.w.now)
        assert (await queries.settings(tx))[1] == applied


async def test_a_sev2_waits_for_business_hours_and_is_a_task_of_the_next_day(
    dsn: str, clock: FakeClock
) -> None:
    clock.set(NIGHT)
    async with world(dsn, clock) as w:
        org = await organized(w)
        incident = await org.declare(2)
        assert (await org.paged(incident), w.sink.got) == (set(), [])
        await w.after(hours=6)
        assert {m["person"] for m in w.sink.got if m["title"].startswith(f"{incident.ref} is due today")} == {
            "Mara Lindqvist",
            "Jun Okafor",
        }
        assert await org.paged(incident) == set()


async def test_a_regression_pages_everyone_again(org: Org) -> None:
    incident = await org.declare(1)
    mara = await org.w.actor(org.w.mara)
    async with org.w.ctx.db.tx() as tx:
        await incidents.add_entry(tx, mara, incident.id, "mitigation", "Failed over", org.w.now)
        await incidents.set_phase(tx, mara, incident.id, Phase.MONITORING, org.w.now)
    await org.w.after(minutes=5)
    org.w.sink.got.clear()
    async with org.w.ctx.db.tx() as tx:
        await incidents.set_phase(
            tx, mara, incident.id, Phase.MITIGATING, org.w.now, reason="Errors are back", force=True
        )
    await org.w.settle()
    assert sorted(m["person"] for m in org.w.sink.got if m["event"] == "page") == [
        "Mara Lindqvist",
        "Rosa Vidal",
    ]


async def test_a_group_that_no_one_can_reach_alarms_the_fallback_responders(org: Org) -> None:
    async with org.w.ctx.db.tx() as tx:
        await people.update_person(tx, SYSTEM, org.rosa, active=False, now=org.w.now)
    incident = await org.declare(1)
    assert await org.paged(incident) == {"Mara"}
    assert "Mara" in org.asked("Page commander failed")
