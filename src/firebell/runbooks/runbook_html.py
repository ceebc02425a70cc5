"""A runbook as HTML (pure): headings to link to, commands to copy, links that stay in the product."""

import posixpath
from collections.abc import Callable, Sequence
from urllib.parse import unquote

import nh3
from markdown_it.token import Token
from markupsafe import Markup, escape

from firebell.kit.markdown import accessible_tables, anchors, markdown, words
from firebell.runbooks.model import COMMANDS
from firebell.runbooks.parse import document

FOLDER = "examples/runbooks"
"""Where the shipped runbooks lie in the written practice; the library's own are read as if they lay beside them."""
_SAFE: dict[str, set[str]] = {
    **nh3.ALLOWED_ATTRIBUTES,
    "button": {"class", "type", "data-copy"},
    "div": {"class"},
    "pre": {"tabindex"},
    **{f"h{n}": {"id"} for n in range(1, 7)},
}
_TAGS = nh3.ALLOWED_TAGS | {"button"}


def rendered(text: str, known: Callable[[str], bool] = lambda slug: False) -> Markup:
    """Return the document below its title as HTML that cannot do harm.

    Links to other runbooks that are `known` by their slug, and to the written practice, lead to their pages.
    """
    tokens = markdown.parse(document(text))
    heads = [i for i, t in enumerate(tokens) if t.type == "heading_open" and t.level == 0]
    for i, anchor in zip(heads, anchors(words(tokens[i + 1]).strip() for i in heads), strict=True):
        tokens[i].attrSet("id", anchor)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", led(str(child.attrGet("href") or ""), known))
    shown = [_command(t) if t.type == "fence" else t for t in _without_title(tokens)]
    html = markdown.renderer.render(shown, markdown.options, {})
    html = accessible_tables(nh3.clean(html, tags=_TAGS, attributes=_SAFE))
    return Markup(html)  # noqa: S704 - sanitized by nh3


def to_html(text: str, known: Sequence[str]) -> str:
    """Return what `rendered` does, from and to what JSON can carry."""
    return str(rendered(text, frozenset(known).__contains__))


def led(target: str, known: Callable[[str], bool]) -> str:
    """Return where a link of a runbook leads in the product; others stay as they are."""
    path, hash_, anchor = target.partition("#")
    if not path.endswith(".md") or ":" in path or path.startswith("/"):
        return target
    file = posixpath.normpath(posixpath.join(FOLDER, unquote(path)))
    slug = posixpath.basename(file).removesuffix(".md")
    if posixpath.dirname(file) == FOLDER and known(slug):
        return f"/runbooks/{slug}{hash_}{anchor}"
    if file.startswith("../"):
        return target
    return f"/handbook/{file.removesuffix('.md')}{hash_}{anchor}"


def _without_title(tokens: Sequence[Token]) -> list[Token]:
    title = next((i for i, t in enumerate(tokens) if t.type == "heading_open" and t.tag == "h1"), None)
    return [*tokens] if title is None else [*tokens[:title], *tokens[title + 3 :]]


def _command(fence: Token) -> Token:
    """Return a fence as the block that it is read as: a command with a button that copies it, or a text."""
    text = escape(fence.content.rstrip("\n"))
    language = (fence.info.split() or [""])[0].lower()
    copied = '<button class="btn quiet" type="button" data-copy>Copy</button>'
    html = f'<div class="cmd key-card"><code>{text}</code>{copied}</div>'
    if language not in COMMANDS:
        html = f'<pre tabindex="0"><code>{text}</code></pre>'
    return Token("html_block", "", 0, content=f"{html}\n")
