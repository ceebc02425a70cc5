"""The action items that a document lists itself, and what each of them lacks (pure)."""

import re
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListedAction:
    """An action item as the text states it; empty where the text says nothing."""

    what: str
    owner: str
    due: str


_COLUMNS = {
    "what": re.compile(r"\b(?:what|action|item|task|todo|description)\b", re.IGNORECASE),
    "owner": re.compile(r"\b(?:owner|who|assignee|responsible)\b", re.IGNORECASE),
    "due": re.compile(r"\b(?:due|when|date|by|deadline)\b", re.IGNORECASE),
}
_BULLET = re.compile(r"[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?(?P<text>\S.*)")
_OWNER_AND_DUE = re.compile(r"(?P<what>.+?)\s*\((?P<owner>[^(),]{1,80})(?:,\s*(?P<due>[^()]{1,40}))?\)\.?\s*")
_RULE = re.compile(r"[\s|:-]+")
_ITALIC = re.compile(r"_[^_]+_")
_REFERENCE = re.compile(r"\bACT-\d+\b")
_DATE = re.compile(
    r"\d{4}-\d{2}-\d{2}|\d{1,2}[./]\d{1,2}(?:[./]\d{2,4})?"
    r"|\b\d{1,2}\.? +(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)"
    r"|\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* +\d{1,2}\b",
    re.IGNORECASE,
)
_NO_ONE = frozenset({"", "-", "–", "tbd", "none", "n/a", "?", "everyone", "everybody", "all", "us", "we"})
_NO_VERB = re.compile(
    r"(?:the|a|an|more|better|less|improved|no|new|all|our)\b|\w+(?:tion|tions|ment|ments|ness|ing)\b",
    re.IGNORECASE,
)


def listed_actions(text: str) -> list[ListedAction]:
    """Return the action items of a section: the rows of its tables and the items of its lists.

    Those that refer to a tracked item, such as ACT-8, are left out: their facts are not in the text.
    """
    items: list[ListedAction] = []
    columns: dict[str, int] | None = None
    for line in text.split("\n"):
        if "|" in line:
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if columns is None:
                columns = _columns(cells)
            elif not _RULE.fullmatch(line):
                items.append(ListedAction(*(_cell(cells, columns.get(name)) for name in _COLUMNS)))
            continue
        columns = None
        if bullet := _BULLET.fullmatch(line):
            match = _OWNER_AND_DUE.fullmatch(bullet["text"])
            items.append(
                ListedAction(match["what"], match["owner"].strip(), (match["due"] or "").strip())
                if match
                else ListedAction(bullet["text"].strip(), "", "")
            )
    return [item for item in items if item.what and not _is_skipped(item)]


def problems(item: ListedAction, teams: Collection[str]) -> list[str]:
    """Return what an action item lacks; `teams` are the names of teams, which own nothing alone."""
    lacking = []
    words = item.what.split()
    if len(words) < 2 or _NO_VERB.match(item.what):
        lacking.append("a verb and an object")
    owner = item.owner.strip("_* ").casefold()
    if owner in _NO_ONE:
        lacking.append("an owner")
    elif owner in {team.casefold() for team in teams} or owner.split()[-1] in ("team", "teams"):
        lacking.append("a person as owner")
    if not _DATE.search(item.due):
        lacking.append("a due date")
    return lacking


def _columns(cells: list[str]) -> dict[str, int]:
    """Return the column of each field by the words of the heading row; the first column is what to do."""
    columns = {
        name: number
        for name, pattern in reversed(_COLUMNS.items())
        for number, cell in reversed([*enumerate(cells)])
        if pattern.search(cell)
    }
    return {"what": 0, **columns}


def _cell(cells: list[str], column: int | None) -> str:
    return cells[column] if column is not None and column < len(cells) else ""


def _is_skipped(item: ListedAction) -> bool:
    return _REFERENCE.search(item.what) is not None or _ITALIC.fullmatch(item.what) is not None
