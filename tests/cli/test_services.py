"""The command line shows a service with everything that belongs to it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firebell.kit.clock import FakeClock
from tests.cli.terminal import Ran, at_a_server


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

        # heartbeats of the service, as a person at a terminal and a job use them
        async def beat(command: str, *more: str, **options: Any) -> Ran:
            return await run("heartbeat", *command.split(), *more, **options)

        await beat("create checkout a", code=1)
        await beat("create checkout a --every often", code=2)
        created = await beat("create checkout settlement --every 1h --longest 30min --label team=x")
        assert "/in/<key>/heartbeat/settlement" in created.out
        await beat("create checkout backup --zone Europe/Stockholm --cron", "0 2 * * *")
        await beat("ping checkout settlement --start --fail", code=2)
        await beat("ping checkout settlement --start")
        await beat("ping checkout Settlement --exit-code 0 --message -", typed="42 payouts\n")
        pings = (await beat("pings checkout settlement --json")).json
        assert [(p["kind"], p["exit_code"], p["body"]) for p in pings] == [
            ("success", 0, "42 payouts"),
            ("start", None, ""),
        ]
        await beat("pause checkout settlement --for 91d", code=1)
        await beat("pause checkout settlement --for 8h")
        states = (await beat("list --service checkout")).out
        assert "paused" in states
        assert "0 2 * * *" in states
        await beat("resume checkout settlement")
        await beat("delete checkout backup")
        await beat("ping checkout backup", code=1)
        assert [h["name"] for h in (await beat("list --json")).json] == ["settlement"]
