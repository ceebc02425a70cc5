"""Real PostgreSQL for every test that asks: one server a worker, one fresh database a test."""

import asyncio
import gc
import itertools
import os
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any, TypeVar

import asyncpg
import pytest
from argon2 import PasswordHasher

from firebell import subscriptions
from firebell.kit.clock import FakeClock
from firebell.kit.db import database, embedded
from firebell.kit.db.database import Db
from firebell.kit.db.migrate import migrate
from firebell.people import password_hashing
from tests import compiled_templates
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
T = TypeVar("T")
_numbers = itertools.count()


def pytest_configure(config: pytest.Config) -> None:
    """Share what is compiled with the workers of this run."""
    if not hasattr(config, "workerinput"):
        compiled_templates.create_folder()
    compiled_templates.share()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what was shared, after the workers."""
    if not hasattr(config, "workerinput"):
        compiled_templates.remove_folder()


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
    """Open no connection of a pool in advance: most tests use one of one pool, and each costs a process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(database, "WARM", 0)
        yield


@pytest.fixture(scope="session")
def pg_server() -> Iterator[embedded.Embedded]:
    """The server of this test process."""
    with data_folder(memory_folder()) as data, embedded.start(data, UNSAFE_BUT_FAST) as server:
        yield server


class Admin:
    """A connection to a server that creates and drops databases, in a thread so that it outlives a test's loop."""

    def __init__(self, server: embedded.Embedded) -> None:
        self._server = server
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = self.run(asyncpg.connect(self._address("postgres")))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of a coroutine, run in the loop of this connection."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def _address(self, name: str) -> str:
        return self._server.dsn.replace("/firebell?", f"/{name}?")

    def create(self, name: str, options: str = "") -> str:
        """Create a database and return its address."""
        self.run(self._connection.execute(f"create database {name} {options}"))
        return self._address(name)

    def drop(self, name: str) -> None:
        """Drop a database, and what is connected to it."""
        self.run(self._connection.execute(f"drop database {name} with (force)"))

    def close(self) -> None:
        """Close the connection."""
        self.run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@pytest.fixture(scope="session")
def pg_admin(pg_server: embedded.Embedded) -> Iterator[Admin]:
    """What creates databases on the server of this test process."""
    admin = Admin(pg_server)
    yield admin
    admin.close()


@pytest.fixture(scope="session")
def pg_template(pg_admin: Admin) -> str:
    """The name of a migrated database; nobody may be connected to it."""
    pg_admin.run(migrate(pg_admin.create("template_firebell")))
    return "template_firebell"


@pytest.fixture
def dsn(pg_admin: Admin, pg_template: str) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    yield pg_admin.create(name, f"template {pg_template} strategy file_copy")
    pg_admin.drop(name)


@pytest.fixture
def empty_dsn(pg_admin: Admin) -> Iterator[str]:
    """The address of a database on which no migration ran."""
    name = f"test_{next(_numbers)}"
    yield pg_admin.create(name)
    pg_admin.drop(name)


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
