"""A published text as its readers see it (pure): its frozen timeline as rows, and what was learned side by side."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from firebell.postmortems.document.evidence import REFERENCE
from firebell.postmortems.document.sections import DocumentSection, titled

_HEADERS = (["Time", "Who", "What"], ["Time", "Incident", "Who", "What"])
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
_MARKER = re.compile(r" · (?P<marker>Detection|Diagnosis|Repair)$")
_CELLS = re.compile(r"(?<!\\)\|")
_ESCAPED = re.compile(r"\\([\\`*_{}\[\]<>()#+\-.!|~:=^])")
_LUCKY = re.compile(r"[-*+][ \t]+(?:we (?:were|got) lucky|luck(?:ily|y)?\b)", re.IGNORECASE)
_TIME_NOTES = ("Times are UTC.", "Times are in UTC.")
LEARNED = {"What went well": "Went well", "What went wrong": "Went wrong"}
"""The labels of the sections that are shown side by side, by title."""
LUCKY = "We were lucky"


@dataclass(frozen=True, slots=True)
class FrozenRow:
    """A row of the frozen timeline; `ref` is its reference as written, `marker` a word or empty.

    A row without a time belongs to the one above it.
    """

    at: datetime | None
    incident: str
    who: str
    text: str
    ref: str
    marker: str


@dataclass(frozen=True, slots=True)
class FrozenTimeline:
    """A section with a frozen timeline: its rows, and the Markdown before and after the table."""

    before: str
    rows: tuple[FrozenRow, ...]
    after: str


def frozen_timeline(text: str) -> FrozenTimeline | None:
    """Return a section in which a frozen timeline stands, None without one: then it is shown as written."""
    lines = text.split("\n")
    start = next((n for n, line in enumerate(lines) if "|" in line and _cells(line) in _HEADERS), None)
    if start is None:
        return None
    end = next((n for n in range(start, len(lines)) if "|" not in lines[n]), len(lines))
    rows = [_row(_cells(line), len(_cells(lines[start]))) for line in lines[start + 2 : end]]
    complete = tuple(row for row in rows if row)
    if not rows or len(complete) != len(rows):
        return None
    before = "\n".join(line for line in lines[:start] if line.strip() not in _TIME_NOTES).strip()
    return FrozenTimeline(before, complete, "\n".join(lines[end:]).strip())


def _row(cells: Sequence[str], columns: int) -> FrozenRow | None:
    """Return a row of the table, None if it is not one that was frozen."""
    at = _instant(cells[0])
    if len(cells) != columns or (at is None and cells[0]):
        return None
    what = cells[-1]
    marker = _MARKER.search(what)
    what = what[: marker.start()] if marker else what
    refs = list(REFERENCE.finditer(what))
    ref = refs[-1] if refs and refs[-1].end() == len(what) else None
    return FrozenRow(
        at,
        cells[1] if columns == len(_HEADERS[1]) else "",
        _plain(cells[-2]),
        _plain((what[: ref.start()] if ref else what).replace("**", "")),
        ref[0] if ref else "",
        marker["marker"] if marker else "",
    )


def _instant(cell: str) -> datetime | None:
    """Return the time of a row, which is frozen in UTC; None if the cell has none."""
    if not _TIME.fullmatch(cell):
        return None
    try:
        return datetime.fromisoformat(cell).replace(tzinfo=UTC)
    except ValueError:
        return None


def learned(sections: Sequence[DocumentSection]) -> Mapping[str, str]:
    """Return the Markdown of what went well, what went wrong, and where there was luck, by label; without empty ones.

    Items of a list that begin with luck stand in a column of their own.
    """
    columns: dict[str, list[str]] = {}
    for title, label in LEARNED.items():
        section = titled(sections, title)
        target = label
        for line in section.text.split("\n") if section else ():
            if re.match(r"[-*+][ \t]", line):
                target = LUCKY if _LUCKY.match(line) else label
            columns.setdefault(target, []).append(line)
    texts = {label: "\n".join(lines).strip() for label, lines in columns.items()}
    return {label: texts[label] for label in (*LEARNED.values(), LUCKY) if texts.get(label)}


def _cells(line: str) -> list[str]:
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [cell.strip() for cell in _CELLS.split(inner)]


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", text).strip()
