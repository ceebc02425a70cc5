"""Every block of the shipped runbooks is accepted by the program that it is written for."""

import asyncio
import json
import re
from datetime import date
from pathlib import Path

import asyncpg
import click
import pytest

from firebell.cli import main
from firebell.kit import handbook_files
from firebell.runbooks.model import Fence
from firebell.runbooks.parse import read
from firebell.runbooks.runbook_html import FOLDER
from firebell.runbooks.text_checks import check
from tests.peers.runbooks import program, runbook

pytestmark = pytest.mark.peers

NAMES = ("bad-release", "cache-invalidation", "certificate-expired", "database-failover", "ddos-mitigation")


def blocks(*languages: str) -> list[tuple[str, Fence]]:
    """Return (name, block) of every block in one of the languages."""
    return [(name, f) for name in NAMES for f in runbook(name).fences if f.language in languages]


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_runbook_has_no_finding(name: str) -> None:
    book = runbook(name)
    assert book.updated
    findings = check(book, book.updated, folder=FOLDER, existing=frozenset(handbook_files.skill_files()))
    assert findings == []


def test_all_vectors_are_covered() -> None:
    assert handbook_files.skill_files(FOLDER) == [f"{FOLDER}/{name}.md" for name in NAMES]
    assert {f.language for name in NAMES for f in runbook(name).fences} == {
        "bash",
        "sql",
        "nginx",
        "yaml",
        "text",
    }


async def test_shellcheck_has_nothing_to_say_of_any_command() -> None:
    shellcheck, commands = program("shellcheck", "shellcheck"), blocks("bash")
    assert len(commands) > 50

    async def said(name: str, fence: Fence) -> list[str]:
        process = await asyncio.create_subprocess_exec(
            *(shellcheck, "-s", "bash", "-f", "json", "-"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        out, _ = await process.communicate(fence.text.encode())
        return [f"{name}:{fence.line + c['line']}: SC{c['code']} {c['message']}" for c in json.loads(out)]

    complaints = [line for name, fence in commands for line in await said(name, fence)]
    assert complaints == []


async def test_postgresql_runs_every_query(dsn: str) -> None:
    queries = [q for _, fence in blocks("sql") for q in fence.text.split(";") if q.strip()]
    assert len(queries) >= 4
    conn = await asyncpg.connect(dsn)
    try:
        for query in queries:
            await conn.fetch(query)
    finally:
        await conn.close()


@pytest.mark.parametrize("name", NAMES)
async def test_prometheus_accepts_the_alert_rules_and_each_links_to_its_runbook(
    name: str, tmp_path: Path
) -> None:
    (rules,) = [f.text for f in runbook(name).fences if f.language == "yaml"]
    urls = [line.split('"')[1] for line in rules.splitlines() if "runbook_url" in line]
    assert len(urls) == rules.count("- alert:") > 1
    assert set(urls) == {f"https://firebell.example.org/runbooks/{name}"}
    await prometheus_accepts(rules, tmp_path / "rules.yml")


async def test_prometheus_accepts_the_burn_rates_of_the_alert_design(tmp_path: Path) -> None:
    chapter = handbook_files.skill("references/alert-design.md")
    (rules,) = re.findall(r"^```yaml\n(.*?)^```$", chapter, re.DOTALL | re.MULTILINE)
    await prometheus_accepts(rules, tmp_path / "rules.yml")


async def prometheus_accepts(rules: str, file: Path) -> None:
    """Assert that promtool finds nothing wrong with rules."""
    file.write_text(rules, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        *(program("promtool", "prometheus"), "check", "rules", "--lint-fatal", str(file)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()


@pytest.mark.parametrize("name", NAMES)
def test_the_commands_of_firebell_exist_with_their_options(name: str) -> None:
    commands = re.findall(r"\bfirebell ((?:[a-z]+ ?)+)([^`\n]*)", handbook_files.skill(f"{FOLDER}/{name}.md"))
    if name != "cache-invalidation":
        assert len(commands) >= 2
    for argv, rest in commands:
        command: click.Command | None = main
        for word in argv.split():
            if isinstance(command, click.Group):
                command = command.get_command(click.Context(command), word)
        assert command, f"firebell {argv}"
        known = {option for param in command.params for option in param.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, f"firebell {argv}{rest}"


def test_a_runbook_that_lacks_a_part_would_be_found() -> None:
    text = handbook_files.skill(f"{FOLDER}/{NAMES[0]}.md").replace("## Rollback", "### Rollback")
    assert [f.id for f in check(read(text), date(2026, 11, 29))] == ["R-PART"]
