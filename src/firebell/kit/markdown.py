"""Markdown: escapes user text for documents, and renders documents as safe HTML."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

import msgspec
import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from firebell.kit.process_pool import DOCUMENTS, TakesTooLong

_OPENS = re.compile(r"[\\|<]|!(?=\[)")
_MARKER = re.compile(r"^(\d*)([#>+*=~_:\[.)-]|```)")
_EMPTY_HEADER = re.compile(r"<th(?: [^>]*)?></th>")
_INSTANT_CELL = re.compile(r"(?<=<td>)(\d{4}-\d\d-\d\d \d\d:\d\d)(?=</td>)")
markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")
"""The supported dialect: CommonMark with tables; raw HTML is shown as text."""


def cell(text: str) -> str:
    """Return text as one line, escaped for a table cell."""
    return _OPENS.sub(r"\\\g<0>", " ".join(text.split()))


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are escaped already."""
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (head, ["---"] * len(head), *rows))


def line(text: str) -> str:
    """Return text as one line that starts no heading, list, quote, rule, fence or table."""
    return _MARKER.sub(r"\1\\\2", cell(text))


def block(text: str) -> str:
    """Return text with its line breaks, escaped so that no line starts a heading, table, fence or HTML."""
    return "\n".join(line(part) for part in text.splitlines())


def plain_text(inline: Token) -> str:
    """Return the plain text of an inline token."""
    return "".join(
        " " if child.type in ("softbreak", "hardbreak") else child.content
        for child in inline.children or ()
        if child.type != "image"
    )


def anchors(titles: Iterable[str]) -> list[str]:
    """Return the fragment of each heading as GitHub generates it: a duplicate gets `-1`."""
    fragments: list[str] = []
    counts: dict[str, int] = {}
    for title in titles:
        kept = [c for c in title.strip().lower() if c in " -_" or unicodedata.category(c)[0] in "LNM"]
        anchor = "".join(kept).replace(" ", "-")
        times = counts.get(anchor, 0)
        counts[anchor] = times + 1
        fragments.append(f"{anchor}-{times}" if times else anchor)
    return fragments


def to_html(text: str) -> str:
    """Return Markdown as safe HTML; takes seconds for some texts."""
    return accessible_tables(nh3.clean(markdown.render(text)))


def accessible_tables(html: str, *, focusable: bool = True) -> str:
    """Return HTML whose tables have no empty headers and do not wrap instants; focusable ones scroll by keyboard."""
    html = _EMPTY_HEADER.sub("<td></td>", html)
    html = html.replace("<table>", '<table tabindex="0">') if focusable else html
    return _INSTANT_CELL.sub(r"<time>\1</time>", html)


async def rendered(text: str) -> Markup:
    """Return Markdown as safe HTML; return the plain text if rendering exceeds the time limit."""
    try:
        html = await DOCUMENTS.call("firebell.kit.markdown:to_html", text)
    except TakesTooLong:
        return as_written(text)
    return Markup(msgspec.json.decode(html, type=str))  # noqa: S704 - sanitized by nh3


def as_written(text: str) -> Markup:
    """Return a text as preformatted HTML, without rendering its Markdown."""
    return Markup('<pre tabindex="0">{}</pre>').format(text)
