"""The command line checks runbooks offline, for people and pipelines, and pushes them to a server."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from firebell.kit.clock import FakeClock
from firebell.runbooks import actions as runbook_actions
from firebell.runbooks.runs import actions as run_actions
from firebell.runbooks.runs.model import RunEventKind
from tests.cli.terminal import Terminal, Typist, at_a_server
from tests.rules.test_runbooks import GOOD
from tests.world import World


def today(days_ago: int = 0) -> str:
    """Return the day that a command sees."""
    return (datetime.now(UTC) - timedelta(days=days_ago)).date().isoformat()


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """A repository with two good runbooks, a README, the index of a site, and a page that one of them links to."""
    (tmp_path / ".git").mkdir()
    folder = tmp_path / "runbooks"
    folder.mkdir()
    good = GOOD.replace("2026-11-13", today())
    (folder / "failover.md").write_text(good, encoding="utf-8")
    (folder / "other.md").write_text(good.replace("other.md", "/docs/roles.md"), encoding="utf-8")
    (folder / "README.md").write_text("# Not a runbook\n", encoding="utf-8")
    (folder / "_index.md").write_text("---\ntitle: Databases\n---\n", encoding="utf-8")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "roles.md").touch()
    return folder


@pytest.fixture
def run(tmp_path: Path) -> Terminal:
    """A terminal that is not signed in."""
    return Typist(tmp_path / "home")


@pytest.fixture
async def house(dsn: str, clock: FakeClock, tmp_path: Path) -> AsyncIterator[tuple[World, Terminal]]:
    async with at_a_server(dsn, clock, tmp_path / "home") as worlds:
        yield worlds


async def test_good_runbooks_end_with_0_and_an_error_with_1(run: Terminal, books: Path) -> None:
    clean = await run("runbook", "check", str(books))
    assert clean.out == "2 runbooks: no findings.\n"

    (books.parent / "docs" / "roles.md").unlink()
    broken = await run("runbook", "check", str(books), code=1)
    lines = broken.out.splitlines()
    line = GOOD.splitlines().index("Go back as in [the other one](other.md).") + 1
    assert lines[0] == f"{books}/other.md:{line}: error R-LINK Broken link: /docs/roles.md."
    assert lines[1].startswith("  Correct the path")
    assert lines[2] == "2 runbooks: 1 error, 0 warnings."


async def test_a_warning_does_not_fail_and_the_age_is_a_choice(run: Terminal, books: Path) -> None:
    old = books / "failover.md"
    old.write_text(GOOD.replace("2026-11-13", today(30)), encoding="utf-8")
    assert (await run("runbook", "check", str(old))).out == "1 runbook: no findings.\n"
    warned = await run("runbook", "check", str(old), "--max-age", "29")
    assert "warning R-STALE Last reviewed 30 days ago; the limit is 29 days." in warned.out
    assert warned.out.endswith("1 runbook: 0 errors, 1 warning.\n")


async def test_json_and_sarif_are_for_pipelines(run: Terminal, books: Path) -> None:
    bad = books / "failover.md"
    bad.write_text("# Half\n", encoding="utf-8")
    findings = (await run("runbook", "check", str(books), "--format", "json", code=1)).json
    assert {f["id"] for f in findings} == {"R-PART"}
    assert {f["path"] for f in findings} == {str(bad)}
    assert (await run("runbook", "check", str(books), "--json", code=1)).json == findings
    log = json.loads((await run("runbook", "check", str(books), "--format", "sarif", code=1)).out)
    assert log["version"] == "2.1.0"
    assert len(log["runs"][0]["results"]) == len(findings)
    good = json.loads((await run("runbook", "check", str(books / "other.md"), "--format", "sarif")).out)
    assert good["runs"][0]["results"] == []


async def test_a_file_that_is_not_a_runbook_is_reported(run: Terminal, books: Path, tmp_path: Path) -> None:
    gone = await run("runbook", "check", str(books / "gone.md"), code=2)
    assert "gone.md" in gone.err
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "No runbooks in" in (await run("runbook", "check", str(empty), code=2)).err
    (books / "bytes.md").write_bytes(b"# \xff\xfe")
    assert "UTF-8" in (await run("runbook", "check", str(books), code=2)).err
    assert (await run("runbook", "check", code=2)).err


async def test_pushing_a_repository_lists_the_changes(house: tuple[World, Terminal], books: Path) -> None:
    _, run = house
    dry = await run("runbook", "push", str(books), "--dry-run")
    assert dry.out.splitlines()[0].startswith("failover: would be created")
    assert "\nfailover " not in (await run("runbook", "list")).out
    pushed = await run("runbook", "push", str(books), "--source", "https://git.example.org/ops")
    assert [line.partition(" (")[0] for line in pushed.out.splitlines()] == [
        "failover: created",
        "other: created",
    ]
    again = await run("runbook", "push", str(books), "--source", "https://git.example.org/ops")
    assert [line.partition(" (")[0] for line in again.out.splitlines()] == [
        "failover: unchanged",
        "other: unchanged",
    ]
    text = (books / "other.md").read_text(encoding="utf-8")
    (books / "other.md").write_text(
        text.replace("Orders arrive.", "Orders and payments arrive."), encoding="utf-8"
    )
    changed = (await run("runbook", "push", str(books / "other.md"), "--json")).json
    assert [(c["slug"], c["change"]) for c in changed] == [("other", "changed")]

    listed = (await run("runbook", "list")).out.splitlines()
    assert listed[0].split() == ["RUNBOOK", "OWNER", "UPDATED", "FINDINGS", "TITLE"]
    assert next(line for line in listed if line.startswith("failover ")).endswith("Payments failover")
    shown = (await run("runbook", "show", "failover", "--json")).json
    assert shown["source"] == "https://git.example.org/ops/runbooks/failover.md"
    printed = await run("runbook", "show", "failover")
    assert printed.out == (books / "failover.md").read_text(encoding="utf-8")
    missing = await run("runbook", "show", "nothing", code=1)
    assert "There is no runbook nothing." in missing.err


async def test_a_push_sends_only_the_yaml_that_is_named(house: tuple[World, Terminal], books: Path) -> None:
    _, run = house
    await run("runbook", "source", "add", "push", "CI", "--path", "**/*.md", "--path", "**/*.yml")
    (books / "values.yml").write_bytes(b"password: \xff")
    (books / "rules.yml").write_text("groups: []\n", encoding="utf-8")
    words = ("runbook", "push", str(books), "--to", "1", "--json", "--commit")
    assert (await run(*words, "c1")).json["findings"] == []
    named = (await run(*words, "c2", "--rules", "runbooks/rules.yml")).json
    assert (named["changes"].get("rule_files"), named["findings"]) == (1, [])
    assert (await run("runbook", "push", str(books), "--rules", "*.yml", code=2)).err


async def test_a_pushed_rule_file_keeps_its_byte_order_mark_so_that_diffs_of_it_apply(
    house: tuple[World, Terminal], books: Path
) -> None:
    w, run = house
    await run("runbook", "source", "add", "push", "CI", "--path", "**/*.md", "--path", "**/*.yml")
    written = b"\xef\xbb\xbfgroups:\r\n- name: a\r\n  rules:\r\n  - {alert: DiskFull, expr: up}\r\n"
    (books / "rules.yml").write_bytes(written)
    await run("runbook", "push", str(books), "--to", "1", "--commit", "c1", "--rules", "runbooks/rules.yml")
    async with w.ctx.db.tx() as tx:
        [file] = await runbook_actions.rule_files(tx, {"DiskFull"})
    assert file.body.encode() == written


async def test_two_files_of_one_address_are_refused(run: Terminal, books: Path) -> None:
    (books / "more").mkdir()
    (books / "more" / "Failover.md").write_text(GOOD, encoding="utf-8")
    refused = await run("runbook", "push", str(books), code=2)
    assert "would be the same runbook" in refused.err


async def test_runs_are_listed_and_one_is_shown_with_its_steps(
    house: tuple[World, Terminal],
) -> None:
    w, run = house
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        started = await run_actions.start(tx, actor, "database-failover", w.now)
        key = ("Prerequisites", 1)
        await run_actions.change_step(
            tx, actor, started.id, key, RunEventKind.STEP_SKIPPED, 0, w.now, reason="checked by Jun"
        )
    listed = await run("runbook", "runs", "--runbook", "database-failover")
    assert listed.out.split("\n")[1].split()[:2] == ["RUN-1", "running"]
    assert (await run("runbook", "runs", "--incident", "INC-9")).out == "No runs yet.\n"
    shown = await run("runbook", "runs", "RUN-1")
    assert "“checked by Jun”" in shown.out
    plain = json.loads((await run("runbook", "runs", "RUN-1", "--json")).out)
    assert plain["steps"][0]["state"] == "skipped"
    await run("runbook", "runs", "RUN-9", code=1)
