"""A newer Firebell migrates the database: an older process that runs stops itself, with a clear message."""

import asyncio

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Db
from firebell.kit.db.migrate import Migration, Outdated, available, fence, migrate
from firebell.notify.sender import Sender
from tests.servers import serve, until
from tests.world import world

NEWER = (*available(), Migration(len(available()) + 1, "later", "create table later ()"))

pytestmark = pytest.mark.chaos


async def test_an_older_running_process_exits_with_a_clear_error_after_a_migration(dsn: str) -> None:
    async with serve(dsn) as server:
        await migrate(dsn, NEWER)
        assert await server.ended() == 1
        assert f"The database has schema {len(NEWER)}, this Firebell knows {len(NEWER) - 1}." in server.said
        assert "Traceback" not in server.said


async def test_an_older_process_does_not_start_on_it_again(dsn: str) -> None:
    await migrate(dsn, NEWER)
    with pytest.raises(Outdated, match=f"The database has schema {len(NEWER)}"):
        await migrate(dsn)


async def test_an_older_process_claims_nothing_even_if_it_missed_the_notification(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock, share_pool=False) as w:
        await w.alert()
        async with w.ctx.db.tx() as tx:
            await tx.execute("insert into schema_migration (version, name) values ($1, 'later')", len(NEWER))
        for claim in (w.worker.run_due, w.worker.run_outbox, Sender(w.ctx).run_once):
            with pytest.raises(Outdated):
                await claim(w.now)
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from due where kind = 'paging.page'") == 1


async def test_a_migration_waits_for_what_runs_and_what_comes_after_sees_it(db: Db, dsn: str) -> None:
    async with db.tx() as running:
        await fence(running)
        migration = asyncio.create_task(migrate(dsn, NEWER))

        async def waits() -> bool:
            waiting = await running.value(
                "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            )
            return bool(waiting)

        await until(waits, "the migration waits")
        late = asyncio.create_task(_fenced(db))
        await asyncio.sleep(0.1)
        assert not migration.done()
        assert not late.done()
    assert await migration == (len(NEWER) - 1, len(NEWER))
    with pytest.raises(Outdated):
        await late


async def _fenced(db: Db) -> None:
    async with db.tx() as tx:
        await fence(tx)
