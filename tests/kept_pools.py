"""Pools of connections that outlive a test, for the next one that gets the same database.

Each new connection is a process of PostgreSQL that reads the catalogs and plans every statement anew: that takes
longer than what most tests ask it.
"""

from collections import defaultdict
from collections.abc import Hashable
from functools import partial
from typing import Any

import asyncpg
import pytest

from firebell.kit.db.database import Db
from tests import lasting_loop

STATEMENTS = 400
"""How many statements a connection keeps prepared: those of several tests."""
_END = "select pg_advisory_unlock_all(), pg_stat_force_next_flush()"
"""Releases what a session locked, and lets others see at once what it changed."""

_open: dict[asyncpg.Pool, tuple[str, Hashable]] = {}
"""By pool: the address of its database, and what else makes two pools equal."""
_kept: dict[str, dict[Hashable, list[asyncpg.Pool]]] = {}
"""By address of a database that is lent; the pools by what makes them equal."""
_used = set[str]()
"""Addresses of databases that a kept pool was used on since they were lent."""


def patch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the product get kept pools, and keep those that it closes."""
    create, close = asyncpg.create_pool, Db.close

    async def create_pool(dsn: str, **options: Any) -> asyncpg.Pool:
        if dsn not in _kept or not lasting_loop.is_running():
            return await create(dsn, **options)
        init = options["init"]
        assert isinstance(init, partial)
        key = options["max_size"], options["command_timeout"], init.keywords["limits"]
        if kept := _kept[dsn][key]:
            pool = kept.pop()
            _used.add(dsn)
        else:
            pool = await create(dsn, **options, statement_cache_size=STATEMENTS)
        _open[pool] = dsn, key
        return pool

    async def close_or_keep(self: Db) -> None:
        pool = self._pool
        address, key = _open.pop(pool, ("", None))
        if address not in _kept or not lasting_loop.is_running() or not await _is_reusable(pool):
            await close(self)
            return
        self._pool = _ClosedPool()  # type: ignore[assignment]
        await self._notifier.close()
        _kept[address][key].append(pool)

    monkeypatch.setattr(asyncpg, "create_pool", create_pool)
    monkeypatch.setattr(Db, "close", close_or_keep)


class _ClosedPool:
    """Takes the place of a pool that its owner has closed."""

    async def acquire(self, timeout: float) -> asyncpg.pool.PoolConnectionProxy:
        raise asyncpg.InterfaceError("pool is closed")

    async def close(self) -> None:
        """Stay closed."""


def _connections(pool: asyncpg.Pool) -> list[asyncpg.Connection]:
    holders = pool._holders  # type: ignore[attr-defined] # no public way
    return [holder._con for holder in holders if holder._con]


async def _is_reusable(pool: asyncpg.Pool) -> bool:
    """Return True if every connection is idle and works, after what its session holds was released."""
    connections = _connections(pool)
    if not connections or pool.get_idle_size() != pool.get_size():
        return False
    if any(connection.is_closed() or connection.is_in_transaction() for connection in connections):
        return False
    try:
        for connection in connections:
            await connection.execute(_END)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False
    return True


def lent(address: str) -> None:
    """Keep the pools of this database from now on."""
    _kept.setdefault(address, defaultdict(list))
    _used.discard(address)


def was_used(address: str) -> bool:
    """Return True if a kept pool was used since the database was lent."""
    return address in _used


def processes(address: str) -> list[int]:
    """Return the ids of the server's processes that the kept pools of a database are connected to."""
    pools = [pool for kept in _kept[address].values() for pool in kept]
    return [connection.get_server_pid() for pool in pools for connection in _connections(pool)]


def forget(address: str) -> None:
    """Close the kept pools of a database that is going to be dropped."""
    for kept in _kept.pop(address, {}).values():
        for pool in kept:
            pool.terminate()
