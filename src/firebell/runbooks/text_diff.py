"""The lines that differ between two texts, with a few lines around them (pure)."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass

CONTEXT_LINES = 3
LINES_MAX = 2000
"""Number of lines that are shown; the rest is left out."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a difference; `kind` is added, removed, same or gap."""

    kind: str
    text: str


def diff(old: str, new: str) -> list[DiffLine]:
    """Return the changed lines with three lines around them, and a gap between two places."""
    return [line for line, _ in zip(_lines(old, new), range(LINES_MAX), strict=False)]


def _split(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _lines(old: str, new: str) -> Iterator[DiffLine]:
    kinds = {"+": "added", "-": "removed", " ": "same"}
    is_first = True
    # without the header of two lines
    changes = difflib.unified_diff(_split(old), _split(new), n=CONTEXT_LINES, lineterm="")
    for number, line in enumerate(changes):
        if number < 2:
            continue
        if line.startswith("@@"):
            if not is_first:
                yield DiffLine("gap", "")
            is_first = False
        else:
            yield DiffLine(kinds[line[0]], line[1:])
