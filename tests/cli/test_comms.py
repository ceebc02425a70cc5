"""Updates about an incident at the terminal: checked, published, taken back."""

from datetime import UTC, datetime
from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server


async def test_an_update_is_checked_published_and_taken_back(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (_, run):
        await run("declare", "Card payments fail", "--severity", "SEV2")
        checked = await run("comms", "check", "-", "--json", code=1, typed="We will be back shortly.")
        assert "W-SOON" in {finding["code"] for finding in checked.json["findings"]}
        published = await run(
            *("comms", "publish", "INC-1", "--internal", "Failing over.", "--to", "timeline", "--json")
        )
        assert (published.json["state"], published.json["id"]) == ("published", 1)
        words = ("comms", "publish", "INC-1", "--public", "We look.", "--to", "timeline")
        assert "LANGUAGE=TEXT" in (await run(*words, "--translation", "de", code=2)).err
        # there is no status page that has this language
        await run(
            *words,
            "--translation",
            "de=Wir suchen.",
            "--eta",
            "2030-01-01T00:00Z",
            "--subject",
            "Cards",
            code=1,
        )
        assert "posts nothing" in (await run("comms", "first-update", "INC-1")).out
        await run("comms", "first-update", "INC-1", "--claim", code=1)
        await run("comms", "recall", "INC-1", "1", code=1)
        await run("undo")
        assert "recalled" in (await run("comms", "list", "INC-1")).out
