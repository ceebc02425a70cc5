"""Render a runbook as HTML (pure), with anchors, commands to copy, and links that stay in the app."""

import posixpath
from collections.abc import Callable, Sequence
from urllib.parse import unquote

import nh3
from markdown_it.token import Token
from markupsafe import Markup, escape

from firebell.kit.markdown import accessible_tables, anchors, markdown, plain_text
from firebell.runbooks.model import COMMANDS
from firebell.runbooks.parse import document

FOLDER = "examples/runbooks"
"""The folder of the default runbooks in the handbook; links of own runbooks are relative to it too."""
_SAFE: dict[str, set[str]] = {
    **nh3.ALLOWED_ATTRIBUTES,
    "button": {"class", "type", "data-copy"},
    "div": {"class"},
    "pre": {"tabindex"},
    **{f"h{n}": {"id"} for n in range(1, 7)},
}
_TAGS = nh3.ALLOWED_TAGS | {"button"}


def rendered(text: str, known: Callable[[str], bool] = lambda slug: False) -> Markup:
    """Return the document below its title as sanitized HTML.

    Links to runbooks whose slug is `known`, and to the handbook, lead to their screens.
    """
    tokens = markdown.parse(document(text))
    heads = [i for i, t in enumerate(tokens) if t.type == "heading_open" and t.level == 0]
    for i, anchor in zip(heads, anchors(plain_text(tokens[i + 1]).strip() for i in heads), strict=True):
        tokens[i].attrSet("id", anchor)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", app_address(str(child.attrGet("href") or ""), known))
    body = [_command(t) if t.type == "fence" else t for t in _without_title(tokens)]
    html = markdown.renderer.render(body, markdown.options, {})
    html = accessible_tables(nh3.clean(html, tags=_TAGS, attributes=_SAFE))
    return Markup(html)  # noqa: S704 - sanitized by nh3


def to_html(text: str, known: Sequence[str]) -> str:
    """Return the HTML of `rendered`, with arguments and a result that JSON can carry."""
    return str(rendered(text, frozenset(known).__contains__))


def app_address(target: str, known: Callable[[str], bool]) -> str:
    """Return the address in the app of a link in a runbook; other links stay as they are."""
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
    """Return a code block as HTML: a command with a copy button, or plain text."""
    text = escape(fence.content.rstrip("\n"))
    language = (fence.info.split() or [""])[0].lower()
    copied = '<button class="btn quiet" type="button" data-copy>Copy</button>'
    html = f'<div class="cmd key-card"><code>{text}</code>{copied}</div>'
    if language not in COMMANDS:
        html = f'<pre tabindex="0"><code>{text}</code></pre>'
    return Token("html_block", "", 0, content=f"{html}\n")
