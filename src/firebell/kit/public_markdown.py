"""Markdown that the public reads, as HTML without images and as plain text (pure)."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from markupsafe import Markup

from firebell.kit.markdown import accessible_tables

FIRST_HEADING = 3
"""The level of the largest heading: the page has a title and sections of its own."""
_TAGS = {
    *("p", "br", "hr", "strong", "em", "code", "pre", "blockquote", "ul", "ol", "li", "a"),
    *("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
_ADDRESS = re.compile(r"https?://[^\s<>\"]*[^\s<>\".,;:!?)]")
UNSHOWABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
"""Characters that XML cannot contain; without them, the text can be part of a feed."""
_MARK_START, _MARK_END = "\ue000", "\ue001"
"""Private-use characters around what is marked; Markdown treats them as letters."""
_MARK_IN_TAG = re.compile(f"[{_MARK_START}{_MARK_END}]|%EE%80%8[01]")
_MARK = re.compile(f"([{_MARK_START}{_MARK_END}])")
_TAG_OR_MARK = re.compile(f"(<[^>]*>|[{_MARK_START}{_MARK_END}])")
_BLANK_LINES = re.compile(r"\n{3,}")
MAX_LINES, MAX_MARKS, MAX_CELLS = 2000, 5000, 4000
"""The limits of a rendered text, because other requests wait meanwhile; a larger one is shown as written."""
_LINE_END = re.compile(r"\r\n?|\n")
_BLANK_LINE = re.compile(r"\n[ \t]*\n")
_MARKS = re.compile(r"[\[\]*_`<>!&\\~|]")


def _addresses_become_links(state: StateCore) -> None:
    """Split text around each web address, which becomes a link unless it is already in one."""
    for block in state.tokens:
        children: list[Token] = []
        depth = 0
        for child in block.children or ():
            depth += child.nesting if child.type in ("link_open", "link_close") else 0
            children += _with_links(child) if child.type == "text" and not depth else [child]
        block.children = children if block.children else block.children


def _with_links(text: Token) -> Iterator[Token]:
    at = 0
    for match in _ADDRESS.finditer(text.content):
        if match.start() > at:
            yield Token("text", "", 0, content=text.content[at : match.start()])
        yield Token("link_open", "a", 1, attrs={"href": match[0]})
        yield Token("text", "", 0, content=match[0])
        yield Token("link_close", "a", -1)
        at = match.end()
    if at < len(text.content):
        yield Token("text", "", 0, content=text.content[at:])


def _smaller_headings(state: StateCore) -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(6, int(token.tag[1]) + FIRST_HEADING - 1)}"


class _Renderer(RendererHTML):
    """Renders an image as a link to it: what the public reads loads nothing from elsewhere."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Return a link with the text of an image."""
        source = str(tokens[idx].attrs.get("src", ""))
        label = self.renderInlineAsText(tokens[idx].children or (), options, env) or source
        return str(Markup('<a href="{}">{}</a>').format(source, label))


_dialect = MarkdownIt(
    "commonmark", {"html": False, "linkify": False, "breaks": True}, renderer_cls=_Renderer
).enable("table")
_dialect.core.ruler.push("addresses", _addresses_become_links)
_dialect.core.ruler.push("headings", _smaller_headings)
_paragraphs = MarkdownIt("zero", {"breaks": True}).enable("newline")
"""Only paragraphs, lines and web addresses."""
_paragraphs.core.ruler.push("addresses", _addresses_become_links)


def _dialect_for(text: str) -> MarkdownIt:
    """Return the dialect in which a text is rendered in bounded time."""
    text = _LINE_END.sub("\n", text)
    is_bounded = (
        text.count("\n") < MAX_LINES
        and sum(1 for _ in _MARKS.finditer(text)) <= MAX_MARKS
        and sum(map(_cells, _BLANK_LINE.split(text))) <= MAX_CELLS
    )
    return _dialect if is_bounded else _paragraphs


def literal(text: str) -> str:
    """Return one line of text as Markdown that is shown as it was written."""
    return _MARKS.sub(r"\\\g<0>", text)


def _cells(block: str) -> int:
    """Return how many cells a table in a block without blank lines has at most; short rows are filled up."""
    lines = block.split("\n")
    return len(lines) * max(line.count("|") for line in lines)


@lru_cache(maxsize=1024)
def to_html(text: str) -> Markup:
    """Return Markdown as safe HTML: raw HTML is shown as text, links lead to web addresses only, nothing is loaded."""
    text = UNSHOWABLE.sub("", text)
    html = nh3.clean(
        _dialect_for(text).render(text),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https"},
        url_relative="deny",
        link_rel="nofollow noopener",
    )
    return Markup(accessible_tables(html, focusable=False).strip())  # noqa: S704 - sanitized by nh3


def to_marked_html(pieces: Iterable[tuple[str, bool]]) -> Markup:
    """Return Markdown given in pieces as safe HTML, with the pieces that have True marked, except inside addresses."""
    text = _with_marks(pieces)
    is_marked, parts = False, []
    # a draft changes with each keystroke, so caching it would only displace what is read often
    for part in _TAG_OR_MARK.split(to_html.__wrapped__(text)):
        if part in (_MARK_START, _MARK_END):
            is_marked = part == _MARK_START
        elif part.startswith("<"):
            parts.append(_MARK_IN_TAG.sub("", part))
        else:
            parts.append(f"<mark>{part}</mark>" if is_marked and part.strip() else part)
    return Markup("".join(parts))  # noqa: S704 - texts and tags are those of `to_html`


def to_marked_plain(pieces: Iterable[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """Return Markdown given in pieces as plain text in pieces, where those that had True still have it."""
    is_marked, parts = False, list[tuple[str, bool]]()
    for part in _MARK.split(to_plain.__wrapped__(_with_marks(pieces))):
        if part in (_MARK_START, _MARK_END):
            is_marked = part == _MARK_START
        elif part:
            parts.append((part, is_marked))
    return parts


def _with_marks(pieces: Iterable[tuple[str, bool]]) -> str:
    return "".join(f"{_MARK_START}{piece}{_MARK_END}" if is_marked else piece for piece, is_marked in pieces)


@lru_cache(maxsize=1024)
def to_plain(text: str) -> str:
    """Return Markdown as plain text: paragraphs apart, list items with their marks, links with their address."""
    parts: list[str] = []
    lists: list[int | None] = []
    """The number of the next item of each enclosing list, None if it has no numbers."""
    text = UNSHOWABLE.sub("", text)
    for token in _dialect_for(text).parse(text):
        if token.type in ("bullet_list_open", "ordered_list_open"):
            lists.append(int(token.attrs.get("start", 1)) if token.type.startswith("ordered") else None)
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
            parts.append("\n")
        elif token.type == "list_item_open":
            number = lists[-1]
            parts.append("  " * (len(lists) - 1) + ("- " if number is None else f"{number}. "))
            lists[-1] = None if number is None else number + 1
        elif token.type == "inline":
            parts.append(_inline_text(token.children or ()))
        elif token.type in ("fence", "code_block"):
            parts.append(f"{token.content.rstrip()}\n\n")
        elif token.type in ("th_close", "td_close"):
            parts.append("\t")
        elif token.type == "tr_close":
            parts.append("\n")
        elif token.type in ("paragraph_close", "heading_close", "table_close"):
            parts.append("\n" if token.hidden or lists else "\n\n")
    lines = "".join(parts).split("\n")
    return _BLANK_LINES.sub("\n\n", "\n".join(line.rstrip() for line in lines)).strip("\n")


def _inline_text(children: Sequence[Token]) -> str:
    parts: list[str] = []
    begun: list[tuple[str, int]] = []
    for child in children:
        if child.type == "link_open":
            begun.append((str(child.attrs.get("href", "")), len(parts)))
        elif child.type == "link_close":
            address, start = begun.pop()
            if address.startswith(("http://", "https://")) and "".join(parts[start:]) != address:
                parts.append(f" ({address})")
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image":
            parts.append(f"{child.content} ({child.attrs.get('src', '')})")
        else:
            parts.append(child.content)
    return "".join(parts)
