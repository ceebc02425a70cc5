"""Output of the command line: tables, times, JSON and errors. Imports little, so that commands start fast."""

import json
import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import IO, Any, NoReturn

import click

from firebell.commands.local_time import format_time, machine_zone, typed_instant

REFUSED, USAGE, UNREACHABLE = 1, 2, 3
"""Exit codes: the server refused, the command was wrong, the server cannot be reached."""
TABLE_WIDTH = 100
_WIDE_COLUMN_MIN, _OTHER_COLUMN_MIN = 40, 12
"""Characters that a table leaves to its widest text, and to any other column."""
_EXAMPLE_WIDTH = 74
"""Characters of an example line without its indentation and the trailing backslash."""
_JSON_KEY = "firebell.json"
_DURATION = re.compile(r"(?:(\d{1,4})d)?(?:(\d{1,4})h)?(?:(\d{1,6})m?)?", re.ASCII)


def _set_json(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_JSON_KEY] = True


as_json = click.option(
    "--json",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_set_json,
    help="Print JSON; errors are JSON on standard error.",
)


def wants_json() -> bool:
    """Return True if the running command was given --json."""
    ctx = click.get_current_context(silent=True)
    return bool(ctx and ctx.meta.get(_JSON_KEY))


def example(*lines: str) -> str:
    """Return example commands for the end of a help text, at most 80 columns wide."""
    return "\b\nExample:\n" + "\n".join(f"  {part}" for line in lines for part in _wrapped(line))


def _wrapped(command: str) -> list[str]:
    """Return a command broken before options into lines that end with a backslash."""
    parts = command.replace(" --", "\n--").split("\n")
    lines = parts[:1]
    for part in parts[1:]:
        if len(lines[-1]) + len(part) < _EXAMPLE_WIDTH:
            lines[-1] += f" {part}"
        else:
            lines.append(f"    {part}")
    return [f"{line} \\" for line in lines[:-1]] + lines[-1:]


def echo(text: str, *, err: bool = False) -> None:
    """Print text, in color only on a terminal and without NO_COLOR."""
    click.echo(text, err=err, color=False if os.environ.get("NO_COLOR") else None)


class CommandFailed(click.ClickException):
    """A command failed; `problem` is an RFC 9457 problem, of the server or our own."""

    exit_code = REFUSED

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or "The request was refused."))
        self.problem = problem
        self.as_json = wants_json()

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the error on standard error, as text or as JSON."""
        if self.as_json:
            click.echo(json.dumps(self.problem, ensure_ascii=False), err=True)
            return
        echo(click.style("Error: ", fg="red") + self.message, err=True)
        for fault in self.problem.get("errors", []):
            echo(f"  {fault['field']}: {fault['message']}", err=True)
        if hint := self.problem.get("hint"):
            echo(hint, err=True)


class Misused(CommandFailed):
    """The command was used wrongly."""

    exit_code = USAGE


class Unreachable(CommandFailed):
    """The server cannot be reached, or is not a Firebell server."""

    exit_code = UNREACHABLE


_KINDS: dict[int, type[CommandFailed]] = {e.exit_code: e for e in (CommandFailed, Misused, Unreachable)}


def problem(kind: str, message: str, hint: str = "") -> dict[str, Any]:
    """Return an error of the command line in the shape of the server's problems."""
    body = {"type": f"urn:firebell:problem:{kind}", "title": kind.capitalize(), "detail": message}
    return {**body, "hint": hint} if hint else body


def fail(message: str, hint: str = "", code: int = REFUSED) -> NoReturn:
    """End the command with an error message and exit code `code`."""
    kind = _KINDS[code]
    raise kind(problem(kind.__name__.lower(), message, hint))


def show(value: Any, text: str) -> None:
    """Print the value as JSON if asked for, otherwise the text."""
    if wants_json():
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        echo(text)


def show_table(
    value: Any, head: Sequence[str], rows: Sequence[Sequence[str]], *, wide: int, empty: str
) -> None:
    """Print the value as JSON if asked for, otherwise its rows as a table, or `empty` if there are none."""
    show(value, table(head, rows, wide=wide) if rows else empty)


def show_removed(answer: dict[str, Any], value: dict[str, Any], text: str) -> None:
    """Print what was removed, and how to undo it if the server offers that."""
    offer = answer["undo"]
    show({**value, "undo": offer}, f"{text} To undo it within 10 seconds: firebell undo" if offer else text)


def local(instant: str | None) -> str:
    """Return an instant of the API in this machine's time zone, in full."""
    if not instant:
        return ""
    return datetime.fromisoformat(instant).astimezone(machine_zone()).strftime("%Y-%m-%d %H:%M %z")


def time_left(instant: str, *, promise: bool = False) -> str:
    """Return the time until an instant of the API: in 2:41, now, or overdue 1:31."""
    from firebell.kit.countdown import countdown

    return countdown(datetime.fromisoformat(instant) - datetime.now().astimezone(), promise=promise)


def short(instant: str | None) -> str:
    """Return an instant of the API in this machine's time zone, short enough for a table."""
    if not instant:
        return ""
    at = datetime.fromisoformat(instant)
    this_year = at.astimezone().year == datetime.now().astimezone().year
    return format_time(at, "%d %b %H:%M" if this_year else "%d %b %Y %H:%M")


def instant(text: str, option: str) -> str:
    """Return a typed time as an instant of the API; without an offset it is in this machine's time zone."""
    try:
        return typed_instant(text).isoformat()
    except (ValueError, OverflowError):
        fail(
            f"{option}: {text!r} is not a date or time.",
            "Use 2026-12-24T18:00 or 2026-12-24T18:00+01:00.",
            USAGE,
        )


def past_instant(text: str, option: str) -> str:
    """Return a typed time, or a duration before now such as 90m, 24h or 7d, as an instant of the API."""
    if text.endswith(("m", "h", "d")) and _DURATION.fullmatch(text):
        return (datetime.now(UTC) - timedelta(minutes=minutes(text))).isoformat()
    return instant(text, option)


def pairs(options: Sequence[str], form: str, usage: str) -> dict[str, str]:
    """Return the values of a repeated option by their names; end the command for one that is not of the form."""
    values = {}
    for option in options:
        name, separator, value = option.partition("=")
        if not name or not separator:
            fail(f"{option!r} is not {form}.", f"Use for example {usage}.", USAGE)
        values[name] = value
    return values


def minutes(text: str) -> int:
    """Return a duration such as 45m, 1h30m or 7d in minutes."""
    parts = _DURATION.fullmatch(text.strip())
    if parts is None or not any(parts.groups()):
        fail(f"{text!r} is not a duration.", "Use 45m, 1h30m or 7d.", USAGE)
    days, hours, rest = (int(part or 0) for part in parts.groups())
    return (24 * days + hours) * 60 + rest


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, wide: int) -> str:
    """Return rows under their header, at most 100 characters wide.

    Column `wide` is truncated as needed, but below 40 characters only if no other column can be truncated.
    """
    lines = [list(head), *([str(cell).replace("\n", " ") for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    room = TABLE_WIDTH - 2 * (len(head) - 1)
    reserved = min(widths[wide], _WIDE_COLUMN_MIN)
    while sum(widths) - widths[wide] + reserved > room:
        others = [i for i in range(len(head)) if i != wide]
        longest = max(others, key=widths.__getitem__)
        if widths[longest] <= _OTHER_COLUMN_MIN:
            break
        widths[longest] -= 1
    rest = sum(widths) - widths[wide]
    widths[wide] = min(widths[wide], max(12, room - rest))
    text = []
    for number, line in enumerate(lines):
        cells = [
            (cell if len(cell) <= width else cell[: width - 1] + "…").ljust(width)
            for cell, width in zip(line, widths, strict=True)
        ]
        joined = "  ".join(cells).rstrip()
        text.append(joined if number else click.style(joined, bold=True))
    return "\n".join(text)
