"""The difference between two texts (pure): by line, and by word inside lines that changed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

CONTEXT_LINES = 3
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")
_WORDS_MAX = 400
"""Words of a line up to which it is compared by word."""


@dataclass(frozen=True, slots=True)
class DiffLine:
    """A line of a difference; `kind` is same, added, removed or skipped, `parts` have True where words changed."""

    kind: str
    parts: tuple[tuple[str, bool], ...]

    @property
    def text(self) -> str:
        """The line as it stands."""
        return "".join(part for part, _ in self.parts)


def difference(before: str, after: str) -> list[DiffLine]:
    """Return the lines that differ, with three lines around them; what is between is one skipped line."""
    old, new = before.split("\n"), after.split("\n")
    lines: list[DiffLine] = []
    at = 0
    for group in SequenceMatcher(None, old, new).get_grouped_opcodes(CONTEXT_LINES):
        if group[0][1] > at:
            lines.append(_skipped(group[0][1] - at))
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                lines += [DiffLine("same", ((line, False),)) for line in old[old_start:old_end]]
            else:
                lines += _changed(old[old_start:old_end], new[new_start:new_end])
        at = group[-1][2]
    if lines and at < len(old):
        lines.append(_skipped(len(old) - at))
    return lines


def _skipped(count: int) -> DiffLine:
    return DiffLine("skipped", ((f"{count} unchanged line{'' if count == 1 else 's'}", False),))


def _changed(old: Sequence[str], new: Sequence[str]) -> Iterator[DiffLine]:
    if len(old) == len(new):
        pairs = [_words(before, after) for before, after in zip(old, new, strict=True)]
        yield from (DiffLine("removed", before) for before, _ in pairs)
        yield from (DiffLine("added", after) for _, after in pairs)
        return
    yield from (DiffLine("removed", ((line, False),)) for line in old)
    yield from (DiffLine("added", ((line, False),)) for line in new)


def _words(before: str, after: str) -> tuple[tuple[tuple[str, bool], ...], tuple[tuple[str, bool], ...]]:
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > _WORDS_MAX:
        return ((before, False),), ((after, False),)
    left: list[tuple[str, bool]] = []
    right: list[tuple[str, bool]] = []
    for tag, old_start, old_end, new_start, new_end in SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if old_end > old_start:
            left.append(("".join(old[old_start:old_end]), tag != "equal"))
        if new_end > new_start:
            right.append(("".join(new[new_start:new_end]), tag != "equal"))
    return tuple(left), tuple(right)
