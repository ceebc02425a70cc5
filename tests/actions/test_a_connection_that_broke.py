"""A connection that broke in the middle of a statement is the database's being away, and is not used again."""

import asyncio

import asyncpg
import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from firebell.kit.errors import Unavailable
from firebell.process import connected
from tests.world import settings


async def backend(ctx: Context, way: str, *, breaks: list[int] | None = None) -> int:
    """Return which process of the database answered; note it and break when there is a list to note it in."""
    async with getattr(ctx.db, way)() as tx:
        pid = int(await tx.value("select pg_backend_pid()"))
        if breaks is not None:
            breaks.append(pid)
            raise asyncpg.InternalClientError("cannot switch to state 15")
        return pid


@pytest.mark.parametrize("way", ["tx", "reads"])
async def test_what_asyncpg_says_of_a_broken_connection_is_that_the_database_is_away(
    dsn: str, clock: FakeClock, way: str
) -> None:
    async with connected(settings(), dsn, clock) as ctx:
        broken: list[int] = []
        with pytest.raises(Unavailable):
            await backend(ctx, way, breaks=broken)
        for _ in range(12):
            assert await backend(ctx, way) not in broken


async def test_reading_opens_no_transaction_and_sees_what_was_committed_meanwhile(
    dsn: str, clock: FakeClock
) -> None:
    async with connected(settings(), dsn, clock) as ctx, ctx.db.reads() as reads:
        assert not reads.conn.is_in_transaction()
        assert await reads.value("select name from team") is None
        async with ctx.db.tx() as tx:
            await tx.execute(
                "insert into team (name, slug, created_at) values ('Kestrel', 'kestrel', $1)", clock.now()
            )
        assert await reads.value("select name from team") == "Kestrel"


async def test_a_single_statement_is_committed_when_it_returns_and_the_last_of_its_transaction(
    dsn: str, clock: FakeClock
) -> None:
    insert = "insert into team (name, slug, created_at) values ($1, $1, $2) returning name"
    async with connected(settings(), dsn, clock) as ctx, ctx.db.single_statement() as tx:
        assert await tx.row(insert, "kestrel", clock.now())
        async with ctx.db.reads() as reads:
            assert await reads.value("select name from team") == "kestrel"
        for another in (tx.row, tx.fetch, tx.execute):
            with pytest.raises(RuntimeError):
                await another(insert, "merlin", clock.now())


async def test_a_single_statement_whose_task_is_canceled_is_stored_or_not_before_the_task_ends(
    dsn: str, clock: FakeClock
) -> None:
    async with connected(settings(), dsn, clock) as ctx:

        async def store() -> None:
            async with ctx.db.single_statement() as tx:
                await tx.row(
                    "insert into team (name, slug, created_at) select 'a', 'a', $1 from pg_sleep(0.3) returning id",
                    clock.now(),
                )

        task = asyncio.create_task(store())
        async with ctx.db.tx() as tx:
            while not await tx.value("select true from pg_stat_activity where wait_event = 'PgSleep'"):
                await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with ctx.db.reads() as reads:
            assert await reads.value("select count(*) from team") == 1
