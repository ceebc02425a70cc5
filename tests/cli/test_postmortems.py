"""Post-mortems at the terminal: blame is found offline, and an author is assigned on the server."""

from pathlib import Path

import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.postmortems import actions as postmortems
from tests.cli.terminal import Terminal, Typist, at_a_server
from tests.postmortem_steps import PUBLISHABLE


@pytest.fixture
def run(tmp_path: Path) -> Terminal:
    """A terminal that is not signed in."""
    return Typist(tmp_path / "home")


async def test_files_are_linted_without_a_server(run: Terminal, tmp_path: Path) -> None:
    good, bad, other = (tmp_path / name for name in ("good.md", "bad.md", "other.md"))
    good.write_text("The replica failed to elect a leader.", encoding="utf-8")
    bad.write_text("Maria failed to look.\n\nThe alert should have fired.", encoding="utf-8")
    other.write_bytes("Der Dienst war nicht da, und das ist nicht gut für die Kunden.".encode("utf-16"))
    assert "no findings" in (await run("postmortem", "lint", str(good))).out
    shown = await run("postmortem", "lint", str(good), str(bad), "--name", "Maria", code=1)
    assert f"{bad}:1: error B3" in shown.out
    assert f"{bad}:3: info B1s" in shown.out
    assert "Maria did not" in shown.out
    listed = (await run("postmortem", "lint", str(bad), "--name", "Maria", "--json", code=1)).json
    assert [(f["code"], f["line"]) for f in listed[0]["findings"]] == [("B3", 1), ("B1s", 3)]
    assert listed[0]["blocking"] == 1
    assert "human error" in (await run("postmortem", "lint", "-", typed="It was human error.", code=1)).out
    skipped = await run("postmortem", "lint", str(bad), "--language", "de")
    assert "not examined" in skipped.out
    await run("postmortem", "lint", str(tmp_path / "none.md"), code=2)
    await run("postmortem", "lint", str(other), code=2)
    await run("postmortem", "lint", code=2)


async def test_an_author_is_assigned(dsn: str, clock: FakeClock, tmp_path: Path) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            made = await incidents.declare(tx, mara, title="Down", severity=1, now=w.now)
            await postmortems.start(tx, mara, made.id, w.now)
        assert "Read the draft: " in (await run("postmortem", "due")).out
        assert "Neither an alert" in (await run("incident", "graph", "INC-1")).out
        shown = (await run("postmortem", "timeline", "INC-1", "--only", "shown", "--json")).json
        hidden = (await run("postmortem", "timeline", "INC-1", "--hide", shown[0]["key"], "--json")).json
        assert hidden["shown"] == len(shown) - 1
        assert "no (chosen)" in (await run("postmortem", "timeline", "INC-1")).out
        await run("postmortem", "timeline", "INC-1", "--show", "x:1", code=1)
        await run("postmortem", "assign", "INC-1", "nobody@example.com", code=1)
        await run("postmortem", "assign", "INC-9", str(w.jun), code=1)
        added = await run(
            *("postmortem", "action", "INC-1", "Alert on the pool", "--quote", "It was silent.", "--json"),
            *("--owner", str(w.jun), "--due", "2026-12-14"),
        )
        assert (added.json["source_quote"], added.json["due"]) == ("It was silent.", "2026-12-14")
        await run("postmortem", "action", "INC-1", "Alert on the pool", "--root", "none such", code=1)
        assert (await run("postmortem", "assign", "INC-1", str(w.jun), "--json")).json == {
            "ref": "INC-1",
            "author_id": w.jun,
        }


async def test_a_document_is_reviewed_published_and_exported(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        mara, jun = await w.actor(w.mara), await w.actor(w.jun)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, mara, title="Down", severity=1, commander_id=w.jun, now=w.now)
            await tx.execute("update incident set phase = 'closed', closed_at = $1", w.now)
            await postmortems.start(tx, jun, 1, w.now)
        check = ("postmortem", "publish", "INC-1", "--check")
        blockers = (await run(*check, "--json", code=1)).json["blockers"]
        problems = [each["problem"] for each in blockers if each["problem"]]
        listed = (await run(*check, code=1)).out
        assert f"INC-1: {len(blockers)} left." in listed
        assert listed.count("firebell postmortem accept INC-1 ") == len(problems) > 0
        async with w.ctx.db.tx() as tx:
            await postmortems.save(tx, jun, 1, PUBLISHABLE, 1, w.now)
        await run("postmortem", "review", "INC-1", "--ask", "nobody@example.com", code=1)
        await run("postmortem", "approve", "INC-1", "--version", "2", code=1)
        assert ": review, version 2." in (await run("postmortem", "review", "INC-1")).out
        changes = ("postmortem", "approve", "INC-1", "--version", "2", "--changes", "Say when")
        assert ": draft, version 2." in (await run(*changes)).out
        await run("postmortem", "review", "INC-1")
        assert ": approved" in (await run("postmortem", "approve", "INC-1", "--version", "2")).out
        assert "Say when" in (await run("postmortem", "review", "INC-1", "--show")).out
        left = await run("postmortem", "publish", "INC-1", "--check", code=1)
        assert "external:" in left.out
        await run("postmortem", "accept", "INC-1", "P-BLAME:x", "--reason", "no", code=1)
        await run("postmortem", "external", "decide", "INC-1", code=2)
        assert ": draft" in (await run("postmortem", "external", "decide", "INC-1", "--yes")).out
        text = tmp_path / "public.md"
        text.write_text("Ask Mara Lindqvist.", encoding="utf-8")
        saved = await run("postmortem", "external", "save", "INC-1", str(text), "--version", "1")
        assert "line 1: “Mara Lindqvist”" in saved.out
        await run("postmortem", "external", "review", "INC-1")
        await run("postmortem", "external", "approve", "INC-1", "--version", "2", code=1)
        await run("postmortem", "external", "publish", "INC-1", code=1)
        assert (await run("postmortem", "external", "show", "INC-1", "--text")).out == "Ask Mara Lindqvist.\n"
        await run("postmortem", "external", "decide", "INC-1", "--no", "It was internal")
        chosen = await run("postmortem", "distribute", "INC-1", "everyone", "ceo@example.com")
        assert chosen.out == "Everyone, ceo@example.com: 3 recipients.\n"
        assert "ready" in (await run("postmortem", "publish", "INC-1", "--check")).out
        assert "as version 3." in (await run("postmortem", "publish", "INC-1")).out
        assert "1 of 1" in (await run("postmortem", "rate", "INC-1", "--useful")).out
        assert (await run("postmortem", "export", "INC-1")).out.startswith("# INC-1\n")
        await run("postmortem", "export", "INC-1", "--format", "pdf", code=2)
        file = tmp_path / "inc-1.json"
        await run("postmortem", "export", "INC-1", "--format", "json", "--roles", "--output", str(file))
        assert '"names": "roles"' in file.read_text(encoding="utf-8")
        assert "must confirm" in (await run("postmortem", "withdraw", "INC-1", "--reason", "Wrong")).out
