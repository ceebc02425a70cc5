"""The handbook offline, and templates at the terminal."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.cli.terminal import Terminal, Typist, at_a_server
from tests.world import World

FILE = """# Ours

### First

`update-first` · n

```markdown
{{ref}} burns
```
"""


@pytest.fixture
async def house(dsn: str, clock: FakeClock, tmp_path: Path) -> AsyncIterator[tuple[World, Terminal]]:
    async with at_a_server(dsn, clock, tmp_path / "home") as worlds:
        yield worlds


async def test_the_handbook_is_read_without_a_server(tmp_path: Path) -> None:
    run = Typist(tmp_path)
    listed = await run("handbook", "list")
    assert ["references/severity-classification", "Severity", "classification"] in [
        line.split() for line in listed.out.splitlines()
    ]
    assert {c["chapter"] for c in (await run("handbook", "list", "--json")).json} >= {"SKILL"}
    first = await run("handbook", "show")
    assert first.out.lstrip().startswith("# Managing incidents")
    shown = await run("handbook", "show", "references/incident-roles.md")
    assert shown.out.lstrip().startswith("# Incident roles")
    code = await run("handbook", "show", "scripts/classify-severity")
    assert code.out.startswith("#!/usr/bin/env python3")
    wrong = await run("handbook", "show", "incident-roles", code=1)
    assert "Did you mean references/incident-roles?" in wrong.err
    hits = (await run("handbook", "search", "commander", "hands", "--limit", "2", "--json")).json
    assert len(hits) == 2
    assert {"chapter", "section", "anchor", "snippet"} == set(hits[0])
    results = await run("handbook", "search", "decision", "tree", "--limit", "1")
    assert "firebell handbook show references/severity-classification" in results.out
    assert "No results" in (await run("handbook", "search", "zebra", code=1)).err


async def test_a_real_process_prints_a_chapter(tmp_path: Path) -> None:
    shown = await Terminal(tmp_path)("handbook", "show", "references/incident-workflow")
    assert shown.out.lstrip().startswith("# Incident workflow")
    assert shown.err == ""


async def test_templates_are_set_put_back_and_applied(house: tuple[World, Terminal], tmp_path: Path) -> None:
    _, run = house
    assert "update-first" in (await run("template", "list")).out
    shown = await run("template", "show", "update-first")
    file = tmp_path / "update-first.md"
    file.write_text("{{ref}} burns\n", encoding="utf-8")
    assert "has a customized text" in (await run("template", "set", "update-first", str(file))).out
    assert (await run("template", "show", "update-first")).out == "{{ref}} burns\n"
    assert (await run("template", "show", "update-first", "--shipped")).out == shown.out
    file.write_text(shown.out, encoding="utf-8")
    assert "has the default text" in (await run("template", "set", "update-first", str(file))).out
    file.write_text("{{reff}}", encoding="utf-8")
    assert "{{reff}}" in (await run("template", "set", "update-first", str(file), code=1)).err
    assert "default text" in (await run("template", "reset", "update-first")).out
    await run("template", "set", "update-first", str(tmp_path / "gone.md"), code=2)

    folder = tmp_path / "templates"
    (folder / "deep").mkdir(parents=True)
    assert "no Markdown files" in (await run("template", "apply", str(folder), code=2)).err
    (folder / "deep" / "a.md").write_text(FILE, encoding="utf-8")
    dry = await run("template", "apply", str(folder), "--dry-run")
    assert dry.out == "created   update-first\n0 unchanged. Dry run: nothing was applied.\n"
    assert (await run("template", "apply", str(folder))).out == "created   update-first\n0 unchanged.\n"
    assert (await run("template", "apply", str(folder))).out == "1 unchanged.\n"
    listed = (await run("template", "list", "--json")).json
    assert next(t for t in listed if t["id"] == "update-first")["source"] == "git"
    (folder / "deep" / "a.md").write_text(FILE.replace("update-first", "update-frist"), encoding="utf-8")
    wrong = await run("template", "apply", str(folder), code=1)
    assert "deep/a.md:5: There is no template update-frist." in wrong.err


async def test_a_message_is_printed_to_be_sent(house: tuple[World, Terminal]) -> None:
    w, run = house
    async with w.ctx.db.tx() as tx:
        await incidents.declare(tx, await w.actor(w.mara), title="Cards fail", severity=1, now=w.now)
    listed = await run("incident", "messages", "INC-1")
    assert listed.out.splitlines()[1].startswith("update-first")
    name = await run("incident", "messages", "INC-1", "channel-name")
    assert name.out == "incident-2026-11-24-cards-fail\n"
    assert name.err == ""
    first = await run("incident", "messages", "INC-1", "update-first", "--tz", "Europe/Stockholm")
    assert "04:14" in first.out
    assert "Still to fill in: " in first.err
    wrong = await run("incident", "messages", "INC-1", "update-frist", code=1)
    assert "update-first" in wrong.err
