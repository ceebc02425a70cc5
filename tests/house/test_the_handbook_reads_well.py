"""Every link leads somewhere, every command and every page that a text names exists."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import click
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token
from starlette.routing import Match, Route

from firebell import app
from firebell.cli import main
from firebell.handbook import shipped_content
from firebell.handbook.chapter_parser import headings
from tests.house.source import ROOT, TEMPLATES

TEXTS = [
    *sorted((ROOT / "skills").rglob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "README.md",
]
MISTYPED = "page lst"
"""A command that docs/cli.md shows with its error."""
SENDERS = ("in", "v1", "v2", "generic", "integration", "integrations")
MACHINES = ("s", "api", "static", "healthz", "livez", "events", "favicon.ico", *SENDERS)
"""Addresses that are not pages."""
SYSTEM = ("bin", "data", "dev", "etc", "home", "opt", "proc", "run", "srv", "sys", "tmp", "usr", "var")
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_markdown = MarkdownIt("commonmark", {"html": False}).enable("table")

each_text = pytest.mark.parametrize("path", TEXTS, ids=lambda p: str(p.relative_to(ROOT)))


@cache
def parsed(path: Path) -> list[Token]:
    return _markdown.parse(_FRONT.sub("", path.read_text(encoding="utf-8")))


@cache
def anchors(path: Path) -> frozenset[str]:
    return frozenset(h.anchor for h in headings(path.read_text(encoding="utf-8")))


def inline(path: Path, kind: str) -> Iterator[Token]:
    """Yield the inline tokens of a kind."""
    for token in parsed(path):
        yield from (child for child in token.children or [] if child.type == kind)


def fences(path: Path) -> Iterator[Token]:
    """Yield the fences, and those inside of fences of Markdown."""
    for token in parsed(path):
        if token.type == "fence":
            yield token


@each_text
def test_every_link_inside_leads_somewhere(path: Path) -> None:
    dead = []
    for link in inline(path, "link_open"):
        href = str(link.attrs["href"])
        if re.match(r"[a-z]+:", href):
            continue
        file, _, anchor = href.partition("#")
        target = (path.parent / file).resolve() if file else path
        in_skill = "skills" in path.relative_to(ROOT).parts
        if not target.exists() or (in_skill and "managing-incidents" not in target.parts):
            dead.append(href)
        elif anchor and target.suffix == ".md" and anchor not in anchors(target):
            dead.append(f"{href} (there are: {', '.join(sorted(anchors(target)))})")
    assert dead == []


@each_text
def test_headings_go_down_one_level_at_a_time_under_one_title(path: Path) -> None:
    levels = [h.level for h in headings(path.read_text(encoding="utf-8"))]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert not [(a, b) for a, b in pairwise(levels) if b > a + 1]


def test_every_block_of_code_names_its_language() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{(fence.map or [0])[0] + 1}"
        for path in TEXTS
        for fence in fences(path)
        if not fence.info.strip()
    ]
    assert bare == []


def lines(path: Path) -> Iterator[str]:
    """Yield what a reader could type: lines of code blocks, and inline code."""
    for fence in fences(path):
        yield from fence.content.replace("\\\n", " ").splitlines()
    yield from (code.content for code in inline(path, "code_inline"))


def commands(path: Path) -> Iterator[list[str]]:
    """Yield the arguments of each `firebell` command."""
    for line in lines(path):
        text = line.strip().removeprefix("$ ")
        if "firebell " not in text or not re.match(r"(?:[A-Z_]+=\S+ )*firebell |.*[|&;(] *firebell ", text):
            continue
        shell = shlex.shlex(text, posix=True, punctuation_chars="();<>|&")
        shell.whitespace_split = True
        command_words: list[str] = []
        try:
            tokens = [*shell, ";"]
        except ValueError:
            tokens = [*text.split(), ";"]
        for word in tokens:
            if set(word) <= set("();<>|&"):
                while command_words and re.fullmatch(r"[A-Z_]+=.*", command_words[0]):
                    command_words.pop(0)
                if command_words[:1] == ["firebell"]:
                    yield command_words[1:]
                command_words = [] if word not in ("<", ">") else ["to"]
            else:
                command_words.append(word)


def refusal(argv: list[str]) -> str | None:
    """Return why the command line would refuse these arguments, None if it would not."""
    command: click.Command = main
    ctx = click.Context(main, info_name="firebell")
    rest = list(argv)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        subcommand = command.get_command(ctx, rest[0])
        if subcommand is None:
            return f"there is no command {rest[0]!r}"
        command = subcommand
        ctx = click.Context(command, parent=ctx, info_name=rest.pop(0))
    if not rest:
        return None
    try:
        params, left, _ = command.make_parser(ctx).parse_args(list(rest))
        for param in command.params:
            value = params.get(param.name or "")
            if (
                isinstance(param, click.Argument)
                and param.required
                and not (value and isinstance(value, str | tuple))
            ):
                return f"{param.human_readable_name} is missing"
            if isinstance(param.type, click.Choice) and value is not None:
                for one in value if isinstance(value, tuple | list) else [value]:
                    param.type.convert(one, param, ctx)
    except click.UsageError as error:
        return error.format_message()
    return f"too many words: {left}" if left and not isinstance(command, click.Group) else None


@each_text
def test_every_command_that_is_named_exists(path: Path) -> None:
    wrong = [
        f"firebell {' '.join(argv)}: {why}"
        for argv in commands(path)
        if " ".join(argv) != MISTYPED and (why := refusal(argv))
    ]
    assert wrong == []


def test_the_reading_of_commands_can_fail() -> None:
    assert refusal(["oncall", "handof", "list"])
    assert refusal(["incident", "note", "INC-1", "text", "--kind", "poem"])
    assert refusal(["incident", "note", "INC-1"])
    assert refusal(["alert", "send", "x", "--servce", "checkout"])
    assert refusal(["classify", "--down", "no"]) is None
    assert refusal(["incident", "note"]) is None
    assert len([c for path in TEXTS for c in commands(path)]) > 200


@cache
def routes() -> list[Route]:
    return [r for router in app.routers() for r in router.routes if isinstance(r, Route)]


def leads(address: str) -> bool:
    """Return True if the product has a page at this address."""
    address = address.partition("?")[0].partition("#")[0]
    scope = {"type": "http", "path": address, "method": "GET", "root_path": "", "headers": []}
    return any(route.matches(scope)[0] is Match.FULL for route in routes())


@each_text
def test_every_page_that_is_named_exists(path: Path) -> None:
    named = [code.content for code in inline(path, "code_inline")]
    named += [str(link.attrs["href"]) for link in inline(path, "link_open")]
    # runbooks name addresses of other programs too
    pages = {r.path.split("/")[1] for r in routes()} if "runbooks" in path.parts else None
    wrong = []
    for name in named:
        first = re.match(r"/([a-z][\w-]*)", name)
        other = " " in name or name.endswith(".md")
        if first is None or other or first[1] in (*MACHINES, *SYSTEM):
            continue
        if (pages is None or first[1] in pages) and not leads(name):
            wrong.append(name)
    assert wrong == []


def test_the_reading_of_pages_can_fail() -> None:
    assert leads("/incidents/INC-1/messages")
    assert leads("/handbook/references/incident-roles#who-fills-what")
    assert not leads("/incidents/INC-1/mesages")


def test_every_link_of_a_page_into_the_handbook_finds_its_chapter_and_part() -> None:
    broken = {
        link: path.name
        for path in TEMPLATES
        for link in re.findall(
            r"[\"'](/handbook(?:/(?!templates)[\w/-]+)?(?:#[\w-]+)?)[\"']", path.read_text()
        )
    }
    assert len(broken) > 5
    for link, page in broken.items():
        address, _, anchor = link.partition("#")
        chapter = shipped_content.chapter(address.removeprefix("/handbook"))
        assert not anchor or anchor in {h.anchor for h in headings(chapter.text)}, f"{page}: {link}"
