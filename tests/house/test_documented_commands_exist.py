"""Every command line in the documentation and in the help is one that the program accepts."""

import re
import shlex
from collections.abc import Iterator

import click
import pytest

from firebell.cli import main
from tests.house.source import ROOT

PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "skills").rglob("*.md"),
        ROOT / "README.md",
        ROOT / "SECURITY.md",
    ]
)
WRONG = {"firebell page lst"}
"""What the documentation shows because it is refused."""
_BLOCK = re.compile(r"^(?P<fence>`{3,})(?:console|sh|bash|text)?\n(?P<text>.*?)^(?P=fence)$", re.M | re.S)
_LINE = re.compile(r"^(?:\$ )?(?P<command>firebell (?:[^\\\n]|\\\n)+)", re.M)
_END = {"|", ">", ">>", "<", "2>", "&&", "||", ";", "&"}


def _written() -> Iterator[tuple[str, str]]:
    """Yield where each command line of the documentation stands, and the line."""
    for page in PAGES:
        for block in _BLOCK.finditer(page.read_text(encoding="utf-8")):
            for line in _LINE.finditer(block["text"]):
                yield str(page.relative_to(ROOT)), line["command"].replace("\\\n", " ")


def _commands(group: click.Command, name: str = "firebell") -> Iterator[tuple[str, click.Command]]:
    """Yield every command with its name as it is typed."""
    yield name, group
    if isinstance(group, click.Group):
        ctx = click.Context(group)
        for each in group.list_commands(ctx):
            command = group.get_command(ctx, each)
            assert command
            yield from _commands(command, f"{name} {each}")


def _parse(line: str) -> None:
    """Parse a command line without running it; raise `UsageError` as the program would."""
    words = shlex.split(line, comments=True)[1:]
    end = next((number for number, word in enumerate(words) if word in _END), len(words))
    command: click.Command = main
    args, ctx = words[:end], click.Context(main, info_name="firebell")
    while isinstance(command, click.Group) and args and not args[0].startswith("-"):
        name, found, args = command.resolve_command(ctx, args)
        assert found
        command, ctx = found, click.Context(found, info_name=name, parent=ctx)
    if args or not isinstance(command, click.Group):
        command.make_context(command.name, list(args), parent=ctx.parent)


@pytest.fixture(autouse=True)
def _nothing_is_opened_or_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (click.Path, click.File):
        monkeypatch.setattr(kind, "convert", lambda self, value, param, ctx: value)
    monkeypatch.setattr(click.Option, "prompt_for_value", lambda self, ctx: self.is_flag or "x")


def test_every_command_line_in_the_documentation_is_accepted() -> None:
    refused, count = [], 0
    for page, line in _written():
        count += 1
        try:
            _parse(line)
        except click.exceptions.Exit:
            pass  # --help and --version end the program
        except (click.UsageError, ValueError) as error:
            if line not in WRONG:
                refused.append(f"{page}: {line}: {error}")
    assert count > 400
    assert refused == []


def test_every_example_in_the_help_is_accepted() -> None:
    refused, count = [], 0
    for name, command in _commands(main):
        example = (command.epilog or "").partition("Example:\n")[2].replace("\\\n", " ")
        for line in example.splitlines():
            count += 1
            try:
                _parse(line[line.index("firebell ") :])
            except (click.UsageError, ValueError) as error:
                refused.append(f"{name}: {line}: {error}")
    assert count > 200
    assert refused == []
