"""The change of a rule in its synced rule file, as a unified diff that `git apply` takes (pure; spec 11.12).

Runs in a child process, because a rule file can be large.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import unified_diff
from functools import lru_cache
from urllib.parse import quote

import msgspec

from firebell.alert_audit.model import AuditVerdict
from firebell.alert_audit.rule_edits import CannotEditError, apply_edit
from firebell.kit.line_diff import DiffLine
from firebell.kit.prometheus_rules import AlertRule, NotARuleFileError, alert_rules
from firebell.kit.text import slugify

CONTEXT_LINES = 3
_BYTE_ORDER_MARK = "\ufeff"
_LINES = re.compile(r"[^\n]*\n|[^\n]+")
_NEEDS_QUOTES = re.compile(r'["\\\x00-\x1f\x7f]')


class RuleFile(msgspec.Struct, frozen=True):
    """A rule file as its source has it; `origin` names the source."""

    path: str
    body: str
    origin: str


class FileChange(msgspec.Struct, frozen=True):
    """The change of a rule in its file: a unified diff, or the reason why there is none. `line` is that of the rule."""

    path: str = ""
    origin: str = ""
    line: int = 0
    patch: str = ""
    problem: str = ""


def propose_in_child(
    files: list[dict[str, str]], name: str, labels: Mapping[str, str], verdict: str, public_url: str
) -> FileChange:
    """Return the change of the rule with this name, an empty one if no file has the rule; called in a child process."""
    known = [msgspec.convert(file, RuleFile) for file in files]
    runbook_url = f"{public_url}/runbooks/{quote(slugify(name))}"
    return propose_change(known, name, labels, AuditVerdict(verdict), runbook_url)


def propose_change(
    files: list[RuleFile], name: str, labels: Mapping[str, str], verdict: AuditVerdict, runbook_url: str
) -> FileChange:
    """Return the change that a verdict asks for in the only rule that can have fired with these labels."""
    candidates = [(file, rule) for file in files for rule in _named(file, name)]
    if not candidates:
        return FileChange()
    matching = [(file, rule) for file, rule in candidates if _matches_labels(rule, labels)]
    if len(matching) != 1:
        places = ", ".join(f"{file.path}, line {_line(rule)}" for file, rule in (matching or candidates)[:5])
        which = (
            "Several rules match this name and these labels"
            if matching
            else "No rule of this name has these labels"
        )
        return FileChange(problem=f"{which}: {places}.")
    ((file, rule),) = matching
    mark = _BYTE_ORDER_MARK if file.body.startswith(_BYTE_ORDER_MARK) else ""
    try:
        after = apply_edit(file.body.removeprefix(mark), rule, verdict, runbook_url)
        patch = unified(file.path, file.body, mark + after)
    except CannotEditError as error:
        return FileChange(file.path, file.origin, _line(rule), problem=str(error))
    return FileChange(file.path, file.origin, _line(rule), patch)


def _named(file: RuleFile, name: str) -> list[AlertRule]:
    try:
        return [rule for rule in _rules(file.body) if rule.name == name]
    except NotARuleFileError:
        return []


@lru_cache(maxsize=1)
def _rules(body: str) -> Sequence[AlertRule]:
    """Return the rules of a file, of the last one without reading it again."""
    return tuple(alert_rules(body.removeprefix(_BYTE_ORDER_MARK)))


def _matches_labels(rule: AlertRule, labels: Mapping[str, str]) -> bool:
    """Return True if alerts of the rule have these labels, as far as these are known."""
    return all(labels.get(key, text) == text for key, text in rule.labels.items())


def _line(rule: AlertRule) -> int:
    return rule.node.start_mark.line + 1 if rule.node.start_mark else 1


def unified(path: str, before: str, after: str) -> str:
    """Return the unified diff of a file, with its line endings as they are, and paths as Git writes them."""
    old, new = _LINES.findall(before), _LINES.findall(after)
    lines = [f"--- {_name('a', path)}\n", f"+++ {_name('b', path)}\n"]
    lines += [
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
        for line in list(unified_diff(old, new, n=CONTEXT_LINES))[2:]
    ]
    return "".join(lines) if len(lines) > 2 else ""


def patch_lines(patch: str) -> Iterator[DiffLine]:
    """Yield the lines of a unified diff as a page shows them, without the names of the file."""
    kinds = {"+": "added", "-": "removed", " ": "same", "@": "skipped"}
    for line in patch.split("\n")[2:]:
        if kind := kinds.get(line[:1]):
            text = line.rstrip("\r") if kind == "skipped" else line[1:].rstrip("\r")
            yield DiffLine(kind, ((text, False),))


def _name(side: str, path: str) -> str:
    name = f"{side}/{path}"
    if _NEEDS_QUOTES.search(name):
        quoted = re.sub(
            r'["\\]|[\x00-\x1f\x7f]',
            lambda match: f"\\{match[0]}" if match[0] in '"\\' else f"\\{ord(match[0]):03o}",
            name,
        )
        return f'"{quoted}"'
    # a tab ends a name that has a space
    return f"{name}\t" if " " in name else name
