"""Compares a database's schema with the one that the migration files create."""

from collections.abc import Iterable

import asyncpg

from firebell.kit.db.database import Connection
from firebell.kit.errors import StartupError

_SCRATCH = "firebell_expected_schema"
_FACTS = """
select 'column' as kind, c.relname, a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
    || case when a.attnotnull then ' not null' else '' end
    || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
    || a.attidentity::text || a.attgenerated::text as fact
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
union all
select 'constraint', c.relname, pg_get_constraintdef(k.oid, true)
from pg_constraint k
join pg_class c on c.oid = k.conrelid
where c.relnamespace = current_schema()::regnamespace and k.contype <> 'n'
union all
select 'index', c.relname, pg_get_indexdef(i.indexrelid, 0, true)
from pg_index i
join pg_class c on c.oid = i.indrelid
where c.relnamespace = current_schema()::regnamespace
union all
select 'view', c.relname, pg_get_viewdef(c.oid, true)
from pg_class c
where c.relnamespace = current_schema()::regnamespace and c.relkind = 'v'
"""

Fact = tuple[str, str, str]
"""Its kind, its table and its definition."""


def differences(expected: Iterable[Fact], actual: Iterable[Fact]) -> list[str]:
    """Return one line per missing fact, and per unexpected restriction of an expected table.

    Additional tables, views and indexes, such as for reports, do not count.
    """
    wanted, present = set(expected), set(actual)
    tables = {table for _, table, _ in wanted}
    missing = [f"{table}: no {kind} {fact}" for kind, table, fact in wanted - present]
    extra = [
        f"{table}: unknown {kind} {fact}"
        for kind, table, fact in present - wanted
        if table in tables and kind in ("column", "constraint")
    ]
    return sorted(missing + extra)


async def _facts(conn: Connection) -> list[Fact]:
    return [(row["kind"], row["relname"], row["fact"]) for row in await conn.fetch(_FACTS)]


async def compare(conn: Connection, scripts: Iterable[str]) -> list[str]:
    """Return the differences between the current schema and the one that `scripts` create.

    The scripts run in order in a separate schema that is rolled back. Raises `StartupError` if the role cannot
    create a schema.
    """
    actual = await _facts(conn)
    scratch = conn.transaction()
    await scratch.start()
    try:
        await conn.execute(f"create schema {_SCRATCH}")
        await conn.execute(f"set local search_path = {_SCRATCH}")
        for script in scripts:
            await conn.execute(script)
        return differences(await _facts(conn), actual)
    except asyncpg.InsufficientPrivilegeError as exc:
        raise StartupError(
            f"Firebell cannot check the schema of the database: {exc}.",
            hint="Make the user of DATABASE_URL the owner of the database.",
        ) from exc
    finally:
        await scratch.rollback()
