"""Reminders reach the commander and the responsible person before and at the due time, once each."""

from datetime import datetime, timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import Incident, IncidentRole, IncidentType
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from firebell.regulatory import actions
from firebell.regulatory.model import Answer, RegimeSettings
from firebell.regulatory.regimes.files import catalog
from tests.world import World, world

ONLY = "eu-gdpr"


async def organized(
    w: World, *, commander: int | None, responsible: int | None, severity: int = 2
) -> Incident:
    """Declare an incident at an organization to which only the GDPR applies, with its clocks undecided."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        for regime in catalog().regimes:
            await actions.set_regime(tx, mara, regime, RegimeSettings(is_on=regime == ONLY), w.now)
        await actions.set_responsible(tx, mara, responsible, w.now)
        incident = await incidents.declare(tx, mara, title="Data copied", severity=severity, now=w.now)
        if commander:
            await incidents.take_role(tx, mara, incident.id, IncidentRole.COMMANDER, commander, w.now)
    await w.settle()
    w.sink.got.clear()
    return incident


async def record(
    w: World, incident: Incident, fact: str, *, effective_at: datetime | None = None, reason: str = ""
) -> None:
    """Record a yes as Mara."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await actions.record_fact(
            tx, mara, incident.id, fact, Answer.YES, w.now, effective_at=effective_at, reason=reason
        )
    await w.settle()


def reminded(w: World) -> list[tuple[str, str]]:
    """Return (person, urgency) of each reminder since the last call, in order."""
    got = [(m["person"], m["urgency"]) for m in w.sink.got if m["event"].startswith("regulatory")]
    w.sink.got.clear()
    return got


async def passes(w: World, hours: float) -> None:
    """Let time pass in one step: nothing else is due in it."""
    w.clock.advance(timedelta(hours=hours))
    await w.settle()


async def test_the_commander_and_the_responsible_person_are_reminded_before_and_at_the_end(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        incident = await organized(w, commander=w.mara, responsible=w.jun)
        both = ["Jun Okafor", "Mara Lindqvist"]
        await record(w, incident, "personal_data")
        assert sorted(reminded(w)) == [(name, "low") for name in both]
        for hours, urgency in [(36, "low"), (18, "high"), (10.8, "high"), (6.2, "high"), (1, "high")]:
            await passes(w, hours)
            assert sorted(reminded(w)) == [(name, urgency) for name in both], hours
        await passes(w, 100)
        assert reminded(w) == []
        async with w.ctx.db.tx() as tx:
            texts = [e.data for e in await incidents.timeline(tx, incident.id) if e.kind == "regulatory"]
        assert [data["fact"] for data in texts] == ["personal_data", "GDPR-33"]


async def test_a_submission_ends_the_reminders_and_a_worker_that_was_down_sends_one_message(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        incident = await organized(w, commander=w.mara, responsible=None)
        await record(w, incident, "personal_data")
        reminded(w)
        await passes(w, 71.5)
        assert reminded(w) == [("Mara Lindqvist", "high")]
        await record(w, incident, "submitted:GDPR-33", reason="Online form")
        await passes(w, 100)
        assert reminded(w) == []


async def test_a_late_record_reminds_at_once_and_a_corrected_fact_reminds_anew(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        incident = await organized(w, commander=w.mara, responsible=None)
        await passes(w, 60)
        reminded(w)
        await record(w, incident, "personal_data")
        assert len(reminded(w)) == 1
        w.clock.advance(timedelta(minutes=1))
        later = incident.detected_at + timedelta(hours=50)
        await record(w, incident, "aware", effective_at=later, reason="Certain only then")
        assert len(reminded(w)) == 1
        await passes(w, 13)
        assert reminded(w) == []
        await passes(w, 13)
        assert len(reminded(w)) == 1


async def test_without_commander_and_responsible_person_the_fallback_responders_are_reminded(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        incident = await organized(w, commander=None, responsible=w.jun)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await people.set_fallback_responders(tx, mara, [w.mara], w.now)
            await people.update_person(tx, mara, w.jun, active=False, now=w.now)
        await record(w, incident, "personal_data")
        assert {name for name, _ in reminded(w)} == {"Mara Lindqvist"}


async def test_bug_the_fallback_responders_were_told_of_the_data_breach_in_a_private_incident(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        incident = await organized(w, commander=None, responsible=None)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await people.set_fallback_responders(tx, mara, [w.jun], w.now)
            await incidents.set_type(tx, mara, incident.id, IncidentType.SECURITY, w.now, private=True)
        await record(w, incident, "personal_data")
        assert {name for name, _ in reminded(w)} == {"Mara Lindqvist"}


async def test_undecided_clocks_of_a_minor_incident_disturb_no_one(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await organized(w, commander=w.mara, responsible=None, severity=2)
        await passes(w, 100)
        assert reminded(w) == []


async def test_undecided_clocks_of_a_sev0_ask_for_a_decision_at_half_time(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await organized(w, commander=w.mara, responsible=None, severity=0)
        w.clock.advance(timedelta(hours=36))
        await w.settle()
        assert {name for name, _ in reminded(w)} == {"Mara Lindqvist"}
        await passes(w, 40)
        assert reminded(w) == []


async def test_a_reminder_says_what_is_due_in_both_time_zones(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        incident = await organized(w, commander=w.mara, responsible=None)
        await record(w, incident, "personal_data")
        (message,) = [m for m in w.sink.got if m["event"].startswith("regulatory")]
        assert f"/incidents/{incident.ref}/clocks" in message["note"]
        due = incident.detected_at + timedelta(hours=72)
        assert f"{due:%Y-%m-%d %H:%M} UTC" in message["note"]
