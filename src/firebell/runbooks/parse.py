"""Parse Markdown as a runbook: title, parts, owner, date, commands and links, each with its line (pure)."""

import re
from collections.abc import Iterable, Sequence
from datetime import date
from functools import lru_cache

from markdown_it.token import Token

from firebell.kit.markdown import anchors, markdown, plain_text
from firebell.runbooks.front_matter import front_matter
from firebell.runbooks.model import PARTS, Fence, Heading, Link, Part, Runbook, Step

_NEWLINE = re.compile(r"\r\n|\r|\n")
"""Line endings of CommonMark; `splitlines` has more, which would shift the line numbers."""
_NUMBERED = re.compile(r"^(?:step\s+\d+(?:[.):]|\s*[-–—])?|\d+(?:[.):]|\s+[-–—]))\s+\S", re.I)
_FRONT_MATTER = re.compile(
    r"(?P<fence>---|\+\+\+)[ \t]*(?:\r\n|\r|\n).*?(?:\r\n|\r|\n)(?P=fence)[ \t]*(?=\r|\n|\Z)", re.S
)
_TITLE = re.compile(r"^title[ \t]*[:=][ \t]*([\"']?)(?P<title>.+?)\1[ \t\r]*$", re.M)
_H1 = re.compile(r"^# +(.+?)[ \t#]*$", re.M)
_COMMENT = re.compile(r"<!--.*?-->", re.S)
_PART_NUMBER = re.compile(r"^\d+[.):]?\s+")
_PART_NAMES = {name.casefold(): name for name in PARTS}
_DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WRITTEN_DATE = re.compile(
    rf"\b(?:(?P<day>\d{{1,2}})\.?\s+)?(?P<month>{'|'.join(_MONTHS)})[a-z]*\.?"
    r"(?:\s+(?P<day_after>\d{1,2}))?,?\s+(?P<year>\d{4})\b",
    re.I,
)
"""`20 November 2026` and `Nov 20, 2026`; in numbers alone, day and month would be ambiguous."""
_HTML_ANCHOR = re.compile(r"<[a-z][^>]*\s(?:id|name)=[\"']([^\"']+)[\"']", re.I)


@lru_cache(maxsize=256)
def read(text: str) -> Runbook:
    """Return a text as a runbook. Never fails: missing parts are empty or None."""
    front_title, front = _front_title(text), front_matter(text)
    text = document(text)
    tokens = markdown.parse(text)
    lines = _NEWLINE.split(text)
    parts = tuple(_parts(tokens, lines))
    return Runbook(
        title=next((plain_text(tokens[i + 1]) for i, t in _headings(tokens) if t.tag == "h1"), front_title),
        parts=parts,
        owner=_first_line(parts, "Owner"),
        updated=_date(_first_line(parts, "Last updated")),
        fences=tuple(_fences(tokens, lines)),
        links=tuple(_links(tokens)),
        steps=tuple(_steps(tokens)),
        headings=tuple(_named(tokens)),
        html_anchors=frozenset(_HTML_ANCHOR.findall(text)),
        front=front,
    )


def document(text: str) -> str:
    """Return a text without byte order mark and front matter; line numbers do not change."""
    text = text.removeprefix("\ufeff")
    front = _FRONT_MATTER.match(text)
    if front is None:
        return text
    return "\n" * (len(_NEWLINE.split(front[0])) - 1) + text[front.end() :]


def title_of(text: str) -> str:
    """Return the title of a text without parsing the rest: its first line that is one, or that of its front matter."""
    title = _H1.search(document(text))
    return title[1].strip() if title else _front_title(text)


def _front_title(text: str) -> str:
    front = _FRONT_MATTER.match(text.removeprefix("\ufeff"))
    title = _TITLE.search(front[0]) if front else None
    return title["title"] if title else ""


def _named(tokens: Sequence[Token]) -> Iterable[Heading]:
    heads = _headings(tokens)
    titles = [plain_text(tokens[i + 1]).strip() for i, _ in heads]
    for (_, head), title, anchor in zip(heads, titles, anchors(titles), strict=True):
        yield Heading(int(head.tag[1]), title, anchor)


def _headings(tokens: Sequence[Token]) -> list[tuple[int, Token]]:
    return [(i, t) for i, t in enumerate(tokens) if t.type == "heading_open" and t.level == 0]


def _line(token: Token) -> int:
    return token.map[0] + 1 if token.map else 1


def _parts(tokens: Sequence[Token], lines: Sequence[str]) -> Iterable[Part]:
    heads = [(i, t) for i, t in _headings(tokens) if t.tag in ("h1", "h2")]
    for at, (i, head) in enumerate(heads):
        if head.tag != "h2" or head.map is None:
            continue
        after = heads[at + 1][1].map if at + 1 < len(heads) else None
        end = after[0] if after else len(lines)
        body = "\n".join(lines[head.map[1] : end])
        yield Part(_part_name(plain_text(tokens[i + 1])), _line(head), _COMMENT.sub("", body).strip())


def _part_name(title: str) -> str:
    """Return the canonical name of one of the eight parts, any other title as it is."""
    title = title.strip()
    return _PART_NAMES.get(_PART_NUMBER.sub("", title).casefold(), title)


def _first_line(parts: Sequence[Part], name: str) -> str:
    """Return the first line of a part as plain text, without emphasis or bullets."""
    body = next((p.body for p in parts if p.name == name), "")
    for token in markdown.parse(body):
        if token.type == "inline":
            return (
                plain_text(token).strip()
                if "\n" not in token.content
                else plain_text(markdown.parseInline(token.content.split("\n", 1)[0])[0]).strip()
            )
    return ""


def _date(text: str) -> date | None:
    for year, month, day in _DATE.findall(text):
        try:
            return date(int(year), int(month), int(day))
        except ValueError:
            continue
    for match in _WRITTEN_DATE.finditer(text):
        day, month = match["day"] or match["day_after"], _MONTHS.index(match["month"].lower()) + 1
        try:
            return date(int(match["year"]), month, int(day))
        except (TypeError, ValueError):
            continue
    return None


def _fences(tokens: Sequence[Token], lines: Sequence[str]) -> Iterable[Fence]:
    part = step = ""
    for i, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            title = plain_text(tokens[i + 1]).strip()
            if token.tag in ("h1", "h2"):
                part, step = _part_name(title) if token.tag == "h2" else "", ""
            elif token.tag == "h3":
                step = title
        elif token.type == "fence" and token.map:
            language, _, info = token.info.strip().partition(" ")
            closed = _closed(token, lines)
            yield Fence(_line(token), language.lower(), token.content, part, step, closed, info.strip())


def _closed(token: Token, lines: Sequence[str]) -> bool:
    assert token.map
    start, end = token.map
    last = lines[end - 1].lstrip(" \t>").rstrip() if end - 1 < len(lines) else ""
    return end - 1 > start and len(last) >= len(token.markup) and set(last) == set(token.markup)


def _links(tokens: Sequence[Token]) -> Iterable[Link]:
    for token in tokens:
        for child in token.children or ():
            target = child.attrGet("href") if child.type == "link_open" else None
            target = child.attrGet("src") if child.type == "image" else target
            if target is not None:
                yield Link(_line(token), str(target))


def _steps(tokens: Sequence[Token]) -> Iterable[Step]:
    inside, lists = False, []
    for i, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            title = plain_text(tokens[i + 1]).strip()
            if token.tag in ("h1", "h2"):
                inside = token.tag == "h2" and _part_name(title) == "Steps"
            elif inside and token.tag == "h3" and _NUMBERED.match(title):
                yield Step(_line(token), title)
        elif token.type in ("ordered_list_open", "bullet_list_open"):
            lists.append(token.type)
        elif token.type in ("ordered_list_close", "bullet_list_close"):
            lists.pop()
        elif inside and token.type == "list_item_open" and lists == ["ordered_list_open"]:
            first = next((t for t in tokens[i:] if t.type in ("inline", "list_item_close")), token)
            yield Step(_line(token), plain_text(first).strip())
