"""Transactions that lock the same pages wait for each other in one order, and one that PostgreSQL ends is repeated."""

import asyncio

from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.paging import actions as paging
from firebell.paging import bulk_actions
from firebell.paging.bulk_actions import BulkAction, Result
from firebell.paging.model import PageState
from firebell.people import actions as people
from tests.api.api_clients import Api, browser, key_of
from tests.lock_waits import until_blocked
from tests.world import World, world


async def _pages(w: World, number: int = 2) -> list[int]:
    """Let alerts open pages, and return their ids, lowest first."""
    for n in range(number):
        await w.alert(f"a{n}", service=f"s{n}")
    return [page.id for page in await w.pages()]


async def _send(w: World, *events: Event) -> None:
    request = InboundRequest(w.integration, w.service, "generic", repr(events).encode(), events)
    await w.ingest.submit(request)


async def _end_of_the_first_and_growth_of_the_second(w: World) -> None:
    await _send(
        w,
        Event(EventKind.RESOLVED, "a0", "a0", labels={"service": "s0"}),
        Event(EventKind.FIRING, "b1", "b1", severity="critical", labels={"service": "s1"}),
    )


async def _lock(tx: Tx, page_id: int) -> None:
    await tx.execute("select from page where id = $1 for update", page_id)


async def _end_in_a_deadlock(tx: Tx, page_id: int) -> None:
    """Lock a page that the transaction that waits for this one has locked."""
    assert not await tx.fetch("select from page where id = $1 for update skip locked", page_id)
    await _lock(tx, page_id)


async def _states(w: World) -> list[PageState]:
    return [page.state for page in await w.pages()]


async def test_a_message_waits_for_a_person_who_acknowledges_its_pages_one_after_another(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        first, second = await _pages(w)
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await paging.ack(tx, actor, first, w.now)
            arriving = asyncio.create_task(_end_of_the_first_and_growth_of_the_second(w))
            await until_blocked(w.ctx.db, arriving)
            # had the message locked the second page before the first, each would wait for the other
            await tx.execute("set local lock_timeout = '500ms'")
            await paging.ack(tx, actor, second, w.now)
        await arriving
        assert await _states(w) == [PageState.RESOLVED, PageState.ACKED]


async def test_a_message_whose_transaction_is_ended_by_a_deadlock_pages_all_the_same(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        first, second = await _pages(w)
        async with w.ctx.db.tx() as tx:
            await _lock(tx, second)
            arriving = asyncio.create_task(_end_of_the_first_and_growth_of_the_second(w))
            await until_blocked(w.ctx.db, arriving)
            await _end_in_a_deadlock(tx, first)
        await arriving
        assert await _states(w) == [PageState.RESOLVED, PageState.TRIGGERED]
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from alert where dedup_key = 'b1'") == 1


async def test_many_pages_acknowledged_at_once_are_acknowledged_although_a_deadlock_ends_one_transaction(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        first, second = await _pages(w)
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await _lock(tx, second)
            acting = asyncio.create_task(bulk_actions.act(w.ctx, actor, BulkAction.ACK, [first, second]))
            await until_blocked(w.ctx.db, acting)
            await _end_in_a_deadlock(tx, first)
        assert [outcome.result for outcome in await acting] == [Result.DONE, Result.DONE]
        assert await _states(w) == [PageState.ACKED, PageState.ACKED]


async def test_a_person_leaves_while_someone_acknowledges_their_pages_one_after_another(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        first, second = await _pages(w)
        mara = await w.actor(w.mara)
        # a message of the first page waits for Jun, who has acknowledged the second
        w.sink.status = 500
        await w.settle()
        async with w.ctx.db.tx() as tx:
            await paging.escalate(tx, mara, first, w.now)
        await w.settle()
        await w.ack(w.jun, second)

        async def leave() -> None:
            async with w.ctx.db.tx() as tx:
                await people.update_person(tx, mara, w.jun, active=False, now=w.now)

        async with w.ctx.db.tx() as tx:
            await paging.ack(tx, mara, first, w.now)
            leaving = asyncio.create_task(leave())
            await until_blocked(w.ctx.db, leaving)
            await tx.execute("set local lock_timeout = '500ms'")
            await paging.ack(tx, mara, second, w.now)
        await leaving
        assert await _states(w) == [PageState.ACKED, PageState.ACKED]


async def test_a_request_that_a_deadlock_ends_is_refused_for_now_and_not_a_server_error(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        [page_id] = await _pages(w, 1)
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        async with w.ctx.db.tx() as tx:
            await _lock(tx, page_id)
            # it has locked its person, and waits for the page
            asked = asyncio.create_task(api.answer("POST", f"/pages/PG-{page_id}/ack"))
            await until_blocked(w.ctx.db, asked)
            await tx.execute("select from person where id = $1 for no key update", w.mara)
        answer = await asked
        assert (answer.status_code, answer.json()["type"]) == (503, "urn:firebell:problem:unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert await _states(w) == [PageState.TRIGGERED]
        await api("POST", f"/pages/PG-{page_id}/ack")
