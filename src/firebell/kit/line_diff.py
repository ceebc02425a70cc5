"""The difference between two texts (pure): by line, and by word inside lines that changed."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import islice

CONTEXT_LINES = 3
LINES_MAX = 5_000
"""Number of lines of a difference that are returned; the rest is one skipped line."""
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


def difference(before: str, after: str, *, context: int | None = CONTEXT_LINES) -> list[DiffLine]:
    """Return the lines that differ, with `context` lines around them; what is between is one skipped line.

    Without `context`, every line is returned. Equal texts have no difference.
    """
    lines = list(islice(_lines(_split(before), _split(after), context), LINES_MAX + 1))
    return lines if len(lines) <= LINES_MAX else [*lines[:LINES_MAX], _skipped("More lines")]


def _split(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _lines(old: Sequence[str], new: Sequence[str], context: int | None) -> Iterator[DiffLine]:
    if old == new:
        return
    at = 0
    matcher = SequenceMatcher(None, old, new)
    for group in [matcher.get_opcodes()] if context is None else matcher.get_grouped_opcodes(context):
        if group[0][1] > at:
            yield _unchanged(group[0][1] - at)
        for tag, old_start, old_end, new_start, new_end in group:
            if tag == "equal":
                yield from (DiffLine("same", ((line, False),)) for line in old[old_start:old_end])
            else:
                yield from _changed(old[old_start:old_end], new[new_start:new_end])
        at = group[-1][2]
    if at < len(old):
        yield _unchanged(len(old) - at)


def _unchanged(count: int) -> DiffLine:
    return _skipped(f"{count} unchanged line{'' if count == 1 else 's'}")


def _skipped(text: str) -> DiffLine:
    return DiffLine("skipped", ((text, False),))


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
