"""Databases of one PostgreSQL server: a fresh one for each test, and copies of those that hold an organization."""

import asyncio
import itertools
import threading
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg

from firebell.kit.db import embedded
from firebell.kit.db.migrate import migrate

T = TypeVar("T")
_TEMPLATE = "template_firebell"


@dataclass(slots=True)
class Lent:
    """The database that a test has now; a prepared one holds more than the migrations made."""

    databases: "Databases"
    name: str
    is_prepared: bool = False


_lent: dict[str, Lent] = {}
"""By address."""


class Databases:
    """Creates and drops databases over one connection, in a thread so that it outlives a test's loop."""

    def __init__(self, server: embedded.Embedded) -> None:
        self._server = server
        self._numbers = itertools.count()
        self._unused: list[str] = []
        self._prepared: dict[Hashable, tuple[str, Any]] = {}
        self._requested: set[Hashable] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._connection = self.run(asyncpg.connect(self.address("postgres")))
        self.run(migrate(self.create(_TEMPLATE)))

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
        """Yield the address of a migrated database to which nothing was ever connected."""
        lent = Lent(self, self._unused.pop() if self._unused else self._copy(_TEMPLATE))
        address = self.address(lent.name)
        _lent[address] = lent
        yield address
        del _lent[address]
        if not lent.is_prepared and self._is_unused(lent.name):
            self._unused.append(lent.name)
        else:
            self.drop(lent.name)

    def _copy(self, template: str, name: str = "") -> str:
        """Copy a database that nothing is connected to, and return the name of the copy."""
        name = name or self.next_name()
        self.create(name, f"template {template} strategy file_copy")
        return name

    def _is_unused(self, name: str) -> bool:
        """Return True if nothing is or was connected to a database.

        The server counts a session before it forgets the process of it.
        """
        unused: bool = self.run(
            self._connection.fetchval(
                """
                select
                    not exists (select from pg_stat_activity where datname = $1)
                    and exists (select from pg_stat_database where datname = $1 and sessions = 0)
                """,
                name,
            )
        )
        return unused

    async def prepare(self, lent: Lent, key: Hashable, build: Callable[[str], Awaitable[T]]) -> T | None:
        """Replace a lent database, if it is unused, by a copy of the one that `build` filled.

        Returns what `build` returned. What is requested for the first time is built for the second: until then,
        and for a database that was used, nothing happens, and the result is None.
        """
        if key not in self._requested or not self._is_unused(lent.name):
            self._requested.add(key)
            return None
        if key not in self._prepared:
            template = self._copy(_TEMPLATE)
            self._prepared[key] = template, await build(self.address(template))
        template, value = self._prepared[key]
        unused = self.next_name()
        self.run(self._connection.execute(f"alter database {lent.name} rename to {unused}"))
        self._unused.append(unused)
        self._copy(template, lent.name)
        lent.is_prepared = True
        result: T = value
        return result

    def close(self) -> None:
        """Close the connection."""
        self.run(self._connection.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def prepare(address: str, key: Hashable, build: Callable[[str], Awaitable[T]]) -> T | None:
    """Prepare the database of this address, as `Databases.prepare` does; one that was not lent stays as it is."""
    lent = _lent.get(address)
    return await lent.databases.prepare(lent, key, build) if lent else None
