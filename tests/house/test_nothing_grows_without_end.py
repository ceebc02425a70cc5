"""Each table has a retention that the documentation names, or a reason why its rows are kept."""

import re
from collections import Counter

import asyncpg

from firebell.kit.jobs.pruning import KIND
from firebell.slices import SLICES, retentions
from tests.house.source import ROOT

TABLES = [table for each in SLICES for table in each.tables]
KEPT = [table for each in SLICES for table in each.kept]
DELETED = [table for each in retentions() for table in (each.table, *each.with_tables)]
ROWS = re.findall(
    r"^\| .+? \| (`.+?`) \| (\d+) day.*? \| (?:`(\w+)`)? ?\|$",
    (ROOT / "docs/operating.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)


def test_each_table_is_deleted_by_age_or_kept_for_a_reason() -> None:
    assert Counter([*KEPT, *DELETED]) == Counter(TABLES)
    for each in SLICES:
        assert set(each.kept) <= set(each.tables), each.name
        for table, reason in each.kept.items():
            assert reason.endswith("."), table


def test_the_documentation_has_each_retention_and_its_setting() -> None:
    documented = {
        table: (int(days), setting)
        for tables, days, setting in ROWS
        for table in re.findall(r"`(\w+)`", tables)
    }
    assert documented == {
        table: (each.days, each.setting) for each in retentions() for table in (each.table, *each.with_tables)
    }


async def test_each_retention_has_a_timer_after_an_upgrade(dsn: str) -> None:
    conn = await asyncpg.connect(dsn)
    try:
        keys = await conn.fetch("select key from due where kind = $1", KIND)
    finally:
        await conn.close()
    assert {row["key"] for row in keys} == {each.table for each in retentions()}
