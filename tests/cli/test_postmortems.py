"""Post-mortems at the terminal: blame is found offline, and an author is assigned on the server."""

from pathlib import Path

import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.postmortems import actions as postmortems
from tests.cli.terminal import Terminal, Typist, at_a_server


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
