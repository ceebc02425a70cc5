"""A test finds in its database what the migrations made, and in its organization what the setup made."""

import asyncpg
import pytest

from firebell.kit.clock import FakeClock
from tests import servers
from tests.databases import Databases, prepare
from tests.world import world


async def _services(dsn: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    names = [row["name"] for row in await connection.fetch("select name from service order by id")]
    await connection.close()
    return names


async def _leave(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute("insert into setting (key, value) values ('left', '1')")
    await connection.execute("update service set name = 'Left'")
    await connection.close()


async def _left(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    left: int = await connection.fetchval("select count(*) from setting where key = 'left'")
    await connection.close()
    return left


async def test_what_a_test_left_is_not_in_the_database_of_the_next(databases: Databases) -> None:
    with databases.lend() as dsn:
        await _leave(dsn)
    with databases.lend() as again:
        assert again == dsn, "it is restored instead of copied"
        assert await _left(dsn) == 0


async def _state(dsn: str) -> dict[str, object]:
    connection = await asyncpg.connect(dsn)
    state: dict[str, object] = {
        "sequences": await connection.fetch(
            "select seqrelid, pg_sequence_last_value(seqrelid) from pg_sequence order by 1"
        ),
        "migrations": await connection.fetch("select * from schema_migration order by version"),
        "settings": await connection.fetch("select * from setting order by key"),
        "is_read_only": await connection.fetchval("show default_transaction_read_only"),
        "tables": await connection.fetch("select relname from pg_class where relkind = 'r' order by 1"),
    }
    await connection.close()
    return state


@pytest.mark.parametrize(
    "change",
    [
        "select nextval(seqrelid::regclass) from pg_sequence",
        "delete from schema_migration",
        "create table left_behind (id int)",
        "insert into setting (key, value) select n::text, '1' from generate_series(1, 5000) n",
        "alter database {name} set default_transaction_read_only = on",
    ],
    ids=["sequences", "rows of migrations", "schema", "many rows", "settings"],
)
async def test_whatever_a_test_changes_the_next_finds_what_the_migrations_made(
    databases: Databases, change: str
) -> None:
    with databases.lend() as dsn:
        before = await _state(dsn)
        connection = await asyncpg.connect(dsn)
        await connection.execute(change.format(name=dsn.partition("?")[0].rpartition("/")[2]))
        await connection.close()
    for _ in range(2):
        with databases.lend() as dsn:
            assert await _state(dsn) == before


async def test_a_database_that_was_only_lent_is_lent_again(databases: Databases) -> None:
    with databases.lend() as first:
        pass
    with databases.lend() as second:
        assert second == first


async def test_what_a_test_changed_in_its_organization_is_not_in_the_next(
    databases: Databases, clock: FakeClock
) -> None:
    for _ in range(3):
        with databases.lend() as dsn:
            async with world(dsn, clock):
                pass
            assert await _services(dsn) == ["Checkout"]
            assert await _left(dsn) == 0
            await _leave(dsn)
    with databases.lend() as dsn:
        assert await _services(dsn) == []


async def test_what_a_test_stored_before_the_organization_stays(
    databases: Databases, clock: FakeClock
) -> None:
    for _ in range(2):
        with databases.lend() as dsn:
            await _leave(dsn)
            async with world(dsn, clock) as w:
                assert w.key
            assert await _left(dsn) == 1


async def test_an_organization_that_no_one_connected_to_is_not_lent(
    databases: Databases,
) -> None:
    async def build(address: str) -> str:
        await _leave(address)
        return "built"

    for expected in (None, "built"):
        with databases.lend() as dsn:
            assert await prepare(dsn, "a key of this test", build) == expected
    with databases.lend() as dsn:
        assert await _left(dsn) == 0


def test_workers_that_are_forks_of_one_process_have_ports_of_their_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All took the same ones: servers of two tests met on one, and one of them did not start."""
    ports = set[int]()
    for worker in ("gw0", "gw1", "gw2", "gw3"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        ports.add(servers.free_port() // 500)
    assert len(ports) == 4
