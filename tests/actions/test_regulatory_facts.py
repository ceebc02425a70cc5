"""Facts are kept, corrected and decided by people; regimes and contracts decide which clocks run."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Forbidden, Invalid, NotFound
from firebell.people import actions as people
from firebell.regulatory import actions, queries, store
from firebell.regulatory.model import Answer, Clock, FactRecord, RegimeSettings, State
from tests.api.api_clients import TEST
from tests.world import World, world


@pytest.fixture
async def w(dsn: str, clock: FakeClock) -> AsyncIterator[World]:
    """The small organization."""
    async with world(dsn, clock) as small:
        yield small


async def declared(w: World, *, drill: bool = False, severity: int = 1) -> Incident:
    """Declare an incident as Mara."""
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        return await incidents.declare(
            tx, actor, title="Customer data copied", severity=severity, drill=drill, now=w.now
        )


async def record(
    w: World,
    incident: Incident,
    fact: str,
    answer: Answer = Answer.YES,
    actor: Actor | None = None,
    effective_at: datetime | None = None,
    reason: str = "",
) -> FactRecord:
    """Record a fact as Mara."""
    actor = actor or await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        return await actions.record_fact(
            tx, actor, incident.id, fact, answer, w.now, effective_at=effective_at, reason=reason
        )


async def clocks(w: World, incident: Incident) -> dict[str, Clock]:
    """Return the clocks of an incident by obligation."""
    async with w.ctx.db.tx() as tx:
        (one,) = await queries.clocks_of(tx, [incident], w.now)
    return {clock.id: clock for clock in one.clocks}


async def test_a_recorded_fact_starts_its_clocks_and_stands_in_the_timeline(w: World) -> None:
    incident = await declared(w)
    assert (await clocks(w, incident))["GDPR-33"].state is State.UNDECIDED
    await record(w, incident, "personal_data")
    clock = (await clocks(w, incident))["GDPR-33"]
    assert (clock.state, clock.due_at) == (State.RUNNING, incident.detected_at + timedelta(hours=72))
    async with w.ctx.db.tx() as tx:
        entries = [e for e in await incidents.timeline(tx, incident.id) if e.kind == "regulatory"]
        audited = await tx.row("select actor_label, detail from audit where action = 'regulatory.fact'")
    assert [(e.actor, e.data["fact"], e.data["answer"]) for e in entries] == [
        ("Mara Lindqvist", "personal_data", "yes")
    ]
    assert audited
    assert (audited["actor_label"], audited["detail"]["fact"]) == ("Mara Lindqvist", "personal_data")


async def test_a_correction_keeps_the_earlier_record_and_needs_a_reason(w: World) -> None:
    incident = await declared(w)
    w.clock.advance(timedelta(hours=5))
    await record(w, incident, "personal_data")
    await record(w, incident, "aware", effective_at=incident.detected_at)
    later = incident.detected_at + timedelta(hours=3)
    with pytest.raises(Invalid) as refused:
        await record(w, incident, "aware", effective_at=later)
    assert list(refused.value.fields) == ["reason"]
    corrected = await record(
        w, incident, "aware", effective_at=later, reason="The first alert was another outage"
    )
    again = await record(w, incident, "aware", effective_at=later, reason="twice")
    assert again.id == corrected.id
    async with w.ctx.db.tx() as tx:
        records = (await store.facts(tx, [incident.id]))[incident.id]
    assert [r.effective_at for r in records if r.fact == "aware"] == [incident.detected_at, later]
    clock = (await clocks(w, incident))["GDPR-33"]
    assert (clock.due_at, clock.earlier_due_at) == (
        later + timedelta(hours=72),
        incident.detected_at + timedelta(hours=72),
    )


@pytest.mark.parametrize(
    ("fact", "answer", "reason", "field"),
    [
        ("nonsense", Answer.YES, "", "fact"),
        ("detected", Answer.YES, "", "fact"),
        ("personal_data", Answer.NO, "", "reason"),
        ("aware", Answer.NO, "x", "answer"),
        ("stopped:GDPR-33", Answer.YES, "", "reason"),
    ],
)
async def test_what_cannot_be_recorded_is_refused_at_its_field(
    w: World, fact: str, answer: Answer, reason: str, field: str
) -> None:
    incident = await declared(w)
    with pytest.raises(Invalid) as refused:
        await record(w, incident, fact, answer, reason=reason)
    assert list(refused.value.fields) == [field]


async def test_no_fact_lies_in_the_future_and_no_obligation_is_invented(w: World) -> None:
    incident = await declared(w)
    with pytest.raises(Invalid) as refused:
        await record(w, incident, "aware", effective_at=w.now + timedelta(minutes=1))
    assert list(refused.value.fields) == ["at"]
    with pytest.raises(NotFound):
        await record(w, incident, "submitted:NOTHING-1")


async def test_a_drill_records_nothing_and_starts_no_clock(w: World) -> None:
    drill = await declared(w, drill=True)
    with pytest.raises(Conflict):
        await record(w, drill, "personal_data")
    async with w.ctx.db.tx() as tx:
        await store.add_fact(tx, drill.id, "personal_data", Answer.YES, w.now, "", None, "Test", w.now)
    assert await clocks(w, drill) == {}
    await w.after(hours=80)
    assert not [m for m in w.sink.got if m["event"].startswith("regulatory")]


async def test_a_viewer_records_nothing_and_a_responder_changes_no_regime(w: World) -> None:
    incident = await declared(w)
    async with w.ctx.db.tx() as tx:
        viewer = await people.create_person(
            tx, TEST, name="Vera", email="vera@example.org", role="viewer", tz="UTC", now=w.now
        )
    with pytest.raises(Forbidden):
        await record(w, incident, "personal_data", actor=await w.actor(viewer.id))
    async with w.ctx.db.tx() as tx:
        with pytest.raises(Forbidden):
            await actions.set_regime(tx, await w.actor(w.jun), "eu-gdpr", RegimeSettings(is_on=False), w.now)


async def test_a_regime_that_is_off_has_no_clocks_but_keeps_what_was_submitted(w: World) -> None:
    incident = await declared(w)
    await record(w, incident, "personal_data")
    await record(w, incident, "submitted:GDPR-33", reason="Online form")
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        for regime in ("eu-gdpr", "uk-gdpr"):
            await actions.set_regime(tx, mara, regime, RegimeSettings(is_on=False), w.now)
        on = RegimeSettings(is_on=True, authority="  CERT-In   desk ", tz="Asia/Kolkata")
        await actions.set_regime(tx, mara, "in-certin", on, w.now)
    listed = await clocks(w, incident)
    assert "UKGDPR-33" not in listed
    assert (listed["GDPR-33"].state, listed["CERTIN-6"].recipient) == (State.MET, "CERT-In desk")


async def test_the_own_authority_replaces_the_authority_and_no_other_recipient(w: World) -> None:
    incident = await declared(w)
    async with w.ctx.db.tx() as tx:
        own = RegimeSettings(is_on=True, authority="Berlin DPA")
        await actions.set_regime(tx, await w.actor(w.mara), "eu-gdpr", own, w.now)
    await record(w, incident, "personal_data")
    listed = await clocks(w, incident)
    assert (listed["GDPR-33"].recipient, listed["GDPR-33P"].recipient) == ("Berlin DPA", "Controllers")


async def test_a_contract_starts_at_its_severity_and_also_when_that_is_raised_to(w: World) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        contract = await actions.add_contract(
            tx,
            mara,
            customer="Nordpost",
            clause="§ 7.2",
            amount=1,
            unit="hours",
            starts_on="declared",
            max_severity=1,
            tz="Europe/Oslo",
            now=w.now,
        )
    major, minor = await declared(w), await _other(w)
    await w.settle()
    clock = (await clocks(w, major))[contract.obligation_id]
    assert (clock.state, clock.due_at) == (State.RUNNING, major.declared_at + timedelta(hours=1))
    assert contract.obligation_id not in await clocks(w, minor)
    w.clock.advance(timedelta(minutes=20))
    async with w.ctx.db.tx() as tx:
        await incidents.set_severity(tx, mara, minor.id, 1, "", w.now)
    await w.settle()
    assert (await clocks(w, minor))[contract.obligation_id].due_at == minor.declared_at + timedelta(hours=1)
    await record(w, minor, contract.fact, Answer.NO, reason="Not a customer of this service")
    assert (await clocks(w, minor))[contract.obligation_id].state is State.NOT_APPLICABLE
    async with w.ctx.db.tx() as tx:
        await actions.end_contract(tx, mara, contract.id, w.now)
    assert (await clocks(w, major))[contract.obligation_id].state is State.RUNNING


async def _other(w: World) -> Incident:
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        return await incidents.declare(tx, actor, title="Slow search", severity=2, now=w.now)


async def test_the_register_has_what_runs_and_what_was_decided_not_to(w: World) -> None:
    incident = await declared(w)
    await record(w, incident, "personal_data", Answer.NO, reason="Only test data")
    async with w.ctx.db.tx() as tx:
        (one,) = await queries.register(tx, w.now)
    clock = next(clock for clock in one.clocks if clock.id == "GDPR-33")
    assert (clock.state, clock.excluded_by) == (State.NOT_APPLICABLE, "personal_data")


async def test_what_was_submitted_for_the_other_incident_is_not_overdue_at_the_merged_one(w: World) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        contract = await actions.add_contract(
            *(tx, mara),
            customer="Nordpost",
            clause="§ 7.2",
            amount=24,
            unit="hours",
            starts_on="declared",
            max_severity=1,
            tz="Europe/Oslo",
            now=w.now,
        )
    merged = await declared(w)
    w.clock.advance(timedelta(hours=1))
    into = await declared(w)
    await w.settle()
    await record(w, merged, "personal_data")
    async with w.ctx.db.tx() as tx:
        await incidents.merge(tx, mara, merged.id, into.id, w.now)
    await w.settle()
    assert (await clocks(w, into))["GDPR-33"].state is State.RUNNING
    await record(w, into, "submitted:GDPR-33")
    w.clock.advance(timedelta(hours=73))
    await w.settle()
    assert (await clocks(w, into))["GDPR-33"].state is State.MET
    assert (await clocks(w, merged))["GDPR-33"].state is State.STOPPED
    # its declaration was earlier, so this one is due before that of the other incident
    assert (await clocks(w, merged))[contract.obligation_id].state is State.OVERDUE


async def test_a_clock_that_was_stopped_at_the_other_incident_still_runs_at_the_merged_one(w: World) -> None:
    mara = await w.actor(w.mara)
    merged = await declared(w)
    w.clock.advance(timedelta(hours=1))
    into = await declared(w)
    await record(w, merged, "personal_data")
    await record(w, into, "stopped:GDPR-33", reason="No personal data in this one")
    async with w.ctx.db.tx() as tx:
        await incidents.merge(tx, mara, merged.id, into.id, w.now)
    await w.settle()
    assert (await clocks(w, into))["GDPR-33"].state is State.STOPPED
    assert (await clocks(w, merged))["GDPR-33"].state is State.RUNNING


async def test_a_clock_that_runs_at_the_other_incident_is_not_stopped_by_a_merge(w: World) -> None:
    mara = await w.actor(w.mara)
    merged = await declared(w)
    w.clock.advance(timedelta(hours=1))
    into = await declared(w)
    await record(w, merged, "stopped:GDPR-33", reason="No personal data in this one")
    await record(w, into, "personal_data")
    async with w.ctx.db.tx() as tx:
        await incidents.merge(tx, mara, merged.id, into.id, w.now)
    await w.settle()
    assert (await clocks(w, into))["GDPR-33"].state is State.RUNNING
