"""Real PostgreSQL for every test that asks: one server a worker, one fresh database a test."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Generator, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from types import SimpleNamespace
from typing import Any

import asyncpg
import execnet
import httpx
import pytest
import uvloop
from argon2 import PasswordHasher
from httpx._transports import default as httpx_transports
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants

from firebell import event_subscriptions
from firebell.kit.clock import FakeClock
from firebell.kit.db import database, embedded
from firebell.kit.db.database import Db
from firebell.people.sign_in import password_hashing
from tests import compiled_templates, forked_workers, garbage, kept_pools, lasting_loop
from tests.databases import Databases
from tests.servers import data_folder, memory_folder

UNSAFE_BUT_FAST = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    # no database lives long enough to be cleaned
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    # what is written is read by no one, and no one watches what a session does
    "wal_compression": "off",
    "update_process_title": "off",
}
SLOW = ({"browser"}, {"chaos", "peers"}, {"api"})
"""Folders whose tests take long, in groups that workers begin with."""
SHARING = {"browser", "peers"}
"""Folders whose tests share what they start."""
FIRST_OID_OF_USERS = 16384
"""PostgreSQL's own types have smaller ones, the same in every database."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option with which one proves that no test needs another."""
    parser.addoption(
        "--shuffle", type=int, metavar="SEED", help="run the tests in the random order of a seed"
    )


def pytest_configure() -> None:
    """Share compiled templates with other processes, and run tests in the event loop of the product."""
    garbage.collect_seldom()
    compiled_templates.share()
    _read_no_constants()
    # asyncio's own is written in Python: it takes a third of what a test of the API does
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Remove templates that were compiled for earlier sources, after the workers."""
    if not hasattr(session.config, "workerinput"):
        compiled_templates.remove_old()


def pytest_xdist_auto_num_workers() -> int:
    """Return how many workers `-n auto` starts: two a core, since many tests wait for other processes."""
    return 2 * (os.cpu_count() or 1)


def pytest_xdist_setupnodes(config: pytest.Config, specs: list[execnet.XSpec]) -> None:
    """Fork the workers, which then have imported the tests."""
    forked_workers.start(config, specs)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each group of slow tests be the first of one worker: what runs last is short, and ends everywhere at once."""
    seed = config.getoption("shuffle")
    if seed is not None:
        random.Random(seed).shuffle(items)  # noqa: S311 - no secret
        return
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
    """Keep the collected tests from the garbage collector."""
    garbage.keep()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None]:
    """End what a test left running, but for what tests of the browser and of peers share."""
    yield
    if item.path.parent.name in SHARING:
        lasting_loop.keep_tasks()
    else:
        lasting_loop.cancel_tasks()


@pytest.fixture(scope="session", autouse=True)
async def shortcuts() -> AsyncIterator[None]:
    """Spare every test what no test is about; in one fixture, because each takes time in each of them."""
    with pytest.MonkeyPatch.context() as patch:
        _hash_passwords_cheaply(patch)
        _connect_on_demand(patch)
        _look_up_types_once(patch)
        _drop_writes_to_closed_connections(patch)
        _load_authorities_once(patch)
        kept_pools.patch(patch)
        lasting_loop.remember()
        yield


def _hash_passwords_cheaply(patch: pytest.MonkeyPatch) -> None:
    """Use argon2's smallest costs: at the real ones a hash is most of what a test's setup takes."""
    patch.setattr(password_hashing, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


def _connect_on_demand(patch: pytest.MonkeyPatch) -> None:
    """Open no connection of a pool in advance: most tests use one of one pool, and each costs a process."""
    patch.setattr(database, "WARM", 0)


def _look_up_types_once(patch: pytest.MonkeyPatch) -> None:
    """Look up PostgreSQL's own types once a process: for each connection, that takes most of its start."""
    look_up = asyncpg.Connection._introspect_types  # type: ignore[attr-defined] # no public way
    known: dict[frozenset[int], tuple[Any, Any]] = {}

    async def introspect_types(self: asyncpg.Connection, oids: Iterable[int], timeout: float | None) -> Any:
        key = frozenset(oids)
        if max(key) >= FIRST_OID_OF_USERS:
            return await look_up(self, oids, timeout)
        if key not in known:
            types, _ = await look_up(self, oids, timeout)
            # a name says that the statement that was just prepared is still there
            known[key] = types, SimpleNamespace(name="known")
        return known[key]

    patch.setattr(asyncpg.Connection, "_introspect_types", introspect_types)


def _read_no_constants() -> None:
    """Let Hypothesis not read all modules for constants to try, as each worker would after it has collected the tests.

    That takes longer than most folders' properties.
    """
    providers._get_local_constants = Constants


def _drop_writes_to_closed_connections(patch: pytest.MonkeyPatch) -> None:
    """Drop what a client or stand-in of a test writes to a connection that the other side has closed, as asyncio does.

    uvloop raises a RuntimeError instead; in both, `drain` raises ConnectionResetError.
    """
    write = asyncio.StreamWriter.write

    def write_if_open(self: asyncio.StreamWriter, data: bytes) -> None:
        if not self.is_closing():
            write(self, data)

    patch.setattr(asyncio.StreamWriter, "write", write_if_open)


def _load_authorities_once(patch: pytest.MonkeyPatch) -> None:
    """Load the certificate authorities once per process: every client would load them again, for 60 ms of CPU time."""
    patch.setattr(httpx_transports, "create_ssl_context", cache(httpx.create_ssl_context))


@pytest.fixture(scope="session")
def pg_server() -> Iterator[embedded.Embedded]:
    """The server of this test process."""
    with data_folder(memory_folder()) as data, embedded.start(data, UNSAFE_BUT_FAST) as server:
        yield server


@pytest.fixture(scope="session")
def databases(pg_server: embedded.Embedded) -> Iterator[Databases]:
    """The databases of this test process."""
    databases = Databases(pg_server)
    yield databases
    databases.close()


@pytest.fixture
def dsn(databases: Databases) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    with databases.lend() as address:
        yield address


@pytest.fixture
def empty_dsn(databases: Databases) -> Iterator[str]:
    """The address of a database on which no migration ran."""
    name = databases.next_name()
    yield databases.create(name)
    databases.drop(name)


@pytest.fixture
async def db(dsn: str) -> AsyncIterator[Db]:
    """A pool on a fresh database, with the product's reactions."""
    database = await Db.connect(dsn, event_subscriptions.build())
    yield database
    await database.close()


@pytest.fixture
def clock() -> FakeClock:
    """Tuesday 24 November 2026, 03:14 UTC."""
    return FakeClock(datetime(2026, 11, 24, 3, 14, tzinfo=UTC))
