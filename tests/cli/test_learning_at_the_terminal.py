"""What earlier incidents taught, at the terminal: search, similar incidents, meetings, near misses."""

from pathlib import Path

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.postmortems import actions as postmortems
from tests.cli.terminal import at_a_server


async def test_documents_are_searched_met_about_and_joined(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            for title in ("Connection pool exhausted", "Search is slow"):
                await incidents.declare(tx, mara, title=title, severity=1, now=w.now)
            await postmortems.start(tx, mara, 1, w.now)
        listed = (await run("postmortem", "search", "connection", "pools", "--json")).json
        assert [one["ref"] for one in listed["results"]] == ["INC-1"]
        assert "INC-1" in (await run("postmortem", "search", "--severity", "SEV1")).out
        await run("postmortem", "search", "--year", "x", code=1)
        assert (await run("postmortem", "similar", "INC-2", "--json")).json["incidents"] == []
        await run("postmortem", "similar", "INC-9", code=1)
        joined = (await run("postmortem", "incidents", "INC-1", "--add", "INC-2", "--json")).json
        assert joined["incidents"] == ["INC-1", "INC-2"]
        await run("postmortem", "incidents", "INC-1", "--remove", "INC-1", code=1)
        meeting = ("postmortem", "meeting")
        await run(*meeting, "next", "INC-1", code=1)
        await run(*meeting, "start", "INC-1", "--minutes", "30")
        await run(*meeting, "start", "INC-1", code=1)
        assert (await run(*meeting, "next", "INC-1", "--json")).json["part"] == 1
        assert (await run(*meeting, "end", "INC-1", "--json")).json["state"] == "too short"
        await run(*meeting, "record", "INC-1", code=2)
        people = ("--with", str(w.mara), "--with", str(w.jun))
        start = f"{w.now.year - 1}-12-31T10:00"
        held = await run(*meeting, "record", "INC-1", "--at", start, "--minutes", "45", *people, "--json")
        assert held.json["state"] == "held"
        await run(*meeting, "record", "INC-1", "--not-held", "One person acted")
        states = [one["state"] for one in (await run(*meeting, "list", "INC-1", "--json")).json]
        assert states == ["not held", "held", "too short"]
        answers = ("--could-have", "No payments", "--barrier", "The review")
        await run("near-miss", "report", "Pool of 1,000", code=2)
        reported = (await run("near-miss", "report", "Pool of 1,000", *answers, "--unnamed", "--json")).json
        assert (reported["ref"], reported["reporter_id"]) == ("NM-1", None)
        await run("near-miss", "publish", "NM-1", code=1)
        assert "NM-1" in (await run("near-miss", "list")).out
        assert (await run("near-miss", "show", "NM-1")).out.startswith("# NM-1: Pool of 1,000")
