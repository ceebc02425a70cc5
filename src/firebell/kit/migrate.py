"""Forward-only plain-SQL migrations, applied at start under an advisory lock."""

from dataclasses import dataclass
from importlib import resources

import asyncpg

from firebell.kit.errors import StartupError

_LOCK = 7_316_202_611


@dataclass(frozen=True, slots=True)
class Migration:
    """One file `NNN_name.sql` of `firebell/migrations`."""

    version: int
    name: str
    sql: str


def available() -> list[Migration]:
    """Return the shipped migrations in order; their numbers have no holes."""
    found = []
    for entry in sorted(resources.files("firebell.migrations").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".sql"):
            number, _, name = entry.name.removesuffix(".sql").partition("_")
            found.append(Migration(int(number), name, entry.read_text(encoding="utf-8")))
    assert [m.version for m in found] == list(range(1, len(found) + 1)), "migration numbers have a hole"
    return found


async def applied(conn: asyncpg.Connection) -> int:
    """Return the highest applied version, 0 for an empty database."""
    if await conn.fetchval("select to_regclass('schema_migration')") is None:
        return 0
    version = await conn.fetchval("select coalesce(max(version), 0) from schema_migration")
    assert isinstance(version, int)
    return version


async def migrate(dsn: str) -> tuple[int, int]:
    """Bring the database to this program's schema; return the versions before and after.

    Raises `StartupError` when the database was written by a newer Firebell.
    """
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute("select pg_advisory_lock($1)", _LOCK)
        before = await applied(conn)
        todo = available()
        if before > todo[-1].version:
            raise StartupError(
                f"The database has schema {before}, this Firebell knows {todo[-1].version}.",
                hint="Start the newer version again, or restore a backup from before the upgrade.",
            )
        for migration in todo[before:]:
            async with conn.transaction():
                await conn.execute(migration.sql)
                await conn.execute(
                    "insert into schema_migration (version, name) values ($1, $2)",
                    migration.version,
                    migration.name,
                )
        return before, todo[-1].version
    finally:
        await conn.close()
