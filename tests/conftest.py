"""Real PostgreSQL for every test that asks: one server a worker, one fresh database a test."""

import gc
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import asyncpg
import pytest
from argon2 import PasswordHasher

from firebell import subscriptions
from firebell.kit.clock import FakeClock
from firebell.kit.db import database, embedded
from firebell.kit.db.database import Db
from firebell.kit.db.migrate import migrate
from firebell.people import password_hashing
from tests.servers import data_folder, memory_folder

UNSAFE_BUT_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # no database lives long enough to be cleaned
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
SLOW = ({"browser"}, {"chaos", "peers"}, {"api"})
"""Folders whose tests take long, in groups that workers begin with."""
_numbers = itertools.count()


def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers `-n auto` starts: two a core, since many tests wait for other processes."""
    return 2 * (os.cpu_count() or 1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let each group of slow tests be the first of one worker: what runs last is short, and ends everywhere at once."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers < len(SLOW):
        return
    rest = [item for item in items if not any(item.path.parent.name in group for group in SLOW)]
    share, ordered = len(items) // workers, list[pytest.Item]()
    for group in SLOW:
        slow = [item for item in items if item.path.parent.name in group]
        room = max(0, share - len(slow))
        ordered += [*slow, *rest[:room]]
        del rest[:room]
    items[:] = [*ordered, *rest]


def pytest_collection_finish() -> None:
    """Keep what was collected from the garbage collector, which would look at all of it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def cheap_password_hashes() -> Iterator[None]:
    """Hash passwords with argon2's smallest costs: at the real ones a hash is most of what a test's set-up takes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(password_hashing, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def connections_on_demand() -> Iterator[None]:
    """Open one connection of each pool in advance: most tests use no second one, and each costs a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "WARM", 1)
        yield


@pytest.fixture(scope="session")
def pg_server() -> Iterator[embedded.Embedded]:
    """The server of this test process."""
    with data_folder(memory_folder()) as data, embedded.start(data, UNSAFE_BUT_FAST) as server:
        yield server


def _database(server: embedded.Embedded, name: str) -> str:
    return server.dsn.replace("/firebell?", f"/{name}?")


@pytest.fixture
async def dsn(pg_server: embedded.Embedded) -> AsyncIterator[str]:
    """The address of a fresh, migrated database."""
    admin = await asyncpg.connect(_database(pg_server, "postgres"))
    try:
        if not await admin.fetchval("select true from pg_database where datname = 'template_firebell'"):
            await admin.execute("create database template_firebell")
            await migrate(_database(pg_server, "template_firebell"))
        name = f"test_{next(_numbers)}"
        await admin.execute(f"create database {name} template template_firebell strategy file_copy")
        yield _database(pg_server, name)
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest.fixture
async def empty_dsn(pg_server: embedded.Embedded) -> AsyncIterator[str]:
    """The address of a database on which no migration ran."""
    admin = await asyncpg.connect(_database(pg_server, "postgres"))
    try:
        name = f"test_{next(_numbers)}"
        await admin.execute(f"create database {name}")
        yield _database(pg_server, name)
        await admin.execute(f"drop database {name} with (force)")
    finally:
        await admin.close()


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Db]:
    """A pool on a fresh database, with the product's reactions."""
    database = await Db.connect(dsn, subscriptions.build())
    yield database
    await database.close()


@pytest.fixture
def clock() -> FakeClock:
    """Tuesday 24 November 2026, 03:14 UTC."""
    return FakeClock(datetime(2026, 11, 24, 3, 14, tzinfo=UTC))
