"""Three-way merge of texts by line (pure).

Both sides are compared with their common base. A change of one side is taken, a change that both made is taken once,
and two insertions at one point are both kept, the saved one first. Changes that overlap or touch are a conflict.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher


@dataclass(frozen=True, slots=True)
class _Change:
    """A range of base lines, which is empty for an insertion, and the lines that take its place."""

    start: int
    end: int
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConflictHunk:
    """Lines that both sides changed: as they were, as they were saved, and as the writer has them."""

    base: tuple[str, ...]
    theirs: tuple[str, ...]
    mine: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Merge:
    """The parts of a merged text in order: lines that are settled, and hunks to choose from."""

    parts: tuple[tuple[str, ...] | ConflictHunk, ...]

    @property
    def conflicts(self) -> tuple[ConflictHunk, ...]:
        """The hunks for which a person has to choose."""
        return tuple(part for part in self.parts if isinstance(part, ConflictHunk))

    @property
    def text(self) -> str:
        """The merged text; a hunk in conflict has both sides between markers, as Git writes it."""
        lines: list[str] = []
        for part in self.parts:
            lines += _marked(part) if isinstance(part, ConflictHunk) else part
        return "\n".join(lines)


def merge(base: str, theirs: str, mine: str) -> Merge:
    """Return the merge of two texts that were both made from `base`; `theirs` was saved first."""
    if theirs in (base, mine):
        return Merge((tuple(mine.split("\n")),))
    if mine == base:
        return Merge((tuple(theirs.split("\n")),))
    lines = base.split("\n")
    parts: list[tuple[str, ...] | ConflictHunk] = []
    at = 0
    for start, end, saved, new in _regions(_changes(lines, theirs), _changes(lines, mine)):
        parts += [tuple(lines[at:start]), _settled(lines, start, end, saved, new)]
        at = end
    parts.append(tuple(lines[at:]))
    return Merge(tuple(part for part in parts if part))


def _changes(base: Sequence[str], text: str) -> list[_Change]:
    lines = text.split("\n")
    return [
        _Change(start, end, tuple(lines[new_start:new_end]))
        for tag, start, end, new_start, new_end in SequenceMatcher(None, base, lines).get_opcodes()
        if tag != "equal"
    ]


def _regions(
    theirs: list[_Change], mine: list[_Change]
) -> Iterator[tuple[int, int, list[_Change], list[_Change]]]:
    """Yield each range of base lines with the changes of both sides in it; those that touch are one range."""
    ordered = sorted(
        [(change, True) for change in theirs] + [(change, False) for change in mine],
        key=lambda each: (each[0].start, each[0].end),
    )
    while ordered:
        start, end = ordered[0][0].start, ordered[0][0].end
        count = 1
        while count < len(ordered) and ordered[count][0].start <= end:
            end = max(end, ordered[count][0].end)
            count += 1
        region, ordered = ordered[:count], ordered[count:]
        yield (
            start,
            end,
            [change for change, is_theirs in region if is_theirs],
            [change for change, is_theirs in region if not is_theirs],
        )


def _settled(
    base: Sequence[str], start: int, end: int, theirs: list[_Change], mine: list[_Change]
) -> tuple[str, ...] | ConflictHunk:
    saved, new = _applied(base, start, end, theirs), _applied(base, start, end, mine)
    if not mine or saved == new:
        return saved
    if not theirs:
        return new
    if start == end:
        return (*saved, *new)
    return ConflictHunk(tuple(base[start:end]), saved, new)


def _applied(base: Sequence[str], start: int, end: int, changes: list[_Change]) -> tuple[str, ...]:
    """Return the lines of a range after changes that lie in it."""
    lines: list[str] = []
    for change in changes:
        lines += [*base[start : change.start], *change.lines]
        start = change.end
    return (*lines, *base[start:end])


def _marked(hunk: ConflictHunk) -> list[str]:
    return ["<<<<<<< saved", *hunk.theirs, "=======", *hunk.mine, ">>>>>>> yours"]
