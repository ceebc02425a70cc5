"""Prometheus accepts each rule file that the alert audit changes."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from firebell.alert_audit.model import AuditVerdict
from firebell.alert_audit.rule_edits import apply_edit
from firebell.demo import rule_file
from firebell.kit.prometheus_rules import alert_rules
from tests.peers.stack import program
from tests.rules.test_rule_file_edits import FILE, VERDICTS

pytestmark = pytest.mark.peers


async def _check(file: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        program("promtool"), "check", "rules", str(file), stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{output.decode()}\n{file.read_text()}"


@pytest.mark.parametrize("text", [FILE, rule_file.TEXT])
async def test_promtool_accepts_each_change(text: str, tmp_path: Path) -> None:
    checked = 0
    for rule in alert_rules(text):
        for verdict in VERDICTS:
            after = apply_edit(text, rule, verdict, "https://firebell.example/runbooks/x")
            kept = [each.name for each in alert_rules(after)]
            assert (rule.name in kept) == (verdict is not AuditVerdict.DELETE)
            file = tmp_path / f"{rule.name}-{verdict}.yml"
            file.write_text(after)
            await _check(file)
            checked += 1
    assert checked == 12
