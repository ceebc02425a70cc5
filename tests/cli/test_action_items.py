"""Action items at the terminal."""

from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server


async def test_an_item_from_its_proposal_to_its_end(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        added = await run("action", "add", "Add a timeout to the card client", "--priority", "1", "--json")
        assert (added.json["ref"], added.json["priority"], added.json["owner_id"]) == ("ACT-1", 1, None)
        await run("action", "add", "Time out the card client", "--owner", "jun@example.org")
        assert (await run("action", "accept", "ACT-1")).out.startswith("You own ACT-1")
        refused = await run("action", "accept", "ACT-2", code=1)
        assert "proposed to someone else" in refused.err
        listed = await run("action", "list", "--owner", "me", "--json")
        assert [i["ref"] for i in listed.json] == ["ACT-1"]
        assert "(proposed)" in (await run("action", "list")).out
        await run("action", "pass", "ACT-2", "--to", "none", "--note", "Not mine")
        assert "in progress" in (await run("action", "start", "ACT-1")).out
        moved = await run("action", "move", "ACT-1", "ACT-2", "2030-01-07", "--reason", "On call", "--json")
        assert [(i["due"], i["moved"]) for i in moved.json] == [("2030-01-07", 1)] * 2
        await run("action", "move", "ACT-1", "2030-01-14", code=1)
        await run("action", "duplicate", "ACT-2", "--of", "ACT-1")
        await run("action", "reopen", "ACT-2", "--reason", "It is another client")
        await run("action", "drop", "ACT-2", "--reason", "The client is gone")
        done = await run("action", "done", "ACT-1", "--evidence", "https://git.example.org/pay/pull/7")
        assert done.out.startswith("ACT-1 is done, due 2030-01-07")
        shown = await run("action", "show", "ACT-1")
        assert "evidence: https://git.example.org/pay/pull/7" in shown.out
        assert "No action item was due." in (await run("action", "completion")).out
        states = [i["state"] for i in (await run("action", "list", "--all", "--json")).json]
        assert states == ["dropped", "done"]
