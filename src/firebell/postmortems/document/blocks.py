"""The live blocks of a document (pure): each stands alone on a line and is drawn from data until publication."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from firebell.postmortems.document import timeline_choice
from firebell.postmortems.document.timeline_choice import NO_CHOICE, TimelineChoice

BLOCKS = ("timeline", "measures", "actions", "factors")
_BLOCK = re.compile(r"\{\{ *(?P<name>\w+)(?P<options>(?: +\w+=[^\s{}]*)*) *\}\}[ \t]*")
_FENCE = re.compile(r" {0,3}(?:`{3,}|~{3,})")


@dataclass(frozen=True, slots=True)
class BlockLine:
    """A line of a document that has only a block; `line` counts from 0, `options` is such as `hide=t:4`."""

    name: str
    line: int
    options: str = ""


def block_lines(text: str) -> list[BlockLine]:
    """Return the blocks of a text in order, unknown ones included; fenced code has none."""
    blocks: list[BlockLine] = []
    is_code = False
    for number, line in enumerate(text.split("\n")):
        if _FENCE.match(line):
            is_code = not is_code
        elif not is_code and (match := _BLOCK.fullmatch(line)):
            blocks.append(BlockLine(match["name"], number, match["options"].strip()))
    return blocks


def block_problems(text: str) -> list[tuple[int, str]]:
    """Return (line, problem) of each unknown block and of each that stands twice."""
    problems: list[tuple[int, str]] = []
    names: set[str] = set()
    for block in block_lines(text):
        if block.name not in BLOCKS:
            known = ", ".join(BLOCKS)
            problems.append((block.line, f"There is no block {block.name}. Use one of {known}."))
        elif block.name in names:
            problems.append((block.line, f"The block {block.name} stands twice."))
        elif block.name == "timeline":
            problems += [(block.line, text) for text in timeline_choice.problems(block.options)]
        elif block.options:
            problems.append((block.line, f"The block {block.name} has no options."))
        names.add(block.name)
    return problems


def expand(text: str, contents: Mapping[str, str]) -> str:
    """Return a text with the content of each block in its place; a second one of a name and an unknown one stay."""
    lines = text.split("\n")
    expanded: set[str] = set()
    for block in block_lines(text):
        if block.name in contents and block.name not in expanded:
            lines[block.line] = contents[block.name]
            expanded.add(block.name)
    return "\n".join(lines)


def timeline_block(text: str) -> BlockLine | None:
    """Return the block of the timeline, or None."""
    return next((block for block in block_lines(text) if block.name == "timeline"), None)


def chosen_entries(text: str) -> TimelineChoice:
    """Return which entries people chose for the timeline of a document."""
    block = timeline_block(text)
    return timeline_choice.parse(block.options) if block else NO_CHOICE


def with_choice(text: str, block: BlockLine, choice: TimelineChoice) -> str:
    """Return a text whose timeline block has another choice."""
    lines = text.split("\n")
    lines[block.line] = f"{{{{{' '.join(filter(None, ('timeline', choice.options())))}}}}}"
    return "\n".join(lines)
