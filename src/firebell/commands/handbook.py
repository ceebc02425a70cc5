"""`firebell handbook`: read and search the handbook, offline."""

import os
import sys
from typing import Any

import click

from firebell.commands.output import as_json, example, fail, show, table, wants_json
from firebell.handbook import section_search, shipped_content
from firebell.handbook.model import Chapter, SectionHit
from firebell.kit.errors import NotFound


@click.group()
def handbook() -> None:
    """Read the incident management handbook, without a server."""


def _name(chapter: Chapter) -> str:
    return chapter.slug or "SKILL"


@handbook.command("list", epilog=example("firebell handbook list"))
@as_json
def list_() -> None:
    """List the chapters."""
    listed = shipped_content.chapters()
    value = [{"chapter": _name(c), "path": c.path, "title": c.title} for c in listed]
    show(value, table(("CHAPTER", "TITLE"), [[_name(c), c.title] for c in listed], wide=1))


@handbook.command("show", epilog=example("firebell handbook show references/incident-roles"))
@click.argument("chapter", default="SKILL")
@as_json
def show_(chapter: str) -> None:
    """Print CHAPTER, formatted at a terminal and as Markdown elsewhere."""
    try:
        document = shipped_content.chapter(chapter)
    except NotFound as error:
        fail(error.message, error.hint)
    if wants_json():
        show(
            {
                "chapter": _name(document),
                "path": document.path,
                "title": document.title,
                "text": document.text,
            },
            "",
        )
    elif sys.stdout.isatty():
        click.echo_via_pager(_formatted(document))
    else:
        click.echo(document.text.rstrip("\n"))


def _formatted(chapter: Chapter) -> str:
    from rich.console import Console
    from rich.markdown import Markdown
    from rich.syntax import Syntax

    console = Console(width=min(100, Console().width), no_color="NO_COLOR" in os.environ or None)
    content: Any = Syntax(chapter.text, "python") if chapter.is_code else Markdown(chapter.text)
    with console.capture() as captured:
        console.print(content)
    return captured.get()


@handbook.command(epilog=example("firebell handbook search hands off commander"))
@click.argument("words", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 100), default=8, show_default=True)
@as_json
def search(words: tuple[str, ...], limit: int) -> None:
    """Search for the sections that contain all WORDS, best first."""
    query = " ".join(words)
    hits = section_search.search(shipped_content.chapters(), query, limit)
    value = [
        {
            "chapter": _name(h.chapter),
            "section": h.heading.text,
            "anchor": h.heading.anchor,
            "snippet": "".join(h.snippet),
        }
        for h in hits
    ]
    if not hits and not wants_json():
        fail(f"No results for {query!r} in the handbook.", "Try fewer words, or only their first letters.")
    show(value, "\n\n".join(map(_hit, hits)))


def _hit(hit: SectionHit) -> str:
    head = click.style(hit.heading.text, bold=True)
    text = "".join(click.style(s, underline=True) if i % 2 else s for i, s in enumerate(hit.snippet))
    return f"{head}\n  firebell handbook show {_name(hit.chapter)}\n  {text}"
