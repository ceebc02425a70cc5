"""The command line shows a service with everything that belongs to it."""

from datetime import UTC, datetime
from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server


async def test_a_service_is_shown_with_its_state_and_its_pages(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (w, run):
        await w.alert("Disk full")
        await w.settle()
        as_json = (await run("service", "show", "checkout", "--json")).json
        assert (as_json["state"]["state"], as_json["state"]["ref"]) == ("degraded", "PG-1")
        text = (await run("service", "show", "checkout")).out
        assert "PG-1" in text
        assert "Disk full" in text
        assert "Mara Lindqvist" in text
        listed = (await run("alert", "list", "--service", "checkout", "--firing", "--json")).json
        assert [a["title"] for a in listed] == ["Disk full"]
        await run("alert", "list", "--service", "nowhere", code=1)
        await run("service", "show", "nowhere", code=1)
