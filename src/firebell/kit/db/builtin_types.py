"""What PostgreSQL's catalog says about its built-in types, read once for all connections of a process.

The identifiers of these types are part of PostgreSQL's protocol: they are the same in every database and version.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, NamedTuple

_FIRST_ASSIGNED_OID = 10_000
"""Types below are built in; the others are numbered by each database."""


class _NoStatement(NamedTuple):
    """Takes the place of the statement that looks types up: it has a name, so that asyncpg prepares nothing again."""

    name: str = "none"


Introspected = tuple[list[Any], Any]
"""The rows of the catalog, and the prepared statement that read them."""
_rows_by_oids: dict[frozenset[int], list[Any]] = {}


async def introspect(
    oids: Iterable[int], read: Callable[[list[int]], Awaitable[Introspected]]
) -> Introspected:
    """Return the rows of the catalog about types; `read` is awaited unless all are built in and were read before."""
    wanted = frozenset(oids)
    if (rows := _rows_by_oids.get(wanted)) is not None:
        return rows, _NoStatement()
    rows, statement = await read(sorted(wanted))
    if max(wanted) < _FIRST_ASSIGNED_OID:
        _rows_by_oids[wanted] = rows
    return rows, statement
