"""The change that a verdict proposes, as a difference of the rule in Prometheus's form, or in words (pure)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from firebell.alert_audit.model import AuditVerdict, JudgedRule
from firebell.alert_audit.rule_edits import HOLD, LOW_SEVERITY
from firebell.alert_audit.rule_files import FileChange, patch_lines
from firebell.kit.line_diff import DiffLine, difference

_OWN_LABELS = frozenset({"alertname", "severity"})


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to change: words, and for a rule with an alert name the lines of its file that change.

    `withheld` says why there is none: a change that hides a page which led to an incident is never proposed.
    `change` is that of the rule file, if a runbook source has it.
    """

    words: str
    file: str = ""
    lines: tuple[DiffLine, ...] = ()
    withheld: str = ""
    change: FileChange | None = None


def in_file(of: Proposal, change: FileChange) -> Proposal:
    """Return a proposal with the diff of the rule's synced file, or with the reason why there is none."""
    if of.withheld or not (change.patch or change.problem):
        return of
    if not change.patch:
        return replace(of, change=change)
    return replace(of, file=change.path, lines=tuple(patch_lines(change.patch)), change=change)


def proposal(judged: JudgedRule, quarter: str, *, target_labels: Mapping[str, str] | None = None) -> Proposal:
    """Return the change that the verdict on a rule proposes."""
    numbers, labels = judged.counted.numbers, judged.counted.labels
    if numbers.hidden:
        led = "page" if numbers.hidden == 1 else "pages"
        return Proposal(
            "Raise the threshold, or narrow what the rule watches.",
            withheld=f"{numbers.hidden} {led} that it would silence led to an incident, so no change is proposed.",
        )
    words = _words(judged)
    if judged.verdict is AuditVerdict.KEEP or not labels.get("alertname"):
        return Proposal(words)
    if judged.verdict is AuditVerdict.MERGE:
        if not target_labels or not target_labels.get("alertname"):
            return Proposal(words)
        after = _inhibition(labels, target_labels)
        return Proposal(words, "alertmanager.yml", tuple(difference("inhibit_rules:", after)))
    before = _rule(labels)
    if judged.verdict is AuditVerdict.ADD_RUNBOOK:
        before += "\n  annotations:"
    return Proposal(words, "Prometheus rule", tuple(difference(before, _changed(judged, quarter, before))))


def _words(judged: JudgedRule) -> str:
    match judged.verdict:
        case AuditVerdict.ASSIGN_OWNER:
            return "Give its service to a team with active members."
        case AuditVerdict.DELETE:
            return "Delete the rule where it is defined."
        case AuditVerdict.MERGE:
            return f"Suppress it while {judged.merge_into} fires: they fire together."
        case AuditVerdict.DEMOTE:
            return "Send it with a low severity, so that it wakes no one."
        case AuditVerdict.TUNE:
            return f"Let it fire only after {HOLD[:-1]} minutes, or raise its threshold."
        case AuditVerdict.ADD_RUNBOOK:
            return "Write a runbook, and link it from the rule or the service."
        case AuditVerdict.KEEP:
            return ""


def _quoted(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _rule(labels: Mapping[str, str]) -> str:
    """Return what Firebell knows of a rule: its name and severity, not its expression."""
    lines = [f"- alert: {_quoted(labels['alertname'])}"]
    if severity := labels.get("severity"):
        lines += ["  labels:", f"    severity: {_quoted(severity)}"]
    return "\n".join(lines)


def _changed(judged: JudgedRule, quarter: str, before: str) -> str:
    numbers = judged.counted.numbers
    lines = before.split("\n")
    match judged.verdict:
        case AuditVerdict.DELETE:
            fired = f"{numbers.firings} firings, none acted on"
            return f"# Deleted by the alert audit of {quarter}: {fired}."
        case AuditVerdict.DEMOTE:
            kept = [line for line in lines if not line.startswith(("  labels:", "    severity:"))]
            return "\n".join([kept[0], "  labels:", f'    severity: "{LOW_SEVERITY}"', *kept[1:]])
        case AuditVerdict.TUNE:
            return "\n".join([lines[0], f"  for: {HOLD}", *lines[1:]])
        case AuditVerdict.ADD_RUNBOOK:
            return "\n".join([*lines, '    runbook_url: "https://…"'])
        case AuditVerdict.ASSIGN_OWNER:
            return "\n".join([*lines, "# Owner: a team with active members"])
        case _:
            return before


def _inhibition(mine: Mapping[str, str], target: Mapping[str, str]) -> str:
    equal = sorted(k for k in mine.keys() & target.keys() - _OWN_LABELS if mine[k] == target[k])
    source, muted = (_quoted(f"alertname={_quoted(labels['alertname'])}") for labels in (target, mine))
    lines = ["inhibit_rules:", f"- source_matchers: [{source}]", f"  target_matchers: [{muted}]"]
    return "\n".join([*lines, *([f"  equal: {json.dumps(equal)}"] if equal else [])])
