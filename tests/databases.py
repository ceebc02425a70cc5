"""Databases of one PostgreSQL server: each test has one for itself, which is empty or holds an organization.

To copy a database and drop the copy takes longer than what most tests do in it. One that a test used is therefore
restored: the tables that the test changed get the rows of the template back.
"""

import asyncio
import io
import itertools
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from firebell.kit.db import embedded
from firebell.kit.db.migrate import migrate

T = TypeVar("T")
_MIGRATED = "migrated"
_MAX_CHANGED_ROWS = 2_000
"""A database in which a test changed more rows is dropped: what is deleted still takes room and time."""
_MAX_RESTORATIONS = 25
"""How often a database is restored before it is dropped, for the same reason."""
_MAX_SPARE = 6
"""Number of databases that wait for a test; each takes 15 MB of memory."""
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
    """A copy of a template, and how often it was restored."""

    name: str
    template: "_Template"
    restorations: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class _Template:
    """A database that is copied, what its build returned, and what its tables and sequences hold."""

    name: str
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
        self._templates: dict[Hashable, _Template] = {}
        self._requested: set[Hashable] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = self.run(asyncpg.connect(self.address("postgres")))
        name = self.next_name()
        self.run(migrate(self.create(name)))
        self._templates[_MIGRATED] = self.run(self._template(name, None))

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
        lent = Lent(self, self._copy_of(self._templates[_MIGRATED]))
        address = self.address(lent.copy.name)
        _lent[address] = lent
        yield address
        del _lent[address]
        if self.run(self._restored(lent.copy)):
            self._keep(lent.copy)
        else:
            self.drop(lent.copy.name)

    def _copy_of(self, template: _Template, name: str = "") -> _Copy:
        """Return a spare copy of a template, or a new one; it has this name if one is given."""
        spare = next((copy for copy in reversed(self._spare) if copy.template is template), None)
        if spare is None:
            copy = _Copy(name or self.next_name(), template)
            self.create(copy.name, f"template {template.name} strategy file_copy")
            return copy
        self._spare.remove(spare)
        if name:
            self._rename(spare, name)
        return spare

    def _rename(self, copy: _Copy, name: str) -> None:
        self.run(self._connection.execute(f"alter database {copy.name} rename to {name}"))
        copy.name = name

    def _keep(self, copy: _Copy) -> None:
        """Keep a copy that is as its template; drop the one that has waited longest if there are too many."""
        self._spare.append(copy)
        if len(self._spare) > _MAX_SPARE:
            self.drop(self._spare.popleft().name)

    async def prepare(self, lent: Lent, key: Hashable, build: Callable[[str], Awaitable[T]]) -> T | None:
        """Replace a lent database, if it is unused, by a copy of the one that `build` filled.

        Returns what `build` returned. What is requested for the first time is built for the second: until then,
        and for a database that was used, nothing happens, and the result is None.
        """
        if key not in self._requested or self.run(self._sessions(lent.copy.name)) != 0:
            self._requested.add(key)
            return None
        if key not in self._templates:
            copy = self._copy_of(self._templates[_MIGRATED])
            value = await build(self.address(copy.name))
            self._templates[key] = self.run(self._template(copy.name, value))
        unused, template = lent.copy, self._templates[key]
        name = unused.name
        self._rename(unused, self.next_name())
        lent.copy = self._copy_of(template, name)
        self._keep(unused)
        result: T = template.value
        return result

    async def _template(self, name: str, value: Any) -> _Template:
        """Return a database as a template, after its sessions have ended."""
        connection = await asyncpg.connect(self.address(name))
        rows = {}
        for table in await connection.fetch(_FILLED):
            output = io.BytesIO()
            await connection.copy_from_table(table["name"], output=output, format="binary")
            rows[table["name"]] = output.getvalue()
        sequences = {row["id"]: row["last"] for row in await connection.fetch(_SEQUENCES)}
        await connection.close()
        await self._ended(name)
        return _Template(name, value, rows, sequences)

    async def _sessions(self, name: str) -> int | None:
        """Return how many sessions a database has had since it was copied or restored, None while one goes on.

        The server counts a session, and what it changed, before it forgets the process of it.
        """
        sessions: int | None = await self._connection.fetchval(
            """
            select sessions
            from pg_stat_database
            where datname = $1 and not exists (select from pg_stat_activity where datname = $1)
            """,
            name,
        )
        return sessions

    async def _ended(self, name: str) -> int | None:
        """Return the number of sessions once none goes on, None if one does for long."""
        deadline = self._loop.time() + _SESSION_END_S
        while (sessions := await self._sessions(name)) is None and self._loop.time() < deadline:
            await asyncio.sleep(0.001)
        return sessions

    async def _restored(self, copy: _Copy) -> bool:
        """Return True if a copy is as its template, after it was restored if it was used."""
        sessions = await self._ended(copy.name)
        if sessions == 0:
            return True
        if sessions is None or copy.restorations == _MAX_RESTORATIONS:
            return False
        if await self._connection.fetchval(_HAS_SETTINGS, copy.name):
            return False
        copy.restorations += 1
        try:
            connection = await asyncpg.connect(self.address(copy.name))
        except asyncpg.PostgresError:
            # a test closed the database
            return False
        try:
            return await _restore(connection, copy.template)
        finally:
            await connection.close()
            await self._ended(copy.name)

    def close(self) -> None:
        """Close the connection."""
        self.run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _restore(connection: asyncpg.Connection, template: _Template) -> bool:
    """Give the tables that were changed the rows of the template back, and reset the sequences.

    Returns False for what cannot be restored: a changed schema, and too many rows.
    """
    changed = await connection.fetch(_CHANGED)
    if not all(table["is_of_the_product"] for table in changed):
        return False
    if sum(table["changed_rows"] for table in changed) > _MAX_CHANGED_ROWS:
        return False
    names = [table["name"] for table in changed]
    async with connection.transaction():
        # neither triggers nor foreign keys act on what follows
        statements = ["set local session_replication_role = replica"]
        statements += [f'delete from "{name}"' for name in names]
        await connection.execute("; ".join(statements))
        for name in names:
            if rows := template.rows.get(name):
                await connection.copy_to_table(name, source=io.BytesIO(rows), format="binary")
        ids, last = list(template.sequences), list(template.sequences.values())
        await connection.execute(_RESTORE_SEQUENCES, ids, last)
        # what was counted here must not be counted after the reset
        await connection.execute("select pg_stat_force_next_flush()")
    await connection.execute("select pg_stat_reset()")
    return True


async def prepare(address: str, key: Hashable, build: Callable[[str], Awaitable[T]]) -> T | None:
    """Prepare the database of this address, as `Databases.prepare` does; one that was not lent stays as it is."""
    lent = _lent.get(address)
    return await lent.databases.prepare(lent, key, build) if lent else None
