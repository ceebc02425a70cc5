"""The diff of a rule in its rule file: it applies, changes that rule alone, and Prometheus takes what results."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from firebell.alert_audit.model import AuditVerdict
from firebell.alert_audit.rule_files import RuleFile, propose_change, unified
from firebell.kit.prometheus_rules import NotARuleFileError, alert_rules

FILE = """\
# Rules of the ledger. Ask Ewa before you change them: “Überweisungen”.
groups:
  - name: ledger
    interval: 30s
    rules:
      - record: ledger:errors:rate5m
        expr: rate(errors_total[5m])
      # vacuum, see the wiki
      - alert: LedgerVacuumSlow
        expr: |
          # a comment inside the expression
          pg_vacuum_seconds
            > 600
        labels:
          severity: critical   # wakes people
          team: "payments"
        annotations:
          summary: 'The vacuum takes {{ $value }} s'

      - alert: LedgerDown
        expr: up{job="ledger"} == 0
        for: 2m
        labels: {severity: critical}
  - name: disk
    rules:
    - alert: DiskFull
      expr: disk_free < 0.1
"""
URL = "https://firebell.example/runbooks/x"


def _change(verdict: AuditVerdict, name: str, text: str = FILE, path: str = "rules/a.yml") -> str:
    return propose_change([RuleFile(path, text, "ops")], name, {"alertname": name}, verdict, URL).patch


def _applied(folder: Path, patch: str, text: str, path: str = "rules/a.yml") -> str:
    """Return a file after `git apply`, with its line endings as they are."""
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())
    result = subprocess.run(
        ["git", "apply", "-"], input=patch.encode(), cwd=folder, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()
    return file.read_bytes().decode()


def _by_alert(text: str) -> dict[str, Any]:
    """Return the alerting rules of a file as data, by name."""
    groups = yaml.safe_load(text.removeprefix("\ufeff"))["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


VERDICTS = (AuditVerdict.DELETE, AuditVerdict.DEMOTE, AuditVerdict.TUNE, AuditVerdict.ADD_RUNBOOK)


@pytest.mark.parametrize("verdict", VERDICTS)
@pytest.mark.parametrize("name", ["LedgerVacuumSlow", "LedgerDown", "DiskFull"])
@pytest.mark.parametrize(
    "written", [FILE, FILE.replace("\n", "\r\n"), FILE.removesuffix("\n"), "\ufeff" + FILE]
)
def test_each_change_applies_with_git_and_touches_only_its_rule(
    verdict: AuditVerdict, name: str, written: str, tmp_path: Path
) -> None:
    patch = _change(verdict, name, written)
    after = _applied(tmp_path, patch, written)
    rules = {rule.name: rule for rule in alert_rules(after)}
    data, before = _by_alert(after), _by_alert(written)
    assert {n: r for n, r in data.items() if n != name} == {n: r for n, r in before.items() if n != name}
    assert (name in rules) == (verdict is not AuditVerdict.DELETE)
    assert len(data) == (2 if verdict is AuditVerdict.DELETE else 3)
    match verdict:
        case AuditVerdict.DEMOTE:
            assert data[name]["labels"]["severity"] == "info"
        case AuditVerdict.TUNE:
            assert data[name]["for"] == "5m"
        case AuditVerdict.ADD_RUNBOOK:
            assert data[name]["annotations"]["runbook_url"] == URL
    gone = verdict is AuditVerdict.DELETE and name == "LedgerVacuumSlow"
    assert written.splitlines()[0] in after
    assert ("# wakes people" in after) is not gone
    assert ("\r\n" in after) == ("\r\n" in written)
    assert after.endswith("\n") or not written.endswith("\n")
    assert after.startswith("\ufeff") == written.startswith("\ufeff")


def test_a_demoted_rule_keeps_its_comments() -> None:
    lines = _change(AuditVerdict.DEMOTE, "LedgerVacuumSlow").splitlines()
    changed = [line for line in lines if line.startswith(("+", "-"))]
    assert changed == [
        "--- a/rules/a.yml",
        "+++ b/rules/a.yml",
        "-          severity: critical   # wakes people",
        "+          severity: info   # wakes people",
    ]


@pytest.mark.parametrize("path", ["rules/with space.yml", "regeln/Überlauf.yml", 'a "b".yml'])
def test_a_path_with_special_characters_applies(path: str, tmp_path: Path) -> None:
    patch = _change(AuditVerdict.TUNE, "DiskFull", path=path)
    assert "for: 5m" in _applied(tmp_path, patch, FILE, path)


def test_a_resource_of_kubernetes_is_a_rule_file(tmp_path: Path) -> None:
    inner = "".join(f"  {line}\n" for line in FILE.splitlines())
    text = f"apiVersion: v1\nkind: ConfigMap\n---\nkind: PrometheusRule\nspec:\n{inner}"
    assert "for: 5m" in _applied(tmp_path, _change(AuditVerdict.TUNE, "DiskFull", text), text)


def test_the_rule_is_found_by_its_labels_and_else_none_is_changed() -> None:
    twice = FILE + "    - alert: DiskFull\n      expr: disk_free < 0.05\n      labels: {severity: critical}\n"
    low = twice.replace("expr: disk_free < 0.1\n", "expr: disk_free < 0.1\n      labels: {severity: low}\n")

    def found(text: str, **labels: str) -> tuple[int, bool]:
        one = propose_change([RuleFile("a.yml", text, "")], "DiskFull", labels, AuditVerdict.TUNE, URL)
        return one.line, bool(one.problem)

    assert found(low, severity="critical") == (29, False)
    assert found(low, severity="low") == (26, False)
    assert found(low) == found(low, severity="none") == found(twice, severity="critical") == (0, True)
    assert propose_change([RuleFile("a.yml", FILE, "")], "Other", {}, AuditVerdict.TUNE, URL).problem == ""


@pytest.mark.parametrize(
    ("verdict", "rule"),
    [
        (AuditVerdict.TUNE, "- alert: X\n  expr: up\n  for: 10m"),
        (AuditVerdict.TUNE, "- {alert: X, expr: up}"),
        (AuditVerdict.TUNE, "- alert: X"),
        (AuditVerdict.DEMOTE, "- alert: X\n  expr: up\n  labels: {severity: info}"),
        (AuditVerdict.DEMOTE, "- alert: X\n  expr: up\n  labels:\n    severity: |\n      critical"),
        (AuditVerdict.ADD_RUNBOOK, "- alert: X\n  expr: up\n  annotations: {runbook_url: 'https://wiki/x'}"),
        (AuditVerdict.DELETE, "-\n  alert: X\n  expr: up"),
    ],
)
def test_an_unsafe_edit_is_refused_with_a_reason(verdict: AuditVerdict, rule: str) -> None:
    indented = "".join(f"  {line}\n" for line in rule.splitlines())
    one = propose_change(
        [RuleFile("a.yml", f"groups:\n- name: a\n  rules:\n{indented}", "")], "X", {}, verdict, URL
    )
    assert (one.patch, bool(one.problem)) == ("", True)


@pytest.mark.parametrize(
    "text",
    [
        "services: []\n",
        "- a\n- b\n",
        "groups: [\n",
        "groups: &a [*a]\n",
        "x: {{ .Values.x }}\n",
        "",
        "[" * 50_000,
    ],
)
def test_other_yaml_is_not_a_rule_file(text: str) -> None:
    with pytest.raises(NotARuleFileError):
        alert_rules(text)


def test_an_unchanged_file_has_no_diff() -> None:
    assert unified("a.yml", FILE, FILE) == ""
