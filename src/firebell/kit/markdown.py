"""Markdown: what people wrote put safely into a document, and a document as HTML."""

import re

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_OPENS = re.compile(r"[\\|<]|!(?=\[)")
_MARKER = re.compile(r"^(\d*)([#>+*=~\[.)-]|```)")
_markdown = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable("table")


def cell(text: str) -> str:
    """Return text as one line that stays inside its table cell."""
    return _OPENS.sub(r"\\\g<0>", " ".join(text.split()))


def line(text: str) -> str:
    """Return text as one line that is neither a heading, a list, a quote nor a fence."""
    return _MARKER.sub(r"\1\\\2", cell(text))


def block(text: str) -> str:
    """Return what people wrote, in its own lines, which start no heading, table, fence or HTML."""
    return "\n".join(line(part) for part in text.splitlines())


def rendered(text: str) -> Markup:
    """Return Markdown as HTML that cannot do harm."""
    return Markup(nh3.clean(_markdown.render(text)))  # noqa: S704 - sanitised by nh3
