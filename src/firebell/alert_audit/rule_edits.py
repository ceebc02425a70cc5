"""Edits one alerting rule in the text of its rule file, and leaves every other character as it is (pure; spec 11.12).

The text is changed in place, never rewritten. The result must load as the same data with only that change;
otherwise no edit is proposed.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from typing import Any

import yaml

from firebell.alert_audit.model import AuditVerdict
from firebell.kit.prometheus_rules import LOADER, AlertRule, pair, scalar, value

HOLD, HOLD_S = "5m", 300
LOW_SEVERITY = "info"
_DASH = re.compile(r"[ ]*-[ ]+")
_UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_DURATION = re.compile(r"(?:\d+(?:ms|[smhdwy]))+")
_RUNBOOK_KEYS = ("runbook_url", "runbook")


class CannotEditError(Exception):
    """A rule cannot be edited as text, or already complies with the verdict; the message says which."""


def apply_edit(text: str, rule: AlertRule, verdict: AuditVerdict, runbook_url: str) -> str:
    """Return the file with the rule changed as the verdict, one of `EDITED`, asks for; raise `CannotEditError`."""
    edit = _EDITS[verdict]
    if rule.node.flow_style or not _DASH.fullmatch(
        text[_line_start(text, _start(rule.node)) : _start(rule.node)]
    ):
        raise CannotEditError("The rule is not a separate YAML block. Edit it by hand.")
    after, change = edit(text, rule, runbook_url)
    if not _is_only_change(text, after, rule, change):
        raise CannotEditError("Firebell can’t edit this rule safely. Edit it by hand.")
    return after


Change = Callable[[dict[str, Any]], None]
"""What an edit does to the rule as data; None deletes the rule."""


def _delete(text: str, rule: AlertRule, _: str) -> tuple[str, Change | None]:
    start, end = _line_start(text, _start(rule.node)), _end(text, rule.node)
    if len(rule.rules_node.value) > 1:
        return text[:start] + text[end:], None
    colon = text.index(":", _end_index(rule.rules_key)) + 1
    return f"{text[:colon]} []{text[colon:start]}{text[end:]}", None


def _demote(text: str, rule: AlertRule, _: str) -> tuple[str, Change | None]:
    labels = pair(rule.node, "labels")
    severity = value(labels[1], "severity") if labels else None
    if scalar(severity) == LOW_SEVERITY:
        raise CannotEditError(f"Its severity is already {LOW_SEVERITY}. Check how it is routed.")

    def change(data: dict[str, Any]) -> None:
        data["labels"] = {**(data.get("labels") or {}), "severity": LOW_SEVERITY}

    if severity is not None:
        return _replace(text, severity, LOW_SEVERITY), change
    return _set_entry(text, rule, "labels", "severity", LOW_SEVERITY), change


def _tune(text: str, rule: AlertRule, _: str) -> tuple[str, Change | None]:
    hold = value(rule.node, "for")
    if hold is not None and (_seconds(scalar(hold) or "") or 0) >= HOLD_S:
        raise CannotEditError(f"It already waits {scalar(hold)}. Raise its threshold instead.")

    def change(data: dict[str, Any]) -> None:
        data["for"] = HOLD

    if hold is not None:
        return _replace(text, hold, HOLD), change
    return _insert(text, _after(text, rule, "expr"), [f"{_indent(text, rule)}for: {HOLD}"]), change


def _add_runbook(text: str, rule: AlertRule, runbook_url: str) -> tuple[str, Change | None]:
    annotations = value(rule.node, "annotations")
    if any(value(annotations, key) is not None for key in _RUNBOOK_KEYS):
        raise CannotEditError("It already has a runbook outside Firebell. Move that text into Firebell.")

    def change(data: dict[str, Any]) -> None:
        data["annotations"] = {**(data.get("annotations") or {}), "runbook_url": runbook_url}

    return _set_entry(text, rule, "annotations", "runbook_url", f'"{runbook_url}"'), change


_EDITS = {
    AuditVerdict.DELETE: _delete,
    AuditVerdict.DEMOTE: _demote,
    AuditVerdict.TUNE: _tune,
    AuditVerdict.ADD_RUNBOOK: _add_runbook,
}
EDITED = frozenset(_EDITS)
"""The verdicts that change a rule file."""


def _set_entry(text: str, rule: AlertRule, name: str, key: str, yaml_value: str) -> str:
    """Return the text with a new entry in a mapping of the rule; the mapping is added if it is missing."""
    indent, entry = _indent(text, rule), f"{key}: {yaml_value}"
    mapping = pair(rule.node, name)
    if mapping is None:
        return _insert(text, _end(text, rule.node), [f"{indent}{name}:", f"{indent}  {entry}"])
    key_node, node = mapping
    if not isinstance(node, yaml.MappingNode):
        return _insert(text, _line_end(text, _end_index(key_node)), [f"{indent}  {entry}"])
    if node.flow_style:
        at = _start(node) + 1
        return f"{text[:at]}{entry}{', ' if node.value else ''}{text[at:]}"
    first = _start(node.value[0][0])
    at = _line_start(text, first)
    return _insert(text, at, [text[at:first] + entry])


def _insert(text: str, at: int, lines: list[str]) -> str:
    """Insert whole lines before the line that starts at `at`; `at` may be the end of the text."""
    newline = "\r\n" if "\r\n" in text else "\n"
    added = "".join(f"{line}{newline}" for line in lines)
    if at == len(text) and not text.endswith("\n"):
        return f"{text}{newline}{added.removesuffix(newline)}"
    return text[:at] + added + text[at:]


def _replace(text: str, node: yaml.Node, yaml_value: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.style in ("|", ">"):
        raise CannotEditError("The value is not on one line. Edit it by hand.")
    return text[: _start(node)] + yaml_value + text[_end_index(node) :]


def _after(text: str, rule: AlertRule, key: str) -> int:
    """Return where the line after the value of a key begins."""
    node = value(rule.node, key)
    if node is None:
        raise CannotEditError("The rule has no expression. Edit it by hand.")
    return _end(text, node)


def _indent(text: str, rule: AlertRule) -> str:
    return " " * (_start(rule.node) - _line_start(text, _start(rule.node)))


def _start(node: yaml.Node) -> int:
    return node.start_mark.index if node.start_mark else 0


def _end_index(node: yaml.Node) -> int:
    return node.end_mark.index if node.end_mark else 0


def _end(text: str, node: yaml.Node) -> int:
    """Return where the line after a node begins; a block ends with its last value, before comments that follow it."""
    last = node
    while isinstance(last, yaml.CollectionNode) and last.value and not last.flow_style:
        key_and_value = last.value[-1]
        if isinstance(key_and_value, tuple):
            key, item = key_and_value
            # an empty value has the place of what follows it
            last = key if isinstance(item, yaml.ScalarNode) and not item.value and not item.style else item
        else:
            last = key_and_value
    at = _end_index(last)
    while at > _start(last) and text[at - 1] in " \t\r\n":
        at -= 1
    return _line_end(text, at)


def _line_start(text: str, at: int) -> int:
    return text.rfind("\n", 0, at) + 1


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end + 1


def _seconds(duration: str) -> float | None:
    if not _DURATION.fullmatch(duration):
        return None
    parts = re.findall(r"(\d+)(ms|[smhdwy])", duration)
    return sum(int(number) * _UNITS[unit] for number, unit in parts)


@lru_cache(maxsize=1)
def _loaded(text: str) -> list[Any]:
    """Return a file as data, the last one without reading it again; do not change it."""
    return list(yaml.load_all(text, Loader=LOADER))


def _is_only_change(before: str, after: str, rule: AlertRule, change: Change | None) -> bool:
    """Return True if the edited text loads as the original data with only that change."""
    try:
        old, new = _loaded(before), list(yaml.load_all(after, Loader=LOADER))
    except (yaml.YAMLError, ValueError):
        return False
    expected = deepcopy(old)
    root = expected[rule.document]
    groups = (root["spec"] if "groups" not in root else root)["groups"]
    rules = groups[rule.group_number]["rules"]
    if change is None:
        del rules[rule.number]
    else:
        change(rules[rule.number])
    return expected == new
