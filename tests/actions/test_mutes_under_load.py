"""Mutes in the database: their locks, processes with an old list, and matchers that cannot be read."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from firebell.alerts import actions as alerts
from firebell.alerts.batches.state import Batch
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.alerts.mutes import MutesByService, by_service
from firebell.alerts.muting import actions as mute_actions
from firebell.alerts.muting import store as mute_store
from firebell.alerts.silences import actions as silences
from firebell.alerts.silences.model import NewSilence
from firebell.alerts.timers import run_mutes
from firebell.catalog import actions as catalog
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.kit.errors import Conflict
from firebell.kit.jobs import timers
from tests.world import World, world

HOUR = timedelta(hours=1)


async def _mute(w: World, services: Sequence[int] = ()) -> int:
    async with w.ctx.db.tx() as tx:
        return await mute_actions.start_mute(
            tx, SYSTEM, "Upgrade", "/", services or [w.service], "", w.now + HOUR, w.now
        )


async def _end(w: World, mute_id: int) -> bool:
    async with w.ctx.db.tx() as tx:
        return await mute_actions.end_mute(tx, SYSTEM, mute_id, "Upgrade", w.now)


async def _running(w: World) -> MutesByService:
    async with w.ctx.db.tx() as tx:
        return by_service(await mute_store.unended(tx))


async def _receive(w: World, muting: MutesByService, *places: tuple[int, int, str]) -> Batch:
    """Receive an alert for each integration, service and key, in one batch."""
    w.clock.advance(timedelta(seconds=6))
    batch = [
        InboundRequest(integration, service, "t", f"{w.now} {key}".encode(), (_firing(key),))
        for integration, service, key in places
    ]
    async with w.ctx.ingest_db.tx() as tx:
        return await alerts.receive(tx, batch, w.now, muting)


def _firing(key: str) -> Event:
    return Event(EventKind.FIRING, key, key.title(), severity="critical")


async def test_a_mute_that_cannot_be_read_mutes_nothing(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        mute_id = await _mute(w)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update alert_mute set matchers = '{' where id = $1", mute_id)
        await w.alert("disk full")
        assert [page.title for page in await w.pages()] == ["disk full"]


async def test_a_mute_can_be_ended_while_its_timer_runs(dsn: str, clock: FakeClock) -> None:
    """The planned end ends the mute and the window at one instant, maybe in two processes."""
    async with world(dsn, clock) as w:
        mute_id = await _mute(w)
        await _receive(w, await _running(w), (w.integration, w.service, "late"))
        clock.advance(HOUR)
        async with w.ctx.work_db.tx() as tx:
            [timer] = await timers.claim(tx, w.now, [mute_actions.MUTE_TIMER], limit=10)
            ending = asyncio.create_task(_end(w, mute_id))
            await asyncio.wait({ending}, timeout=0.3)
            await run_mutes(tx, [timer], w.now)
            await timers.finish(tx, [timer])
        assert not await ending
        await w.settle()
        assert [page.title for page in await w.pages()] == ["Late"]


async def test_what_a_mute_held_pages_although_it_is_extended_before_its_timer_runs(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mute_id = await _mute(w)
        await _receive(w, await _running(w), (w.integration, w.service, "late"))
        assert await _end(w, mute_id)
        async with w.ctx.db.tx() as tx:
            assert not await mute_actions.change_end(tx, mute_id, w.now + 2 * HOUR)
        await w.settle()
        assert [page.title for page in await w.pages()] == ["Late"]


async def test_a_process_with_an_old_list_opens_no_second_group_of_a_mute(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            other = await catalog.create_service(tx, SYSTEM, name="Search", team_id=1, now=w.now)
            key = await alerts.create_integration(tx, SYSTEM, service_id=other.id, name="K", now=w.now)
        here, there = (w.integration, w.service), (key.id, other.id)
        await _mute(w, [w.service, other.id])
        await _receive(w, await _running(w), (*here, "a"), (*there, "b"))
        assert not await w.pages()
        await _receive(w, {}, (*here, "a"), (*there, "c"))
        assert [page.title for page in await w.pages()] == ["C"]
        await _receive(w, await _running(w), (*here, "d"), (*there, "e"))
        await w.after(hours=1)
        assert sorted(page.title for page in await w.pages()) == ["A", "B", "C"]


async def test_the_end_of_a_mute_is_claimed_before_other_timers(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w:
        await _mute(w)
        await _receive(w, await _running(w), (w.integration, w.service, "late"))
        clock.advance(HOUR)
        async with w.ctx.db.tx() as tx:
            await tx.execute("delete from due where kind <> $1", mute_actions.MUTE_TIMER)
            await timers.schedule(tx, alerts.BROKEN_SOURCE_TIMER, "0", w.now - 2 * HOUR)
        await w.worker.run_due(w.now)
        assert [page.title for page in await w.pages()] == ["Late"]


async def test_silences_created_at_once_keep_to_the_limit(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with world(dsn, clock) as w:
        monkeypatch.setattr(silences, "MAX_SILENCES", 1)
        both_began = asyncio.Barrier(2)

        async def create() -> None:
            async with w.ctx.db.tx() as tx:
                await tx.value("select 1")
                await both_began.wait()
                entered = NewSilence('env="dev"', "Upgrade", w.now + HOUR)
                await silences.create_silence(tx, SYSTEM, entered=entered, now=w.now)

        ended = await asyncio.gather(create(), create(), return_exceptions=True)
        assert [type(each) for each in ended if each is not None] == [Conflict]
