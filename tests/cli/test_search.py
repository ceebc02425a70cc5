"""Search at the terminal."""

import re
from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server


async def test_search_finds_anything_by_its_words(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        results = await run("search", "okafor", "jun")
        assert re.search(r"^person +\S+ +Jun Okafor +", results.out, re.M)
        one = await run("search", "payments", "--group", "oncall", "--json")
        assert [g["name"] for g in one.json["groups"]] == ["oncall"]
        nothing = await run("search", "xyzzy", code=1)
        assert "No results for 'xyzzy'" in nothing.err
        assert (await run("search", "xyzzy", "--json")).json["best"] is None
