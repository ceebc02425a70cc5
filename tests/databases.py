"""Databases of one PostgreSQL server: each test has one for itself, which is empty or holds an organization.

To copy a database and drop the copy takes longer than what most tests do in it. One that a test used is therefore
restored: the tables that the test changed get back the rows that the migrations made. The connections of the test's
pools stay open, so that the next test finds its statements planned.
"""

import asyncio
import io
import itertools
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from firebell.kit.db import embedded
from firebell.kit.db.migrate import migrate
from tests import kept_pools

T = TypeVar("T")
_MIGRATED = "migrated"
_MAX_CHANGED_ROWS = 2_000
"""A database in which a test changed more rows is dropped: what is deleted still takes room and time."""
_MAX_RESTORATIONS = 25
"""How often a database is restored before it is dropped, for the same reason; its connections end with it."""
_SESSION_END_S = 1.0
"""How long the sessions of a test may go on after it."""

_CHANGED = """
    select
        relname as name,
        relnamespace = 'public'::regnamespace as is_of_the_product,
        changed_rows
    from pg_class
    cross join lateral (
        select
            pg_stat_get_tuples_inserted(oid) + pg_stat_get_tuples_updated(oid) + pg_stat_get_tuples_deleted(oid)
                as changed_rows
    ) counted
    where
        relkind = 'r'
        and not relisshared
        and changed_rows > 0
"""
_HAS_SETTINGS = """
    select
        datconnlimit <> -1
        or exists (select from pg_db_role_setting where setdatabase = pg_database.oid)
    from pg_database
    where datname = $1
"""
_ENDED_SESSIONS = """
    select sessions
    from pg_stat_database
    where
        datname = $1
        and not exists (select from pg_stat_activity where datname = $1 and pid <> all ($2::int[]))
"""
_FILLED = """
    select relname as name
    from pg_class
    where relkind = 'r' and relnamespace = 'public'::regnamespace and pg_relation_size(oid) > 0
"""
_SEQUENCES = """
    select seqrelid as id, pg_sequence_last_value(seqrelid) as last
    from pg_sequence
    where pg_sequence_last_value(seqrelid) is not null
"""
_RESTORE_SEQUENCES = """
    select setval(seqrelid::regclass, coalesce(kept.last, seqstart), kept.last is not null)
    from pg_sequence
    left join unnest($1::oid[], $2::bigint[]) kept (id, last) on kept.id = seqrelid
    where pg_sequence_last_value(seqrelid) is distinct from kept.last
"""


@dataclass(slots=True, eq=False)
class _Copy:
    """A copy of the migrated database, the connection that restores it, and how often that was done."""

    name: str
    connection: asyncpg.Connection | None = None
    is_filled: bool = False
    restorations: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Content:
    """What the tables and sequences of a database hold, and what its build returned."""

    value: Any
    rows: Mapping[str, bytes]
    sequences: Mapping[int, int]


@dataclass(slots=True)
class Lent:
    """The database that a test has now."""

    databases: "Databases"
    copy: _Copy


_lent: dict[str, Lent] = {}
"""By address."""


class Databases:
    """Creates, restores and drops databases, in a thread so that its connection outlives a test's loop."""

    def __init__(self, server: embedded.Embedded) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._spare: deque[_Copy] = deque()
        self._organized: dict[Hashable, _Content] = {}
        self._requested: set[Hashable] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = self.run(asyncpg.connect(self.address("postgres")))
        self.run(migrate(self.create(_MIGRATED)))
        self._migrated = self.run(self._content(_MIGRATED, None))
        # a database is copied only while nothing is connected to it
        self.run(self._sessions(_MIGRATED, []))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of a coroutine, run in the loop of this connection."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)

    def address(self, name: str) -> str:
        """Return the address of a database."""
        return self._server.dsn.replace("/firebell?", f"/{name}?")

    def create(self, name: str, options: str = "") -> str:
        """Create a database and return its address."""
        self.run(self._connection.execute(f"create database {name} {options}"))
        return self.address(name)

    def drop(self, name: str) -> None:
        """Drop a database, and what is connected to it."""
        self.run(self._connection.execute(f"drop database {name} with (force)"))

    def next_name(self) -> str:
        """Return a name that no database had."""
        return f"test_{next(self._numbers)}"

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Yield the address of a database that is as the migrations left it."""
        copy = self._copy()
        lent, address = Lent(self, copy), self.address(copy.name)
        _lent[address] = lent
        kept_pools.lent(address)
        try:
            yield address
        finally:
            del _lent[address]
            if self.run(self._restored(copy)):
                self._spare.append(copy)
            else:
                self._discard(copy)

    def _copy(self) -> _Copy:
        """Return a spare copy, or a new one."""
        if self._spare:
            return self._spare.pop()
        copy = _Copy(self.next_name())
        self.create(copy.name, f"template {_MIGRATED} strategy file_copy")
        return copy

    def _discard(self, copy: _Copy) -> None:
        kept_pools.forget(self.address(copy.name))
        if copy.connection:
            self.run(copy.connection.close())
        self.drop(copy.name)

    async def prepare(self, lent: Lent, key: Hashable, build: Callable[[str], Awaitable[T]]) -> T | None:
        """Give a lent database, if it is unused, the content of the one that `build` filled.

        Returns what `build` returned. What is requested for the first time is built for the second: until then,
        and for a database that was used, nothing happens, and the result is None.
        """
        if key not in self._requested or self.run(self._was_used(lent.copy)):
            self._requested.add(key)
            return None
        if key not in self._organized:
            copy = self._copy()
            value = await build(self.address(copy.name))
            self._organized[key] = self.run(self._content(copy.name, value))
            self._discard(copy)
        content = self._organized[key]
        self.run(self._fill(lent.copy, content))
        result: T = content.value
        return result

    async def _content(self, name: str, value: Any) -> _Content:
        """Return what a database holds."""
        connection = await asyncpg.connect(self.address(name))
        rows = {}
        for table in await connection.fetch(_FILLED):
            output = io.BytesIO()
            await connection.copy_from_table(table["name"], output=output, format="binary")
            rows[table["name"]] = output.getvalue()
        sequences = {row["id"]: row["last"] for row in await connection.fetch(_SEQUENCES)}
        await connection.close()
        return _Content(value, rows, sequences)

    async def _sessions(self, name: str, kept: Sequence[int]) -> int | None:
        """Return how many sessions a database has had since it was restored, None if one goes on for long.

        Those of the processes with the ids in `kept` may go on. The server counts a session, and what it changed,
        before it forgets the process of it.
        """
        deadline = self._loop.time() + _SESSION_END_S
        while True:
            sessions: int | None = await self._connection.fetchval(_ENDED_SESSIONS, name, kept)
            if sessions is not None or self._loop.time() > deadline:
                return sessions
            await asyncio.sleep(0.001)

    async def _was_used(self, copy: _Copy) -> bool:
        """Return True if something connected to a copy, or used a connection to it, since it was restored."""
        if copy.is_filled or kept_pools.was_used(self.address(copy.name)):
            return True
        sessions: int | None = await self._connection.fetchval(_ENDED_SESSIONS, copy.name, self._kept(copy))
        return sessions != 0

    def _kept(self, copy: _Copy) -> list[int]:
        """Return the ids of the server's processes for a copy that no test has left."""
        own = [copy.connection.get_server_pid()] if copy.connection else []
        return [*own, *kept_pools.processes(self.address(copy.name))]

    async def _connected(self, copy: _Copy) -> asyncpg.Connection:
        """Return the connection that restores a copy; neither triggers nor foreign keys act on what it does."""
        if copy.connection is None:
            copy.connection = await asyncpg.connect(self.address(copy.name), statement_cache_size=1_000)
            await copy.connection.execute("set session_replication_role = replica")
        return copy.connection

    async def _fill(self, copy: _Copy, content: _Content) -> None:
        """Give a copy that is as the migrations left it another content."""
        connection, migrated = await self._connected(copy), self._migrated.rows
        copy.is_filled = True
        async with connection.transaction():
            changed = {name: rows for name, rows in content.rows.items() if rows != migrated.get(name)}
            await _replace(connection, changed.keys() & migrated.keys(), changed, content.sequences)

    async def _restored(self, copy: _Copy) -> bool:
        """Return True if a copy is as the migrations left it, after it was restored if it was used."""
        sessions = await self._sessions(copy.name, self._kept(copy))
        if not await self._was_used(copy):
            return True
        if sessions is None or copy.restorations == _MAX_RESTORATIONS:
            return False
        if await self._connection.fetchval(_HAS_SETTINGS, copy.name):
            return False
        copy.restorations += 1
        copy.is_filled = False
        try:
            return await _restore(await self._connected(copy), self._migrated)
        except asyncpg.PostgresError:
            # a test closed the database
            return False

    def close(self) -> None:
        """Close every connection."""
        for copy in self._spare:
            self._discard(copy)
        self.run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _restore(connection: asyncpg.Connection, content: _Content) -> bool:
    """Give the tables that were changed these rows back, and reset the sequences.

    Returns False for what cannot be restored: a changed schema, and too many rows.
    """
    changed = await connection.fetch(_CHANGED)
    if not all(table["is_of_the_product"] for table in changed):
        return False
    if sum(table["changed_rows"] for table in changed) > _MAX_CHANGED_ROWS:
        return False
    names = [table["name"] for table in changed]
    rows = {name: content.rows[name] for name in names if name in content.rows}
    async with connection.transaction():
        await _replace(connection, names, rows, content.sequences)
    await connection.execute("select pg_stat_reset()")
    return True


async def _replace(
    connection: asyncpg.Connection,
    emptied: Iterable[str],
    rows: Mapping[str, bytes],
    sequences: Mapping[int, int],
) -> None:
    """Empty tables, copy rows to tables, and reset the sequences that have another last value."""
    if deletions := "; ".join(f'delete from "{name}"' for name in emptied):
        await connection.execute(deletions)
    for name, content in rows.items():
        await connection.copy_to_table(name, source=io.BytesIO(content), format="binary")
    await connection.execute(_RESTORE_SEQUENCES, list(sequences), list(sequences.values()))
    # what was counted here must not be counted after a reset of the counts
    await connection.execute("select pg_stat_force_next_flush()")


async def prepare(address: str, key: Hashable, build: Callable[[str], Awaitable[T]]) -> T | None:
    """Prepare the database of this address, as `Databases.prepare` does; one that was not lent stays as it is."""
    lent = _lent.get(address)
    return await lent.databases.prepare(lent, key, build) if lent else None
