"""Who sees an incident changes while another one is merged into it: both are private, and neither waits forever."""

import asyncio

from firebell.incidents import actions as incidents
from firebell.incidents import store, type_and_visibility
from firebell.incidents.model import Incident, IncidentType
from firebell.kit.clock import FakeClock
from tests.lock_waits import until_blocked
from tests.world import World, world


async def declared(w: World, title: str) -> Incident:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        return await incidents.declare(tx, mara, title=title, severity=1, service_ids=[w.service], now=w.now)


async def merge(w: World, old: Incident, into: Incident) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.merge(tx, mara, old.id, into.id, w.now)


async def hide(w: World, incident: Incident) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await incidents.set_type(tx, mara, incident.id, IncidentType.SECURITY, w.now, private=True)


async def is_private(w: World, incident: Incident) -> bool:
    async with w.ctx.db.tx() as tx:
        stored = await store.incident(tx, incident.id)
    assert stored
    return stored.is_private


async def test_an_incident_that_is_merged_into_one_that_becomes_private_becomes_private_too(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        # in both orders of their numbers
        for old_first in (True, False):
            suffix = "first" if old_first else "again"
            one, other = (
                await declared(w, f"Odd logins {suffix}"),
                await declared(w, f"Keys copied {suffix}"),
            )
            old, into = (one, other) if old_first else (other, one)
            async with w.ctx.db.tx() as tx:
                await incidents.merge(tx, mara, old.id, into.id, w.now)
                hiding = asyncio.create_task(hide(w, into))
                await until_blocked(w.ctx.db, hiding)
            await hiding
            assert [await is_private(w, each) for each in (old, into)] == [True, True]

            # and if it becomes private first
            third = await declared(w, f"Tokens leaked {suffix}")
            fourth = await declared(w, f"Odd requests {suffix}")
            async with w.ctx.db.tx() as tx:
                await incidents.set_type(tx, mara, third.id, IncidentType.SECURITY, w.now, private=True)
                merging = asyncio.create_task(merge(w, fourth, third))
                await until_blocked(w.ctx.db, merging)
            await merging
            assert [await is_private(w, each) for each in (third, fourth)] == [True, True]


async def test_bug_what_was_merged_while_a_change_of_visibility_waited_was_not_locked(
    dsn: str, clock: FakeClock
) -> None:
    """It was changed without its lock, so that another merge and this change could each wait for the other."""
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        old, into = await declared(w, "Odd logins"), await declared(w, "Keys copied")
        is_locked, may_end = asyncio.Event(), asyncio.Event()

        async def lock() -> None:
            async with w.ctx.db.tx() as tx:
                await type_and_visibility.lock_with_merged(tx, [into.id])
                is_locked.set()
                await may_end.wait()

        async with w.ctx.db.tx() as tx:
            await incidents.merge(tx, mara, old.id, into.id, w.now)
            locking = asyncio.create_task(lock())
            await until_blocked(w.ctx.db, locking)
        try:
            await asyncio.wait(
                [asyncio.ensure_future(is_locked.wait()), locking], return_when="FIRST_COMPLETED"
            )
            async with w.ctx.db.tx() as tx:
                assert await store.lock_free(tx, [old.id, into.id]) == []
        finally:
            may_end.set()
            await locking
