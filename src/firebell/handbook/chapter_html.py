"""A chapter as HTML: headings that can be linked to, links that stay in the app, code that can be copied."""

import posixpath
import re
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

from markdown_it.token import Token
from markupsafe import Markup, escape

from firebell.handbook import shipped_content
from firebell.handbook.chapter_parser import headings
from firebell.handbook.model import Chapter, Heading
from firebell.handbook.templates import slots
from firebell.kit.markdown import accessible_tables, markdown, plain_text

PAGES = (
    *("incidents", "pages", "oncall", "escalation", "services", "alerts", "post-mortems", "handbook"),
    *("runbooks", "settings"),
)
"""First segments of the paths in backticks that become links to screens."""
_PAGE = re.compile(rf"/(?:{'|'.join(PAGES)})(?:/[a-z-]+)*(?:\?[\w=&-]+)?(?:#[\w-]+)?")
_EXTERNAL = re.compile(r"(?:[a-z][a-z+.-]*:|/|#)", re.IGNORECASE)


def target(path: str, href: str) -> str:
    """Return the address in the app of a link in the file `path`; links out of the handbook stay as they are."""
    if not href or _EXTERNAL.match(href):
        return href
    file, hash_, anchor = href.partition("#")
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(path), file))
    chapter = next((c for c in shipped_content.chapters() if c.path == wanted), None)
    return f"{address(chapter)}{hash_}{anchor}" if chapter else href


def address(chapter: Chapter) -> str:
    """Return the path of a chapter in the app; `/handbook` itself is the start page."""
    return f"/handbook/{chapter.slug or 'SKILL'}"


def _html(content: str, kind: str = "html_inline") -> Token:
    return Token(kind, "", 0, content=content)


def _link(href: str) -> tuple[Token, Token]:
    return Token("link_open", "a", 1, attrs={"href": href}), Token("link_close", "a", -1)


def _inline(path: str, children: Sequence[Token]) -> list[Token]:
    """Return the tokens of a paragraph with links into the app, and paths of screens as links."""
    out: list[Token] = []
    inside = False
    for child in children:
        if child.type == "link_open":
            inside = True
            href = target(path, str(child.attrs.get("href", "")))
            child.attrs["href"] = href
            if "://" in href:
                child.attrs["rel"] = "noopener"
        inside = inside and child.type != "link_close"
        if child.type == "code_inline" and not inside and _PAGE.fullmatch(child.content):
            start, end = _link(child.content)
            out += [start, child, end]
        else:
            out.append(child)
    return out


def _task(children: list[Token]) -> bool:
    """Remove the `[ ]` at the beginning of a list item; return True if there was one."""
    if not children or not children[0].content.startswith("[ ] "):
        return False
    children[0].content = children[0].content.removeprefix("[ ] ")
    return True


def _label_cells(tokens: Sequence[Token]) -> None:
    """Give each cell of a table with three columns or more its column, which a phone shows in place of a header."""
    labels: list[str] = []
    column = 0
    table = Token("table_open", "table", 1)
    for token, inline in pairwise(tokens):
        if token.type == "table_open":
            labels, table = [], token
        elif token.type == "th_open":
            labels.append(plain_text(inline).strip())
        elif token.type == "thead_close" and len(labels) > 2:
            table.attrs["class"] = "reflow"
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            if len(labels) > 2 and labels[column] and plain_text(inline).strip():
                token.attrs["data-label"] = labels[column]
            column += 1


@cache
def rendered(path: str) -> Markup:
    """Return a Markdown chapter as HTML. The files come with Firebell, and raw HTML is off."""
    chapter = shipped_content.chapter(path)
    anchors = iter(headings(chapter.text))
    out: list[Token] = []
    items: list[Token] = []
    heading = Heading(1, chapter.title, "")
    tokens = markdown.parse(chapter.text)
    _label_cells(tokens)
    for token in tokens:
        if token.type == "inline":
            children = token.children or []
            if items and _task(children):
                items[-1].attrJoin("class", "task")
            token.children = _inline(path, children)
            items = []
        elif token.type == "heading_open":
            heading = next(anchors)
            token.attrs["id"] = heading.anchor
        elif token.type == "heading_close":
            label = escape(f"Link to {heading.text}")
            if token.tag != "h1":
                out.append(_html(f' <a class="hash" href="#{heading.anchor}" aria-label="{label}">#</a>'))
        elif token.type == "list_item_open":
            items = [token]
        elif token.type == "table_open":
            label = escape(f"Table: {heading.text}")
            out.append(
                _html(f'<div class="scroll" tabindex="0" role="region" aria-label="{label}">', "html_block")
            )
        if token.type in ("fence", "code_block"):
            out.append(_html(_code(token, heading.text), "html_block"))
            continue
        out.append(token)
        if token.type == "table_close":
            out.append(_html("</div>", "html_block"))
    html = accessible_tables(markdown.renderer.render(out, markdown.options, {}), focusable=False)
    return Markup(html)  # noqa: S704 - raw HTML is off, see above


def _code(token: Token, above: str) -> str:
    has_slots = bool(slots(token.content))
    label = escape(f"{'Template' if has_slots else 'Code'}: {above}")
    return (
        f'<div class="code"><pre tabindex="0" aria-label="{label}"><code>{escape(token.content)}</code></pre>'
        '<button class="btn quiet" type="button" data-copy>Copy</button></div>\n'
    )


@cache
def contents(path: str) -> list[tuple[str, str]]:
    """Return (anchor, title) of the sections of a chapter, for its table of contents."""
    chapter = shipped_content.chapter(path)
    return [] if chapter.is_code else [(h.anchor, h.text) for h in headings(chapter.text) if h.level == 2]


def snippet(parts: Sequence[str]) -> Markup:
    """Return the snippet of a search result with the matches marked."""
    pieces = [Markup("<mark>{}</mark>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts)]
    return Markup("").join(pieces)
