"""Story: the author of a post-mortem is reminded until it is published, and a late one is a finding."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.findings import FindingLevel
from firebell.kit.jobs import timers
from firebell.kit.process_pool import DOCUMENTS
from firebell.metrics.facts import projection
from firebell.metrics.learning_loop import queries as learning_loop
from firebell.people import actions as people
from firebell.postmortems import actions as postmortems
from firebell.postmortems.actions import NewAction
from firebell.postmortems.checks import queries as checks
from firebell.postmortems.document.sections import by_slug, split
from firebell.postmortems.near_misses import actions as near_misses
from firebell.postmortems.near_misses.model import NearMissReport
from firebell.postmortems.postmortem_list import store as list_store
from firebell.postmortems.progress import reminder_messages
from firebell.readiness import store as readiness_store
from tests.postmortem_steps import PUBLISHABLE, agreed, published
from tests.rules.test_postmortem_checks import COMPLETE, WHYS
from tests.world import World, world


async def closed(w: World, severity: int = 1) -> int:
    """Declare and close an incident with Mara as commander; return its id."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            tx,
            mara,
            title="Card payments fail",
            severity=severity,
            service_ids=[w.service],
            commander_id=w.mara,
            now=w.now,
        )
        await incidents.add_entry(tx, mara, incident.id, "mitigation", "Rolled build 4812 back", w.now)
        await incidents.set_phase(tx, mara, incident.id, Phase.MONITORING, w.now)
    await w.after(minutes=31)
    async with w.ctx.db.tx() as tx:
        await incidents.set_phase(tx, mara, incident.id, Phase.CLOSED, w.now, reason="Stable", force=True)
    await w.settle()
    return incident.id


def reminded(w: World) -> list[tuple[str, str]]:
    """Return the title and the urgency of each reminder that arrived."""
    return [
        (got["title"].partition(": ")[2].split()[0], got["urgency"])
        for got in w.sink.got
        if got["event"] == "postmortem"
    ]


async def codes(w: World, incident_id: int) -> set[tuple[str, FindingLevel]]:
    """Return the codes and levels of the findings about the post-mortem now."""
    async with w.ctx.db.tx() as tx:
        incident = await incidents.incident(tx, incident_id)
        findings = await checks.load_findings(tx, [incident], {}, w.now)
    return {(finding.code, finding.level) for finding in findings[incident_id]}


async def test_the_author_is_reminded_until_it_is_published(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    # a busy machine reads the document later than a reminder waits for it
    monkeypatch.setattr(reminder_messages, "READING_LIMIT_S", 60.0)
    async with world(dsn, clock) as w:
        incident_id = await closed(w)
        assert (reminded(w), await codes(w, incident_id)) == ([], set())
        await w.after(hours=25)
        assert ("P-SKIPPED", FindingLevel.WARNING) in await codes(w, incident_id)
        await w.after(hours=20)
        assert ("due", "high") in reminded(w)
        latest = [got for got in w.sink.got if got["event"] == "postmortem"][-1]
        assert "step 1 of 7" in latest["note"], "a reminder says what is next"
        finding_codes = {code for code, _ in await codes(w, incident_id)}
        assert {"P-SECTIONS", "P-ACTIONS", "P-WHYS", "P-SKIPPED"} <= finding_codes
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            version = (await postmortems.of_incident(tx, incident_id)).version
            await postmortems.save(tx, mara, incident_id, COMPLETE, version, w.now)
        assert await codes(w, incident_id) == set()
        before = len(reminded(w))
        async with w.ctx.db.tx() as tx:
            await published(tx, w, incident_id)
        await w.after(hours=24 * 9)
        assert len(reminded(w)) == before
        assert await codes(w, incident_id) == set()


async def test_from_closing_to_published_within_48_hours(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        incident_id = await closed(w)
        closed_at, mara, jun = w.now, await w.actor(w.mara), await w.actor(w.jun)
        sections = {
            "summary": "Card payments failed, and a rollback ended it [t:1].",
            "impact": "1,200 payments failed [p:1].",
            "timeline": "{{timeline}}",
            "root-cause": WHYS.replace(" -> ACT-8", "").replace(" -> ACT-9", ""),
            "what-went-well": "- The alert came before the first report.",
            "what-went-wrong": "- The dashboard was green.",
            "action-items": "{{actions}}",
        }
        for number, (slug, text) in enumerate(sections.items()):
            await w.after(hours=4)
            async with w.ctx.db.tx() as tx:
                document = await postmortems.of_incident(tx, incident_id)
                part = by_slug(split(document.body), slug)
                assert part, slug
                await postmortems.save_section(
                    tx,
                    jun if number % 2 else mara,
                    incident_id,
                    slug,
                    text,
                    document.version,
                    part.hash,
                    w.now,
                )
        assert {code for code, level in await codes(w, incident_id) if level is FindingLevel.ERROR} == set()
        await w.after(hours=6)
        for root in ("nothing limits the pool", "no alert watches it"):
            async with w.ctx.db.tx() as tx:
                new = NewAction(f"Change it: {root}", root, root, owner_id=w.jun)
                await postmortems.add_action(tx, mara, incident_id, new, w.now)
        await w.after(hours=8)
        async with w.ctx.db.tx() as tx:
            document = await postmortems.of_incident(tx, incident_id)
            assert document.body.count("-> ACT-") == 2
            assert await postmortems.placeholders(tx, document) == []
            # Mara and Jun wrote it, so a third person approves it
            priya = await people.create_person(
                tx, SYSTEM, name="Priya", email="priya@example.com", role="responder", tz="UTC", now=w.now
            )
        async with w.ctx.db.tx() as tx:
            await agreed(tx, w, incident_id, priya.id)
            await postmortems.publish(tx, mara, incident_id, w.now)
            document = await postmortems.of_incident(tx, incident_id)
            incident = await incidents.incident(tx, incident_id)
        assert (document.state, incident.phase) == ("published", Phase.REVIEWED)
        assert document.published_at
        assert document.published_at - closed_at <= timedelta(hours=48)
        assert "{{" not in document.body
        assert "Change it: nothing limits the pool | nothing limits the pool | Jun Okafor |" in document.body
        sent = len(reminded(w))
        await w.after(hours=24 * 8)
        assert len(reminded(w)) == sent, "no one is reminded of what is published"
        assert await codes(w, incident_id) == set()


async def test_a_late_one_reaches_the_managers_and_stays_a_finding(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        incident_id = await closed(w)
        await w.after(hours=49)
        assert ("overdue", "high") in reminded(w)
        assert ("P-SKIPPED", FindingLevel.ERROR) in await codes(w, incident_id)
        await w.after(hours=24 * 12)
        last = len(reminded(w))
        await w.after(hours=24 * 5)
        assert len(reminded(w)) == last
        async with w.ctx.db.tx() as tx:
            await published(tx, w, incident_id)
        assert await codes(w, incident_id) == {("P-SKIPPED", FindingLevel.ERROR)}


async def test_a_correction_weeks_later_makes_no_one_late(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        incident_id = await closed(w)
        await w.after(hours=20)
        in_time = w.now
        async with w.ctx.db.tx() as tx:
            await published(tx, w, incident_id)
        await w.after(hours=24 * 20)
        since = w.now - timedelta(days=30)
        async with w.ctx.db.tx() as tx:
            await published(tx, w, incident_id, f"{PUBLISHABLE}\nThe link to the graph is mended.\n")
        assert await codes(w, incident_id) == set()
        async with w.ctx.db.tx() as tx:
            await projection.project_incidents(tx, [incident_id])
            fact = await tx.value(
                "select postmortem_published_at from incident_fact where id = $1", incident_id
            )
            assert fact == in_time
            assert await list_store.on_time(tx, since, []) == (1, 1)
            assert [one.published_at for one in await readiness_store.closed_severe(tx, since, [1])] == [
                in_time
            ]
            loop = await learning_loop.loop_of(tx, incident_id, w.now)
        assert loop.published_after == timedelta(hours=20)


async def test_the_time_begins_again_when_the_incident_is_closed_again(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        incident_id = await closed(w)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            due = (await postmortems.of_incident(tx, incident_id)).due_at
            await incidents.set_phase(tx, mara, incident_id, Phase.INVESTIGATING, w.now, reason="It is back")
        # in one step: an open incident has something to do in each minute
        w.clock.advance(timedelta(hours=60))
        await w.settle()
        assert reminded(w) == []
        async with w.ctx.db.tx() as tx:
            await incidents.set_phase(tx, mara, incident_id, Phase.MONITORING, w.now)
            await incidents.set_phase(tx, mara, incident_id, Phase.CLOSED, w.now, reason="Stable", force=True)
        again = w.now
        await w.settle()
        async with w.ctx.db.tx() as tx:
            renewed = (await postmortems.of_incident(tx, incident_id)).due_at
        assert due < renewed == again + timedelta(hours=48)
        assert await codes(w, incident_id) == set()


async def test_a_new_author_is_told_and_reminded(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        incident_id = await closed(w)
        mara = await w.actor(w.mara)
        for _ in range(2):
            async with w.ctx.db.tx() as tx:
                await postmortems.assign_author(tx, mara, incident_id, w.jun, w.now)
        await w.settle()
        assert len(reminded(w)) == 1
        async with w.ctx.db.tx() as tx:
            assert (await postmortems.of_incident(tx, incident_id)).author_id == w.jun
            priya = await people.create_person(
                tx, SYSTEM, name="Priya", email="priya@example.com", role="responder", tz="UTC", now=w.now
            )
            await people.update_person(tx, SYSTEM, priya.id, active=False, now=w.now)
            with pytest.raises(Invalid, match="left"):
                await postmortems.assign_author(tx, mara, incident_id, priya.id, w.now)
            await published(tx, w, incident_id)
            with pytest.raises(Conflict):
                await postmortems.assign_author(tx, mara, incident_id, w.mara, w.now)


async def test_a_document_that_is_not_read_in_time_holds_up_no_page(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reminder is composed with the pages that were claimed with it, and says no step."""

    async def hang(*_: object) -> bytes:
        await asyncio.Event().wait()
        return b""

    async with world(dsn, clock) as w:
        incident_id = await closed(w)
        monkeypatch.setattr(DOCUMENTS, "call", hang)
        monkeypatch.setattr(reminder_messages, "READING_LIMIT_S", 0.05)
        async with w.ctx.db.tx() as tx:
            await postmortems.assign_author(tx, await w.actor(w.mara), incident_id, w.jun, w.now)
        async with asyncio.timeout(20):
            await w.settle()
        assert len(reminded(w)) == 1
        assert "step" not in w.sink.got[-1]["note"]


async def test_one_that_was_asked_for_is_due_in_a_week(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        incident_id = await closed(w, severity=2)
        assert await codes(w, incident_id) == set()
        async with w.ctx.db.tx() as tx:
            await postmortems.start(tx, await w.actor(w.mara), incident_id, w.now)
            document = await postmortems.of_incident(tx, incident_id)
            closed_at = (await incidents.incident(tx, incident_id)).closed_at
        assert closed_at
        assert document.due_at == closed_at + timedelta(days=7)
        await w.after(hours=50)
        assert (reminded(w), await codes(w, incident_id)) == ([], set())


async def _days(w: World, days: int) -> None:
    """Let days pass at once, in working hours, and run what is due after each."""
    for _ in range(days):
        w.clock.advance(timedelta(days=1))
        await w.settle()


async def test_a_near_miss_is_not_forgotten_either(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        report = NearMissReport("Empty backups", "Lost days.", "Luck.", 0, w.now, service_ids=(w.service,))
        jun = await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            named = await near_misses.report_near_miss(tx, jun, report, w.now)
            unnamed = await near_misses.report_near_miss(tx, jun, report, w.now, unnamed=True)
        await w.settle()
        assert reminded(w) == []
        await _days(w, 6)

        def recipients(ref: str) -> set[str]:
            return {got["person"] for got in w.sink.got if got["title"].startswith(f"Near miss {ref}: ")}

        # one without a name goes to the manager of the service's team, never to its reporter
        assert (recipients(named.ref), recipients(unnamed.ref)) == ({"Jun Okafor"}, {"Mara Lindqvist"})
        # nothing is on fire, so no reminder of it rings at night
        assert {urgency for _, urgency in reminded(w)} == {"low"}
        async with w.ctx.db.tx() as tx:
            learned = replace(report, lessons="Restore one each week.")
            await near_misses.edit_near_miss(tx, jun, named.id, learned, named.version, w.now)
            await near_misses.publish_near_miss(tx, jun, named.id, w.now)
        w.sink.got.clear()
        await _days(w, 8)
        assert (recipients(named.ref), bool(recipients(unnamed.ref))) == (set(), True)
        async with w.ctx.db.tx() as tx:
            assert str(unnamed.postmortem_id) not in await timers.due_times(tx, "postmortems.remind")
