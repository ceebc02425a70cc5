"""The command line shows how long data is kept."""

from datetime import UTC, datetime
from pathlib import Path

from firebell.kit.clock import FakeClock
from firebell.slices import retentions
from tests.cli.terminal import at_a_server


async def test_retention_is_listed(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (_, run):
        listed = (await run("retention", "--json")).json
        assert {tuple(each["tables"]) for each in listed} == {(r.table, *r.with_tables) for r in retentions()}
        lines = (await run("retention")).out.splitlines()
        assert len(lines) == 1 + len(listed)
        assert {"SETTING", "WAITING"} <= set(lines[0].split())
