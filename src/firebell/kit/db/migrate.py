"""Forward-only plain-SQL migrations under an advisory lock, and the gate that stops older processes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources

import asyncpg

from firebell.kit.db.database import WORK_CHANNEL, Connection, Tx
from firebell.kit.db.schema_check import compare
from firebell.kit.errors import StartupError

_LOCK = 7_316_202_611


@dataclass(frozen=True, slots=True)
class Migration:
    """One file `NNN_name.sql` of `firebell/migrations`."""

    version: int
    name: str
    sql: str

    @property
    def file(self) -> str:
        """The name of its file."""
        return f"{self.version:03}_{self.name}.sql"

    @property
    def sha256(self) -> bytes:
        """The checksum of its text, independent of line endings."""
        return hashlib.sha256(self.sql.encode()).digest()


class Outdated(StartupError):  # noqa: N818 - reads as a statement where it is raised
    """A newer Firebell has migrated the database to a schema that this process does not know."""

    def __init__(self, version: int) -> None:
        super().__init__(
            f"The database has schema {version}, this Firebell knows {available()[-1].version}.",
            hint="Start the newer version again, or restore a backup from before the upgrade.",
        )


class Altered(StartupError):  # noqa: N818
    """The database was created by different migration files than this program has."""


@cache
def available() -> tuple[Migration, ...]:
    """Return the shipped migrations in order, numbered without gaps."""
    migrations = []
    for entry in sorted(resources.files("firebell.migrations").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".sql"):
            number, _, name = entry.name.removesuffix(".sql").partition("_")
            migrations.append(Migration(int(number), name, entry.read_text(encoding="utf-8")))
    assert [m.version for m in migrations] == list(range(1, len(migrations) + 1)), (
        "migration numbers have a gap"
    )
    return tuple(migrations)


async def applied(conn: Connection) -> int:
    """Return the highest applied version, 0 for an empty database."""
    if await conn.fetchval("select to_regclass('schema_migration')") is None:
        return 0
    version = await conn.fetchval("select coalesce(max(version), 0) from schema_migration")
    assert isinstance(version, int)
    return version


async def fence(tx: Tx, now: datetime | None = None) -> None:
    """Block migrations and the rescheduling after a set-back until `tx` ends.

    Raise `Outdated` if a newer Firebell has migrated. Raise `Unavailable` if `now`, the time the transaction acts on,
    is ahead of the database's: its clock was set back, so timers would run early and leases would seem to have ended
    (decision 0108). Without `now`, the process's clock is compared.

    Must come first in its transaction: waiting here while holding row locks could block the migration forever.
    """
    await tx.execute("select pg_advisory_xact_lock_shared($1)", _LOCK)
    asked = tx.clock.now() if tx.clock and now is None else now
    # a separate statement: the one that waited for the lock would still see the old schema
    row = await tx.row("select max(version) as version, clock_timestamp() as now from schema_migration")
    assert row
    if row["version"] > available()[-1].version:
        raise Outdated(row["version"])
    if tx.clock and asked:
        tx.clock.check(asked, row["now"])


async def fence_alone(tx: Tx) -> None:
    """Wait for all transactions that called `fence`, and keep others from passing it until `tx` ends.

    Raise `Outdated` if a newer Firebell has migrated. Must come first in its transaction.
    """
    await tx.execute("select pg_advisory_xact_lock($1)", _LOCK)
    version = await tx.value("select max(version) from schema_migration")
    if version > available()[-1].version:
        raise Outdated(version)


async def migrate(dsn: str, shipped: Sequence[Migration] | None = None) -> tuple[int, int]:
    """Migrate the database to the schema of `shipped`, by default this program's own.

    Returns the versions before and after, and wakes running workers so that older ones see it and stop.
    Raises `Outdated` when the database was written by a newer Firebell, and `Altered` when a file was edited
    after it had run or the schema is not what the files make.
    """
    todo = available() if shipped is None else shipped
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute("select pg_advisory_lock($1)", _LOCK)
        before = await applied(conn)
        if before > todo[-1].version:
            raise Outdated(before)
        await check_files(conn, todo)
        for migration in todo[before:]:
            async with conn.transaction():
                await conn.execute(migration.sql)
                await conn.execute(
                    "insert into schema_migration (version, name) values ($1, $2)",
                    migration.version,
                    migration.name,
                )
                await _record_checksums(conn, todo[: migration.version], trusted_from=before)
                await conn.execute("select pg_notify($1, 'schema')", WORK_CHANNEL)
        return before, todo[-1].version
    finally:
        await conn.close()


async def check_files(conn: Connection, shipped: Sequence[Migration]) -> None:
    """Raise `Altered` when an applied migration has another name or content than its file in `shipped`.

    A row without a checksum is of before checksums were kept: its content is compared once, by its schema.
    """
    if await conn.fetchval("select to_regclass('schema_migration')") is None:
        return
    known = "sha256" if await _keeps_checksums(conn) else "null::bytea"
    rows = await conn.fetch(f"select version, name, {known} as sha256 from schema_migration order by version")  # noqa: S608
    for row, migration in zip(rows, shipped, strict=False):
        if row["name"] != migration.name:
            raise Altered(
                f"The database has migration {row['version']:03}_{row['name']}.sql where this Firebell has"
                f" {migration.file}.",
                hint="Start the Firebell that wrote the database, or restore a backup into an empty one.",
            )
        if row["sha256"] not in (None, migration.sha256):
            raise Altered(
                f"The migration {migration.file} was changed after it ran on this database.",
                hint="Install an unchanged release of Firebell; the change itself belongs in a migration of its own.",
            )


async def _keeps_checksums(conn: Connection) -> bool:
    has_column = await conn.fetchval(
        """
        select true
        from pg_attribute
        where attrelid = 'schema_migration'::regclass and attname = 'sha256' and not attisdropped
        """
    )
    return bool(has_column)


async def _record_checksums(conn: Connection, files: Sequence[Migration], *, trusted_from: int) -> None:
    """Record the content of `files` where that is missing.

    Migrations above `trusted_from` ran just now. Of older ones only the schema can tell what they contained:
    raises `Altered` when it is not what the files make.
    """
    if not await _keeps_checksums(conn):
        return
    missing = await conn.fetch("select version from schema_migration where sha256 is null order by version")
    if missing and missing[0]["version"] <= trusted_from:
        wrong = await compare(conn, [migration.sql for migration in files])
        if wrong:
            raise Altered(
                f"The database's schema is not what the migrations of this Firebell make: {'; '.join(wrong[:5])}.",
                hint="Nothing was changed by this step. Restore a backup that a release of Firebell wrote, or undo"
                " by hand what differs.",
            )
    await conn.executemany(
        "update schema_migration set sha256 = $2 where version = $1 and sha256 is null",
        [(migration.version, migration.sha256) for migration in files],
    )
