"""Runs on a real database: two people, a terminal that comes late, twice or never, and private incidents."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from firebell.incidents import actions as incidents
from firebell.kit import private_reader
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.runbooks import actions as library
from firebell.runbooks.runs import actions, event_store, queries, store
from firebell.runbooks.runs.model import (
    RunbookRun,
    RunEvent,
    RunEventKind,
    RunState,
    RunStepState,
    StepKey,
    StepOutput,
)
from firebell.runbooks.runs.steps_from_text import sha256_of
from tests.world import World, world

K, S = RunEventKind, RunStepState
TEXT = """# Search is slow

## Prerequisites

- You are on `search-1`.

## Steps

### 1. Restart

```bash undo=back
restart
```

### 2. Wait

Five minutes.

## Verification

- It is fast.

## Rollback

```bash id=back
go-back
```

## Owner

Payments
"""
SLUG = "search-is-slow"
CLIENT = "9b2f7a52-0c3b-4f0e-9d5d-6f1c7a0b8e11"
PREPARE, FIRST, SECOND, CHECK = ("Prerequisites", 1), ("Steps", 1), ("Steps", 2), ("Verification", 1)
UNDO = ("Rollback", 1)


async def write(w: World, body: str = TEXT) -> None:
    """Save the runbook."""
    async with w.ctx.db.tx() as tx:
        await library.save(tx, await w.actor(w.mara), SLUG, body, w.now)


async def start(w: World, person: int, **more: Any) -> RunbookRun:
    """Start a run in the browser."""
    actor = await w.actor(person)
    async with w.ctx.db.tx() as tx:
        return await actions.start(tx, actor, SLUG, w.now, **more)


async def report(w: World, **more: Any) -> RunbookRun:
    """Report a run of Mara's terminal."""
    actor = await w.actor(w.mara)
    reported = actions.ReportedRun(**{"client_id": CLIENT, "slug": SLUG, "sha256": sha256_of(TEXT), **more})
    async with w.ctx.db.tx() as tx:
        return await actions.report_run(tx, actor, reported, w.now)


def event(seq: int, kind: RunEventKind, key: StepKey = ("", 0), **more: Any) -> RunEvent:
    """Return an event of a terminal."""
    return RunEvent(seq=seq, kind=kind, by="", part=key[0], position=key[1], **more)


async def send(w: World, run: RunbookRun, *events: RunEvent, **outputs: StepOutput) -> RunbookRun:
    """Send events of Mara's terminal, with outputs by `e` and number."""
    actor = await w.actor(w.mara)
    by_seq = {int(name[1:]): output for name, output in outputs.items()}
    async with w.ctx.db.tx() as tx:
        return await actions.report_events(tx, actor, run.id, events, by_seq, w.now)


async def change(
    w: World, person: int, run: RunbookRun, key: StepKey, kind: RunEventKind, version: int, reason: str = ""
) -> RunbookRun:
    """Change a step in the browser."""
    actor = await w.actor(person)
    async with w.ctx.db.tx() as tx:
        return await actions.change_step(tx, actor, run.id, key, kind, version, w.now, reason=reason)


async def details(w: World, run: RunbookRun) -> queries.RunDetails:
    """Return a run as its screen shows it."""
    async with w.ctx.db.tx() as tx:
        return await queries.details(tx, run.id)


async def states(w: World, run: RunbookRun) -> list[str]:
    """Return the states of the steps."""
    return [str(step.state) for step in (await details(w, run)).steps]


async def incident_of(w: World, severity: int = 1, title: str = "Search is slow", **more: Any) -> int:
    """Declare an incident and return its id."""
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        declared = await incidents.declare(tx, actor, title=title, severity=severity, now=w.now, **more)
    return declared.id


async def story(w: World, incident_id: int) -> list[str]:
    """Return the entries that runs wrote on a timeline."""
    await w.settle()
    async with w.ctx.db.tx() as tx:
        return [e.text for e in await incidents.timeline(tx, incident_id) if e.kind == "runbook"]


def events_of_a_success(w: World) -> list[RunEvent]:
    """Return the journal of a run in which everything went well."""
    at = w.now
    return [
        event(1, K.STEP_DONE, PREPARE, at=at),
        event(2, K.STEP_STARTED, FIRST, at=at),
        event(3, K.STEP_DONE, FIRST, at=at, exit=0, ms=4000),
        event(4, K.STEP_SKIPPED, SECOND, at=at, reason="not needed"),
        event(5, K.STEP_DONE, CHECK, at=at, exit=0),
        event(6, K.RUN_SUCCEEDED, at=at),
    ]


async def test_two_people_work_through_one_run_and_the_second_hears_who_was_first(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        incident_id = await incident_of(w)
        run = await start(w, w.mara, incident_id=incident_id)
        assert (await start(w, w.jun, incident_id=incident_id)).id == run.id
        assert (run.version, run.sha256, run.title) == (1, sha256_of(TEXT), "Search is slow")
        with pytest.raises(Conflict, match="comes first"):
            await change(w, w.jun, run, FIRST, K.STEP_DONE, 0)
        await change(w, w.jun, run, PREPARE, K.STEP_DONE, 0)
        clock.advance(timedelta(seconds=4))
        with pytest.raises(Conflict, match=r"Jun Okafor changed this step 4 s ago"):
            await change(w, w.mara, run, PREPARE, K.STEP_SKIPPED, 0, "not needed")
        both = await asyncio.gather(
            change(w, w.jun, run, FIRST, K.STEP_STARTED, 0),
            change(w, w.mara, run, FIRST, K.STEP_STARTED, 0),
            return_exceptions=True,
        )
        assert sorted(type(each).__name__ for each in both) == ["Conflict", "RunbookRun"]
        assert await states(w, run) == ["done", "running", "pending", "pending", "pending"]


async def test_a_run_in_the_browser_fails_is_tried_again_and_succeeds(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        incident_id = await incident_of(w)
        earlier = await report(w)
        await send(w, earlier, *events_of_a_success(w))
        run = await start(w, w.mara, incident_id=incident_id)
        await change(w, w.mara, run, PREPARE, K.STEP_DONE, 0)
        await change(w, w.mara, run, FIRST, K.STEP_FAILED, 0, "it hangs")
        with pytest.raises(Invalid) as missing:
            await change(w, w.mara, run, FIRST, K.STEP_DONE, 1)
        assert "reason" in missing.value.fields
        await change(w, w.mara, run, FIRST, K.STEP_STARTED, 1)
        clock.advance(timedelta(minutes=12))
        await change(w, w.mara, run, FIRST, K.STEP_DONE, 2)
        with pytest.raises(Conflict):
            await change(w, w.mara, run, FIRST, K.STEP_FAILED, 3, "too late")
        await change(w, w.jun, run, SECOND, K.STEP_DONE, 0)
        run = await change(w, w.jun, run, CHECK, K.STEP_SKIPPED, 0, "no metrics")
        assert run.state is RunState.SUCCEEDED
        shown = await details(w, run)
        assert [f.code for f in shown.findings] == ["R-UNVERIFIED"]
        assert (shown.usual_s, shown.current, shown.settled) == (0, None, 4)
        with pytest.raises(Conflict, match="has ended"):
            await change(w, w.mara, run, CHECK, K.STEP_DONE, 1, "now checked")
        assert await story(w, incident_id) == [
            "began the runbook Search is slow (RUN-2)",
            "tried step 1 of RUN-2, Restart, which failed: it hangs",
            "finished step 1 of RUN-2, Restart",
            "finished step 2 of RUN-2, Wait",
            "skipped verification of RUN-2, It is fast.: no metrics",
            "finished RUN-2, Search is slow, after 12 min (usually 0 seconds)",
        ]


async def test_a_journal_can_arrive_backwards_twice_and_in_parts(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        run = await report(w, variables={"HOST": "search-1", "TOKEN": None}, client="firebell 1.0")
        journal = events_of_a_success(w)
        clock.advance(timedelta(minutes=3))
        for part in (journal[4:], journal[2:5], journal[2:]):
            run = await send(w, run, *part)
            assert (run.last_seq, run.state) == (0, RunState.RUNNING)
        run = await send(w, run, *reversed(journal[:3]), e3=StepOutput("out", "", 1))
        assert (run.last_seq, run.state, run.ended_at) == (6, RunState.SUCCEEDED, journal[-1].at)
        assert await states(w, run) == ["done", "done", "skipped", "done", "pending"]
        assert await send(w, run, *journal) == run
        shown = await details(w, run)
        assert dict(shown.run.variables) == {"HOST": "search-1", "TOKEN": None}
        async with w.ctx.db.tx() as tx:
            assert len(await event_store.events(tx, run.id)) == len(journal)


async def test_a_terminal_creates_its_run_once_and_brings_a_text_that_the_library_lacks(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        first, second = await asyncio.gather(report(w), report(w))
        assert first.id == second.id
        other = TEXT.replace("Five", "Six")
        with pytest.raises(Conflict, match="does not have this text"):
            await report(w, client_id=CLIENT.replace("9b", "9c"), sha256=sha256_of(other))
        with pytest.raises(Invalid):
            await report(w, client_id=CLIENT.replace("9b", "9c"), sha256=sha256_of(TEXT + "x"), body=other)
        mine = await report(
            w, client_id=CLIENT.replace("9b", "9c"), sha256=sha256_of(other), body=other, slug="from-a-file"
        )
        assert (mine.version, mine.slug) == (None, "from-a-file")
        with pytest.raises(Conflict, match="client_id"):
            await report(w, sha256=sha256_of(other), body=other)
        for wrong in (
            {"client_id": "no"},
            {"slug": "Not A Slug"},
            {"sha256": sha256_of("# T\n"), "body": "# T\n"},
        ):
            with pytest.raises(Invalid):
                await report(w, **{"client_id": CLIENT.replace("9b", "9d"), **wrong})
        with pytest.raises(NotFound):
            await report(w, client_id=CLIENT.replace("9b", "9d"), incident_id=99)
        with pytest.raises(NotFound):
            await report(w, client_id=CLIENT.replace("9b", "9d"), page_id=99)
        await write(w, other)
        shown = await details(w, first)
        assert (shown.run.version, shown.newer_version) == (1, 2)
        async with w.ctx.db.tx() as tx:
            assert await queries.body_of(tx, first) == TEXT


async def test_what_a_terminal_may_not_send_changes_nothing(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        run, at = await report(w), w.now
        run = await send(w, run, event(1, K.STEP_DONE, PREPARE, at=at, exit=0))
        wrong = [
            event(2, K.RUN_LOST, at=at),
            event(2, K.STEP_DONE, ("Steps", 9), at=at),
            event(2, K.STEP_DONE, ("Stairs", 1), at=at),
            event(2, K.STEP_DONE, at=at),
            event(2, K.RUN_STOPPED, FIRST, at=at),
            event(2, K.STEP_SKIPPED, FIRST, at=at, reason=" x "),
        ]
        for each in wrong:
            with pytest.raises(Invalid):
                await send(w, run, each)
        with pytest.raises(Conflict, match="another terminal"):
            await send(w, run, event(1, K.STEP_FAILED, PREPARE, at=at, exit=1))
        with pytest.raises(Conflict, match="in a terminal"):
            await change(w, w.jun, run, FIRST, K.STEP_DONE, 0)
        assert (await send(w, run)).last_seq == 1
        async with w.ctx.db.tx() as tx:
            assert len(await event_store.events(tx, run.id)) == 1
        web = await start(w, w.jun)
        with pytest.raises(Conflict, match="in the browser"):
            await send(w, web, event(1, K.STEP_DONE, PREPARE, at=at))


async def test_a_silent_terminal_is_lost_returns_and_can_be_taken_over(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        incident_id = await incident_of(w)
        run = await report(w, incident_id=incident_id)
        await send(w, run, event(1, K.STEP_DONE, PREPARE, at=w.now, exit=0))
        await send(w, run, event(2, K.STEP_STARTED, FIRST, at=w.now))
        await w.after(minutes=10)
        await send(w, run)
        await w.after(minutes=14)
        assert (await details(w, run)).run.state is RunState.RUNNING
        with pytest.raises(Conflict, match="not lost"):
            async with w.ctx.db.tx() as tx:
                await actions.take_over(tx, await w.actor(w.jun), run.id, w.now)
        await w.after(minutes=2)
        assert (await details(w, run)).run.state is RunState.LOST
        assert (await states(w, run))[1] == "unknown"
        back = await send(w, run)
        assert back.state is RunState.RUNNING
        await w.after(minutes=16)
        async with w.ctx.db.tx() as tx:
            taken = await actions.take_over(tx, await w.actor(w.jun), run.id, w.now)
        assert (taken.state, taken.is_taken_over) == (RunState.RUNNING, True)
        with pytest.raises(Invalid):
            await change(w, w.jun, run, FIRST, K.STEP_DONE, 2)
        version = (await details(w, run)).steps[1].version
        await change(w, w.jun, run, FIRST, K.STEP_DONE, version, "it is restarted")
        answer = await send(w, run, event(3, K.STEP_DONE, SECOND, at=w.now, exit=0))
        assert answer.is_taken_over, "the terminal is told"
        await w.until(w.now + timedelta(hours=25), timedelta(hours=1))
        assert (await details(w, run)).run.state is RunState.LOST
        lost = [text for text in await story(w, incident_id) if text.startswith("Lost contact")]
        assert len(lost) == 3


async def test_a_rollback_undoes_what_was_done_and_a_failed_one_pages_the_owner(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        incident_id = await incident_of(w)
        ends = []
        for kind in (K.STEP_DONE, K.STEP_FAILED):
            run = await start(w, w.mara, incident_id=incident_id)
            await change(w, w.mara, run, PREPARE, K.STEP_DONE, 0)
            await change(w, w.mara, run, FIRST, K.STEP_DONE, 0)
            with pytest.raises(Conflict):
                await change(w, w.mara, run, UNDO, K.STEP_DONE, 0)
            async with w.ctx.db.tx() as tx:
                rolling = await actions.roll_back(tx, await w.actor(w.jun), run.id, w.now, reason="worse")
            assert (rolling.is_rolling_back, rolling.state) == (True, RunState.RUNNING)
            ends.append((await change(w, w.mara, run, UNDO, kind, 0, "result")).state)
        assert ends == [RunState.ROLLED_BACK, RunState.ROLLBACK_FAILED]
        await w.settle()
        assert [page.title for page in await w.pages() if "Rolling back" in page.title]
        assert "could not roll back RUN-2" in (await story(w, incident_id))[-1]


async def test_a_run_goes_on_in_the_incident_that_its_own_was_merged_into(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        first, into = await incident_of(w), await incident_of(w, title="Cards fail")
        run = await start(w, w.mara, incident_id=first)
        await w.settle()
        await change(w, w.mara, run, PREPARE, K.STEP_DONE, 0)
        # stored, and not yet on the timeline
        await change(w, w.mara, run, FIRST, K.STEP_FAILED, 0, "still slow")
        async with w.ctx.db.tx() as tx:
            await incidents.merge(tx, await w.actor(w.mara), first, into, w.now)
        assert [entry.partition(" ")[0] for entry in await story(w, into)] == ["tried"]
        assert [entry.partition(" ")[0] for entry in await story(w, first)] == ["began"]
        assert (await details(w, run)).run.incident_id == into
        twin = await start(w, w.jun, incident_id=into)
        assert twin.id == run.id, "the open run of the runbook goes on, no second one begins"
        await change(w, w.jun, run, FIRST, K.STEP_DONE, 1, "the other team restarted it")
        assert (await story(w, into))[-1].startswith("finished")
        async with w.ctx.db.tx() as tx:
            stored = await library.runbook(tx, SLUG)
            assert await library.last_exercised(tx, [stored]) == {}, "it has not ended"
        await change(w, w.jun, run, SECOND, K.STEP_DONE, 0)
        await change(w, w.jun, run, CHECK, K.STEP_DONE, 0)
        async with w.ctx.db.tx() as tx:
            assert await library.last_exercised(tx, [stored]) == {SLUG: w.now}
            url = f"https://firebell.example/runbooks/{SLUG}"
            (indexed,) = await library.index(tx, [url], "https://firebell.example")
        assert indexed.last_exercised == w.now, "pages rank what was exercised first"


async def test_stopping_ends_a_run_as_failed_only_if_a_step_failed(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        jun = await w.actor(w.jun)
        calm, bad = await start(w, w.mara), await start(w, w.jun)
        assert calm.id != bad.id
        await change(w, w.jun, bad, PREPARE, K.STEP_FAILED, 0)
        async with w.ctx.db.tx() as tx:
            stopped = [await actions.stop(tx, jun, r.id, w.now, reason="enough") for r in (calm, bad)]
            assert await actions.stop(tx, jun, calm.id, w.now) == await store.run(tx, calm.id)
        assert [r.state for r in stopped] == [RunState.STOPPED, RunState.FAILED]
        assert stopped[0].reason == "enough"


async def test_a_run_of_a_private_incident_is_seen_by_its_readers_only(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        incident_id = await incident_of(w, commander_id=w.mara, private=True)
        run = await start(w, w.mara, incident_id=incident_id)
        open_run = await start(w, w.mara)
        everything = [open_run.id, run.id]
        for person, visible in ((w.jun, [open_run.id]), (w.mara, everything), (None, everything)):
            async with w.ctx.db.tx() as tx:
                with private_reader.as_reader(person):
                    assert [r.id for r in await queries.runs(tx)] == visible
                    assert bool(await queries.runs(tx, incident_id=incident_id)) is (run.id in visible)
        jun: Actor = await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            with private_reader.as_reader(w.jun):
                for attempt in (
                    actions.change_step(tx, jun, run.id, PREPARE, K.STEP_DONE, 0, w.now),
                    actions.stop(tx, jun, run.id, w.now),
                    actions.roll_back(tx, jun, run.id, w.now),
                    actions.take_over(tx, jun, run.id, w.now),
                    actions.report_events(tx, jun, run.id, [], {}, w.now),
                    actions.start(tx, jun, SLUG, w.now, incident_id=incident_id),
                    queries.details(tx, run.id),
                ):
                    with pytest.raises(NotFound):
                        await attempt


async def test_outputs_are_deleted_after_their_time_and_the_run_stays(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await write(w)
        run = await report(w)
        await send(w, run, event(1, K.STEP_DONE, PREPARE, at=w.now, exit=0), e1=StepOutput("head", "tail", 2))
        assert (await details(w, run)).outputs == {PREPARE: StepOutput("head", "tail", 2)}
        async with w.ctx.db.tx() as tx:
            assert await event_store.delete_outputs(tx, w.now, 10) == 0
            assert await event_store.delete_outputs(tx, w.now + timedelta(seconds=1), 10) == 1
        assert (await details(w, run)).outputs == {}
        assert (await states(w, run))[0] == "done"
