"""Read the steps of a run off the text of a runbook (pure)."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from markdown_it.token import Token

from firebell.kit.markdown import markdown, plain_text
from firebell.runbooks.model import COMMANDS
from firebell.runbooks.parse import document
from firebell.runbooks.runs.model import RUN_PARTS, RunbookStep

TITLE_MAX_CHARS = 200
_SHORT_TITLE_CHARS = 100
STEPS_MAX = 500
"""Number of steps of a run; the rest of a longer text becomes one step."""
_NEWLINE = re.compile(r"\r\n|\r|\n")
_PART_NUMBER = re.compile(r"^\d+[.):]?\s+")
_STEP_NUMBER = re.compile(r"^(?:step\s+)?(?P<number>\d+)\s*(?:[.):]|[-–—])\s*", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?]) +(?=[A-Z])")
_ATTRIBUTE = re.compile(r"(?:^|\s)(?P<name>id|undo)=(?P<value>[^\s]+)")


def sha256_of(text: str) -> str:
    """Return the SHA-256 of a text's UTF-8, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def steps_of(text: str) -> list[RunbookStep]:
    """Return the steps in the order of `RUN_PARTS`: each command is one, and so is text without a command.

    In Steps, headings and numbered items divide the text; in the other parts, list items do.
    """
    text = document(text)
    lines = _NEWLINE.split(text)
    sections = list(_sections(markdown.parse(text)))
    planned: list[RunbookStep] = []
    for part in RUN_PARTS:
        blocks = [block for name, tokens in sections if name == part for block in _blocks(tokens, part)]
        planned += _planned(part, _merged(blocks), lines)
    return planned


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines of a document, from `start` to before `end`: a command with what surrounds it, or text."""

    start: int
    end: int
    title: str
    label: str
    fence: Token | None = None
    is_item: bool = False
    opens_step: bool = False
    introduces: bool = False
    """True for a paragraph that ends with a colon, and so belongs to what follows."""
    concludes: bool = False
    """True for a paragraph about what the command before it prints."""


def _sections(tokens: Sequence[Token]) -> Iterator[tuple[str, list[Token]]]:
    """Yield the name and the tokens of each H2 section."""
    names = {name.casefold(): name for name in RUN_PARTS}
    name, section = "", list[Token]()
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token.type == "heading_open" and token.level == 0 and token.tag in ("h1", "h2"):
            if name:
                yield name, section
            title = plain_text(tokens[i + 1]).strip()
            name = names.get(_PART_NUMBER.sub("", title).casefold(), "") if token.tag == "h2" else ""
            section = []
            i += 3
            continue
        section.append(token)
        i += 1
    if name:
        yield name, section


def _blocks(tokens: Sequence[Token], part: str) -> Iterator[_Block]:
    """Yield the top-level blocks of a section; a list is divided into its items where these are steps."""
    i = 0
    while i < len(tokens):
        token = tokens[i]
        end = _closing(tokens, i)
        start, stop = token.map or (0, 0)
        if token.type == "heading_open" and token.tag == "h3":
            label, title = _numbered(plain_text(tokens[i + 1]).strip())
            yield _Block(start, stop, title, label, opens_step=True)
        elif token.type == "ordered_list_open" or (token.type == "bullet_list_open" and part != "Steps"):
            yield from _items(tokens[i + 1 : end], part, token)
        else:
            title = plain_text(tokens[i + 1]).strip() if token.type == "paragraph_open" else ""
            fence = token if token.type == "fence" and _language(token) in COMMANDS else None
            yield _Block(
                start,
                stop,
                _introduction(title),
                "",
                fence,
                introduces=title.endswith(":"),
                concludes=title.startswith("Expected"),
            )
        i = end + 1


def _introduction(paragraph: str) -> str:
    """Return the sentence of a paragraph that names what follows."""
    sentences = _SENTENCE_END.split(paragraph)
    if paragraph.startswith("Expected"):
        return sentences[-1]
    return paragraph if len(paragraph) <= _SHORT_TITLE_CHARS else sentences[0].rstrip(".")


def _items(tokens: Sequence[Token], part: str, parent: Token) -> Iterator[_Block]:
    number = int(parent.attrGet("start") or 1) if parent.type == "ordered_list_open" else 0
    i = 0
    while i < len(tokens):
        end = _closing(tokens, i)
        inside = tokens[i : end + 1]
        start, stop = tokens[i].map or (0, 0)
        title = plain_text(next((t for t in inside if t.type == "inline"), Token("inline", "", 0))).strip()
        fences = [t for t in inside if t.type == "fence" and _language(t) in COMMANDS]
        label = str(number) if number and part == "Steps" else ""
        yield _Block(start, stop, title, label, fences[0] if fences else None, is_item=True, opens_step=True)
        for fence in fences[1:]:
            yield _Block(stop, stop, title, label, fence)
        number += bool(number)
        i = end + 1


def _closing(tokens: Sequence[Token], start: int) -> int:
    """Return the index of the token that closes the one at `start`, itself if it opens nothing."""
    depth = 0
    for i in range(start, len(tokens)):
        depth += tokens[i].nesting
        if depth <= 0:
            return i
    return len(tokens) - 1


def _numbered(title: str) -> tuple[str, str]:
    match = _STEP_NUMBER.match(title)
    return (match["number"], title[match.end() :]) if match else ("", title)


def _language(fence: Token) -> str:
    return (fence.info.split() or [""])[0].lower()


def _merged(blocks: Sequence[_Block]) -> list[_Block]:
    """Return one block for each step: text goes to the command before it, and an introduction to the one after it."""
    merged: list[_Block] = []
    for i, block in enumerate(blocks):
        before = merged[-1] if merged else None
        following = blocks[i + 1] if i + 1 < len(blocks) else None
        begins = (
            before is None
            or block.opens_step
            or (block.fence is not None and before.fence is not None)
            or (block.introduces and before.fence is not None and bool(following and following.fence))
            or (before.is_item and not block.fence)
        )
        if begins:
            if before and block.concludes and not before.is_item:
                merged[-1] = replace(before, end=block.end)
            merged.append(block)
        elif before:
            merged[-1] = replace(
                before,
                end=max(before.end, block.end),
                title=before.title or block.title,
                fence=before.fence or block.fence,
            )
    return merged


def _planned(part: str, blocks: Sequence[_Block], lines: Sequence[str]) -> Iterator[RunbookStep]:
    if len(blocks) > STEPS_MAX:
        blocks = [*blocks[: STEPS_MAX - 1], replace(blocks[STEPS_MAX - 1], end=blocks[-1].end)]
    label, title, commands = "", "", 0
    for position, block in enumerate(blocks, 1):
        if block.opens_step or part != "Steps":
            label, title, commands = block.label, block.title, 0
        commands += 1
        suffix = chr(ord("a") + commands - 1) if 1 < commands <= 26 else ""
        shown = block.title.rstrip(":") if commands == 1 or block.introduces else title
        fence = block.fence
        attributes = {m["name"]: m["value"] for m in _ATTRIBUTE.finditer(fence.info)} if fence else {}
        yield RunbookStep(
            part=part,
            position=position,
            title=(shown or title or part)[:TITLE_MAX_CHARS],
            label=f"{label}{suffix}" if label else "",
            line=(fence.map[0] if fence and fence.map else block.start) + 1,
            language=_language(fence) if fence else "",
            fence_sha=sha256_of(fence.content) if fence else "",
            fence_id=attributes.get("id", ""),
            undo=tuple(filter(None, attributes.get("undo", "").split(","))),
            text="\n".join(lines[block.start : block.end]).strip("\n"),
        )
