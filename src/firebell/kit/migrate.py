"""Forward-only plain-SQL migrations under an advisory lock, and the gate that stops older processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import asyncpg

from firebell.kit.db import WORK_CHANNEL, Connection, Tx
from firebell.kit.errors import StartupError

_LOCK = 7_316_202_611


@dataclass(frozen=True, slots=True)
class Migration:
    """One file `NNN_name.sql` of `firebell/migrations`."""

    version: int
    name: str
    sql: str


class Outdated(StartupError):  # noqa: N818 - reads as a statement where it is raised
    """A newer Firebell has brought the database to a schema that this process does not know."""

    def __init__(self, found: int) -> None:
        super().__init__(
            f"The database has schema {found}, this Firebell knows {available()[-1].version}.",
            hint="Start the newer version again, or restore a backup from before the upgrade.",
        )


@cache
def available() -> tuple[Migration, ...]:
    """Return the shipped migrations in order; their numbers have no holes."""
    found = []
    for entry in sorted(resources.files("firebell.migrations").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".sql"):
            number, _, name = entry.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, entry.read_text(encoding="utf-8")))
    assert [m.version for m in found] == list(range(1, len(found) + 1)), "migration numbers have a hole"
    return tuple(found)


async def applied(conn: Connection) -> int:
    """Return the highest applied version, 0 for an empty database."""
    if await conn.fetchval("select to_regclass('schema_migration')") is None:
        return 0
    version = await conn.fetchval("select coalesce(max(version), 0) from schema_migration")
    assert isinstance(version, int)
    return version


async def fence(tx: Tx) -> None:
    """Keep migrations out until `tx` ends; raise `Outdated` when one of a newer Firebell came before.

    It comes first in its transaction: who held rows while waiting here could block the migration for ever.
    """
    await tx.execute("select pg_advisory_xact_lock_shared($1)", _LOCK)
    # a statement of its own: one that waited for the lock would still see the schema from before
    found = await tx.value("select max(version) from schema_migration")
    if found > available()[-1].version:
        raise Outdated(found)


async def migrate(dsn: str, shipped: Sequence[Migration] | None = None) -> tuple[int, int]:
    """Bring the database to the schema of `shipped`, this program's own unless told otherwise.

    Returns the versions before and after, and wakes running workers so that older ones see it and stop.
    Raises `Outdated` when the database was written by a newer Firebell.
    """
    todo = available() if shipped is None else shipped
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute("select pg_advisory_lock($1)", _LOCK)
        before = await applied(conn)
        if before > todo[-1].version:
            raise Outdated(before)
        for migration in todo[before:]:
            async with conn.transaction():
                await conn.execute(migration.sql)
                await conn.execute(
                    "insert into schema_migration (version, name) values ($1, $2)",
                    migration.version,
                    migration.name,
                )
                await conn.execute("select pg_notify($1, 'schema')", WORK_CHANNEL)
        return before, todo[-1].version
    finally:
        await conn.close()
