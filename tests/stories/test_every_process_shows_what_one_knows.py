"""Story: a worker in a process of its own cannot do its work, and the people who look at the web see it."""

import itertools
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from firebell import health_check
from firebell.channels.registry import CHANNELS
from firebell.kit import disk_space, process_health
from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from firebell.process import connected
from firebell.replies.answer_fetching import LEASE, AnswerFetcher
from firebell.replies.queries import ABANDONED_FOR, TAKEN_OVER_WITHIN
from firebell.self_watch import doctor_checks
from firebell.self_watch.process_finding_store import COUNTS_FOR
from firebell.self_watch.watcher import LOOK_INTERVAL, Watcher
from tests.api.api_clients import browser, sign_in
from tests.standins.channel_lab import Switch, providing
from tests.stories.test_pages_in_telegram_and_pushover import MatrixServer, matrix_settings
from tests.world import World, settings, world

UNREAD = "Answers in Matrix can’t be read."
STALLED = "The worker’s send lane is stalled."
ALWAYS_LATE_S = -1
"""A limit that a lane has always exceeded: the finding needs no real time to pass."""


class Worker:
    """A process that runs only a worker: its watcher, and the lane that fetches answers in Matrix."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self.watcher = Watcher(ctx)
        self.fetcher = AnswerFetcher(ctx, CHANNELS["matrix"])

    async def run(self) -> None:
        await self.fetcher.run_once(self.ctx.clock.now())
        await self.watcher.run_once(self.ctx.clock.now())

    async def stop(self) -> None:
        """Stop as an operator stops it; a process that is killed does nothing."""
        await self.fetcher.close()
        await self.watcher.close()


@dataclass(slots=True)
class Installation:
    """A process that serves the web and cannot use Matrix, and workers beside it."""

    w: World
    http: httpx.AsyncClient
    stack: AsyncExitStack
    workers: list[Worker] = field(default_factory=list)

    async def start(self, channel_settings: Mapping[str, str]) -> Worker:
        """Start a worker."""
        configured = settings(channel_settings=channel_settings)
        ctx = await self.stack.enter_async_context(connected(configured, self.w.ctx.db.dsn, self.w.clock))
        self.workers.append(Worker(ctx))
        return self.workers[-1]

    async def later(self, by: timedelta = LOOK_INTERVAL) -> None:
        """Let time pass and every process do its work, those that others know of first."""
        self.w.clock.advance(by)
        for worker in self.workers:
            await worker.run()
        await self.w.settle()

    async def notes(self) -> dict[str, Any]:
        """Return the notes of `/healthz` of the process that serves the web, which is healthy itself."""
        answer = await self.http.get("/healthz")
        assert answer.status_code == 200
        notes: dict[str, Any] = answer.json()["notes"]
        return notes

    async def shows(self, warning: str) -> bool:
        """Return True if a screen shows a warning; `firebell doctor` names it then and only then.

        The doctor fails if pages may be late because of it, and otherwise warns.
        """
        async with self.w.ctx.db.tx() as tx:
            results = await doctor_checks.check(tx, self.w.ctx.channel_settings, self.w.now)
        levels = [result.level for result in results if warning in result.text]
        assert set(levels) <= {"warn" if warning == UNREAD else "fail"}
        is_found = bool(levels)
        is_shown = warning in (await self.http.get("/services")).text
        assert is_found == is_shown
        return is_shown


@pytest.fixture
async def installation(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    monkeypatch.setattr(process_health, "FETCH_LIMIT_S", 0)
    monkeypatch.setattr(health_check, "REUSED_S", 0)
    async with AsyncExitStack() as stack:
        w = await stack.enter_async_context(world(dsn, clock))
        http = await stack.enter_async_context(browser(w))
        await sign_in(w, http, w.mara)
        yield Installation(w, http, stack)


async def test_every_process_shows_that_another_cannot_fetch_answers(installation: Installation) -> None:
    async with providing(MatrixServer().answer) as provider:
        worker = await installation.start(matrix_settings(provider.url))
        for _ in range(3):
            await installation.later()
        assert not await installation.shows(UNREAD)
        provider.switch = Switch.ERROR
        await installation.later()
        assert await installation.shows(UNREAD)
        assert "Nothing could be fetched" in (await installation.notes())["answers_matrix"]
        provider.switch = Switch.OK
        await installation.later()
        assert not await installation.shows(UNREAD)
        assert await installation.notes() == {}

        # the death of the process that fetches hides nothing, and what it knew goes
        provider.switch = Switch.ERROR
        await installation.later()
        installation.workers.remove(worker)
        await installation.later(COUNTS_FOR)
        assert await installation.shows(UNREAD)
        assert "No process has fetched anything" in (await installation.notes())["answers_matrix"]
        provider.switch = Switch.OK
        other = await installation.start(matrix_settings(provider.url))
        await installation.later()
        assert not await installation.shows(UNREAD)

        # an operator who stops it knows that no one fetches
        await other.stop()
        installation.workers.remove(other)
        await installation.later(LEASE + TAKEN_OVER_WITHIN)
        assert not await installation.shows(UNREAD)


async def test_a_channel_that_was_turned_off_after_a_crash_is_not_missed_forever(
    installation: Installation,
) -> None:
    async with providing(MatrixServer().answer) as provider:
        worker = await installation.start(matrix_settings(provider.url))
        await installation.later()
        installation.workers.remove(worker)
        await installation.later(LEASE)
        assert not await installation.shows(UNREAD), "another process may be about to take over"
        await installation.later(TAKEN_OVER_WITHIN)
        await installation.later()
        assert await installation.shows(UNREAD)
        await installation.later(ABANDONED_FOR)
        assert not await installation.shows(UNREAD)


async def test_every_process_shows_what_is_wrong_with_another_until_it_is_gone(
    installation: Installation,
) -> None:
    async def break_down() -> Worker:
        broken = installation.workers[-1]
        broken.ctx.health.watch("send", ALWAYS_LATE_S)
        for _ in range(3):
            await installation.later()
        assert await installation.shows(STALLED)
        assert "lane send" in await installation.notes()
        return broken

    await installation.start({})
    for _ in range(2):
        await installation.later()
    assert not await installation.shows(STALLED)
    worker = await break_down()
    worker.ctx.health.watch("send", 3600)
    worker.ctx.health.refused("The database is full.")
    await installation.later()
    assert not await installation.shows(STALLED)
    assert await installation.shows("Alerts can’t be stored.")
    assert "The database is full." in (await installation.notes())["inbound"]
    worker.ctx.health.stored()
    await installation.later()
    assert await installation.notes() == {}

    # stopped as an operator stops it
    stopped = await break_down()
    await stopped.stop()
    installation.workers.remove(stopped)
    await installation.later()
    assert not await installation.shows(STALLED)

    # killed
    await installation.start({})
    killed = await break_down()
    installation.workers.remove(killed)
    await installation.later()
    assert await installation.shows(STALLED)
    await installation.later(COUNTS_FOR)
    assert not await installation.shows(STALLED)


async def test_what_a_killed_process_knew_is_gone_after_the_clock_was_set_back(
    installation: Installation,
) -> None:
    killed = await installation.start({})
    killed.ctx.health.watch("send", ALWAYS_LATE_S)
    for _ in range(3):
        await installation.later()
    assert await installation.shows(STALLED)
    installation.workers.remove(killed)
    await installation.later(-timedelta(days=1))
    assert not await installation.shows(STALLED)
    await installation.later()
    await installation.later(timedelta(days=1) - LOOK_INTERVAL)
    assert not await installation.shows(STALLED), "the time at which it was killed comes again"


async def test_one_disk_that_every_process_measures_is_one_problem(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    free_mib = itertools.count(200, -1)
    monkeypatch.setattr(disk_space, "free_bytes", lambda folder: next(free_mib) * 2**20)
    for _ in range(2):
        worker = await installation.start({})
        worker.watcher = Watcher(replace(worker.ctx, data=tmp_path))
    for _ in range(4):
        await installation.later()
    assert await installation.shows("A disk is nearly full.")
    assert "more problem" not in (await installation.http.get("/services")).text
    note = (await installation.notes())["disk"]
    assert note.count("MiB are free in") == 3, "this process and both workers"


async def test_the_screen_that_the_warning_links_to_says_which_process_it_is_and_why(
    installation: Installation,
) -> None:
    worker = await installation.start({})
    worker.ctx.health.watch("send", ALWAYS_LATE_S)
    for _ in range(3):
        await installation.later()
    warning = (await installation.http.get("/services")).text.split(STALLED)[0]
    assert warning.endswith('<a class="title" href="/settings/health">')
    reason = f"On {socket.gethostname()}: Has not finished a round"
    assert reason in (await installation.http.get("/settings/health")).text
    [finding] = (await installation.http.get("/api/v1/health")).json()["processes"]
    assert (finding["name"], finding["message"], finding["delays_pages"]) == ("lane send", STALLED, True)
    assert finding["note"].startswith(reason)


async def test_a_lane_that_is_stalled_is_shown_while_alarms_cannot_be_stored(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = await installation.start({})
    for _ in range(2):
        await installation.later()

    async def fail(*_: object) -> None:
        raise LookupError

    worker.ctx.health.watch("send", ALWAYS_LATE_S)
    installation.w.clock.advance(LOOK_INTERVAL)
    with monkeypatch.context() as failing:
        failing.setattr("firebell.self_watch.actions.notice_problems", fail)
        with pytest.raises(LookupError):
            await worker.run()
    await installation.w.settle()
    assert await installation.shows(STALLED)


async def test_a_reason_that_cannot_be_stored_stops_no_heartbeat(installation: Installation) -> None:
    worker = await installation.start({})
    worker.ctx.health.refused("No space in /data/\udcff\0." + 1000 * " Full.")
    for _ in range(3):
        await installation.later()
    assert await installation.shows("Alerts can’t be stored.")
    assert "No space in /data/?. Full." in (await installation.notes())["inbound"]


async def test_a_process_without_problems_stores_nothing(installation: Installation) -> None:
    await installation.start({})
    for _ in range(3):
        await installation.later()
    async with installation.w.ctx.db.tx() as tx:
        assert await tx.value("select count(*) from process_finding") == 0
        # what a killed process knew is deleted at the end
        await tx.execute(
            """
            insert into process_finding (process_id, name, host, note, warning, delays_pages, noticed_at)
            values (gen_random_uuid(), 'disk', 'web-1', 'Full.', 'Full.', true, $1)
            """,
            installation.w.now - timedelta(hours=2),
        )
    await installation.later()
    async with installation.w.ctx.db.tx() as tx:
        assert await tx.value("select count(*) from process_finding") == 0
