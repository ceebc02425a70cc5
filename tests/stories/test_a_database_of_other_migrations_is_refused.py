"""Story: the schema is what the migration files make; what an edited file left behind is repaired or refused."""

from dataclasses import replace

import asyncpg
import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.db.migrate import Altered, Migration, available, migrate
from tests.world import world

BEFORE_CHECKSUMS = next(m.version for m in available() if m.name == "integrity") - 1


def old(number: int, *removed: tuple[str, str]) -> Migration:
    """Return a shipped migration as it was, with parts of its text replaced."""
    migration = available()[number - 1]
    sql = migration.sql
    for text, instead in removed:
        assert text in sql
        sql = sql.replace(text, instead)
    return replace(migration, sql=sql)


FIRST_RELEASE = (
    *available()[:3],
    old(
        4,
        ("create index event_broken on event (integration_id, id) where error is not null;", ""),
        ("insert into due (kind, key, due_at) values ('alerts.prune'", "-- "),
    ),
    available()[4],
    old(
        6,
        ("    rank smallint not null check (rank between 0 and 2),\n", ""),
        ("on delivery (rank, send_at, id)", "on delivery (send_at, id)"),
    ),
    *available()[6:BEFORE_CHECKSUMS],
)


async def execute(dsn: str, sql: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        await conn.execute(sql)
    finally:
        await conn.close()


async def versions(dsn: str) -> dict[int, bool | None]:
    """Return the applied versions, and whether each has the checksum of its file."""
    conn = await asyncpg.connect(dsn)
    try:
        rows = await conn.fetch("select * from schema_migration order by version")
    finally:
        await conn.close()
    files = {migration.version: migration.sha256 for migration in available()}
    return {
        row["version"]: row["sha256"] == files[row["version"]] if row.get("sha256") else None for row in rows
    }


async def test_a_fresh_database_knows_what_it_was_made_of(empty_dsn: str) -> None:
    await migrate(empty_dsn)
    assert await versions(empty_dsn) == {migration.version: True for migration in available()}
    assert await migrate(empty_dsn) == (len(available()), len(available()))


async def test_a_database_of_the_first_release_is_repaired_and_pages(
    empty_dsn: str, clock: FakeClock
) -> None:
    await migrate(empty_dsn, FIRST_RELEASE)
    await migrate(empty_dsn)
    assert await versions(empty_dsn) == {migration.version: True for migration in available()}
    async with world(empty_dsn, clock) as w:
        await w.alert("paid for by the upgrade")
        await w.settle()
        assert [message["title"] for message in w.sink.got] == ["paid for by the upgrade"]


async def test_a_database_without_checksums_is_accepted_if_its_schema_is_right(empty_dsn: str) -> None:
    await migrate(empty_dsn, available()[:BEFORE_CHECKSUMS])
    await execute(empty_dsn, "create view of_a_report as select count(*) as pages from page")
    await migrate(empty_dsn)
    assert set((await versions(empty_dsn)).values()) == {True}


@pytest.mark.parametrize(
    ("damage", "named"),
    [
        ("alter table page drop column urgency cascade", "page: no column urgency"),
        ("drop index delivery_page", "delivery: no index"),
        ("alter table outbox add check (attempts < 3)", "outbox: unknown constraint"),
        ("drop view policy_chain", "policy_chain: no view"),
        ("alter table due alter column attempts drop not null", "due: no column attempts"),
    ],
)
async def test_a_database_without_checksums_that_differs_is_refused_unchanged(
    empty_dsn: str, damage: str, named: str
) -> None:
    await migrate(empty_dsn, available()[:BEFORE_CHECKSUMS])
    await execute(empty_dsn, damage)
    with pytest.raises(Altered) as refused:
        await migrate(empty_dsn, available()[: BEFORE_CHECKSUMS + 1])
    assert named in refused.value.message
    assert refused.value.hint
    assert await versions(empty_dsn) == dict.fromkeys(range(1, BEFORE_CHECKSUMS + 1))


async def test_an_edited_migration_is_refused_by_name(dsn: str) -> None:
    edited = tuple(replace(m, sql=m.sql + "\n") if m.version == 6 else m for m in available())
    with pytest.raises(Altered) as refused:
        await migrate(dsn, edited)
    assert "006_paging.sql" in refused.value.message
    assert refused.value.hint


async def test_a_migration_of_another_name_is_refused_by_name(dsn: str) -> None:
    renamed = tuple(replace(m, name="broken_sources") if m.version == 8 else m for m in available())
    with pytest.raises(Altered) as refused:
        await migrate(dsn, renamed)
    assert "008_storms.sql" in refused.value.message
    assert "008_broken_sources.sql" in refused.value.message
