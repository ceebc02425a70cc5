"""A connection that breaks during a statement counts as an unavailable database and is not reused."""

import asyncio

import asyncpg
import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.context import Context
from firebell.kit.db import database
from firebell.kit.errors import Unavailable
from firebell.process import connected
from tests.servers import until
from tests.world import settings


async def backend(ctx: Context, way: str, *, breaks: list[int] | None = None) -> int:
    """Return the database process that answered; with a list, record it there and break the connection."""
    async with getattr(ctx.db, way)() as tx:
        pid = int(await tx.value("select pg_backend_pid()"))
        if breaks is not None:
            breaks.append(pid)
            raise asyncpg.InternalClientError("cannot switch to state 15")
        return pid


@pytest.mark.parametrize("way", ["tx", "reads"])
async def test_asyncpg_errors_of_broken_connections_become_unavailable(
    dsn: str, clock: FakeClock, way: str
) -> None:
    async with connected(settings(), dsn, clock) as ctx:
        broken: list[int] = []
        with pytest.raises(Unavailable):
            await backend(ctx, way, breaks=broken)
        for _ in range(12):
            assert await backend(ctx, way) not in broken


@pytest.mark.parametrize("way", ["tx", "reads"])
@pytest.mark.parametrize("error", [TimeoutError("a mail server"), FileNotFoundError("a template")])
async def test_what_a_handler_meets_elsewhere_is_not_blamed_on_the_database(
    dsn: str, clock: FakeClock, way: str, error: Exception
) -> None:
    async def handle(ctx: Context) -> None:
        async with getattr(ctx.db, way)() as tx:
            await tx.value("select 1")
            raise error

    async with connected(settings(), dsn, clock) as ctx:
        with pytest.raises(type(error)):
            await handle(ctx)
        assert await backend(ctx, way)


@pytest.mark.parametrize("way", ["tx", "reads"])
async def test_a_database_that_does_not_answer_a_statement_is_away(
    dsn: str, clock: FakeClock, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(ctx: Context) -> None:
        async with getattr(ctx.db, way)() as tx:
            await tx.value("select pg_sleep(5)")

    monkeypatch.setattr(database.Limits, "answer_s", 0.2)
    async with connected(settings(), dsn, clock) as ctx:
        with pytest.raises(Unavailable):
            await ask(ctx)


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
                    "insert into team (name, slug, created_at) select 'a', 'a', $1 from pg_sleep(2) returning id",
                    clock.now(),
                )

        task = asyncio.create_task(store())

        async def sleeps() -> bool:
            # a transaction would see the activity of its first look for ever
            async with ctx.db.tx() as tx:
                return bool(await tx.value("select true from pg_stat_activity where wait_event = 'PgSleep'"))

        await until(sleeps, "the statement runs")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with ctx.db.reads() as reads:
            assert await reads.value("select count(*) from team") == 1
