"""Regulatory clocks at the terminal."""

from datetime import UTC, datetime
from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server


async def test_clocks_are_listed_decided_and_submitted(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (_, run):
        await run("declare", "Customer data copied", "--severity", "SEV1")
        listed = (await run("incident", "clocks", "INC-1", "--json")).json
        assert {c["state"] for c in listed["clocks"] if c["obligation"] == "GDPR-33"} == {"undecided"}
        recorded = (await run("incident", "record-fact", "INC-1", "personal_data", "--json")).json
        assert (recorded["fact"], recorded["answer"]) == ("personal_data", "yes")
        await run("incident", "record-fact", "INC-1", "sec_material", "no", code=1)
        await run("incident", "record-fact", "INC-1", "sec_material", "no", "--reason", "No effect")
        text = (await run("incident", "clocks", "INC-1")).out
        assert "GDPR-33" in text
        assert "running" in text
        await run("incident", "record-fact", "INC-1", "submitted:GDPR-33", "--reason", "Online form")
        states = {
            c["obligation"]: c["state"]
            for c in (await run("incident", "clocks", "INC-1", "--all", "--json")).json["clocks"]
        }
        assert (states["GDPR-33"], states["SEC-8K"]) == ("met", "not_applicable")
        draft = ("incident", "draft", "INC-1", "GDPR-33")
        written = await run(*draft, "--field", "consequences=Phishing", "--plain")
        assert "Phishing" in written.out
        assert "records" in written.err
        await run(*draft, "--field", "nothing", code=2)
        await run("incident", "draft-step", "INC-1", "GDPR-33", "sign", code=1)
        listed = (await run("incident", "drafts", "INC-1", "--json")).json
        assert [(one["obligation"], one["state"]) for one in listed] == [("GDPR-33", "draft")]


async def test_regimes_are_listed_shown_and_set(dsn: str, tmp_path: Path) -> None:
    async with at_a_server(dsn, FakeClock(datetime.now(UTC)), tmp_path) as (_, run):
        assert "eu-gdpr" in (await run("regime", "list")).out
        shown = (await run("regime", "show", "uk-gdpr")).out
        assert "UKGDPR-33" in shown
        assert "not verified" not in shown
        changed = (await run("regime", "set", "us-hipaa", "--off", "--json")).json
        assert (changed["id"], changed["on"]) == ("us-hipaa", False)
        await run("regime", "set", "nowhere", "--on", code=1)
        assert "personal_data" in (await run("regime", "facts")).out
        assert (await run("regime", "clocks", "--json")).json == []
