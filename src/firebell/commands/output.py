"""What the command line prints: tables, instants, JSON and errors. Imports click and little else."""

import json
import os
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import IO, Any, NoReturn

import click

from firebell.commands.local_time import machine_zone, shown, typed_instant

REFUSED, USAGE, UNREACHABLE = 1, 2, 3
"""Exit codes: the server refused, the command was wrong, the server cannot be reached."""
WIDTH = 100
_WIDE_AT_LEAST, _OTHERS_AT_LEAST = 40, 12
"""Columns of a table that are kept for its text, and for anything else."""
_EXAMPLE_WIDTH = 74
"""Columns of an example without its indentation and the mark of a continued line."""
_JSON = "firebell.json"


def _remember(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        ctx.meta[_JSON] = True


as_json = click.option(
    "--json",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_remember,
    help="Print JSON; errors are JSON on standard error.",
)


def wants_json() -> bool:
    """Say whether the running command was asked for JSON."""
    ctx = click.get_current_context(silent=True)
    return bool(ctx and ctx.meta.get(_JSON))


def example(*lines: str) -> str:
    """Return the end of a help text, at most 80 columns wide: what to type."""
    return "\b\nExample:\n" + "\n".join(f"  {part}" for line in lines for part in _wrapped(line))


def _wrapped(command: str) -> list[str]:
    """Return a command on lines that a shell joins again, broken before options."""
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


class Refused(click.ClickException):
    """A command that ends without its purpose; `problem` is the server's RFC 9457 answer, or ours."""

    exit_code = REFUSED

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(str(problem.get("detail") or problem.get("title") or "It was refused."))
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


class Misused(Refused):
    """The command was wrong."""

    exit_code = USAGE


class Unreachable(Refused):
    """The server cannot be reached, or does not answer as one."""

    exit_code = UNREACHABLE


_KINDS: dict[int, type[Refused]] = {e.exit_code: e for e in (Refused, Misused, Unreachable)}


def problem(kind: str, message: str, hint: str = "") -> dict[str, Any]:
    """Return an error of our own in the shape of the server's."""
    found = {"type": f"urn:firebell:problem:{kind}", "title": kind.capitalize(), "detail": message}
    return {**found, "hint": hint} if hint else found


def fail(message: str, hint: str = "", code: int = REFUSED) -> NoReturn:
    """End the command with a clear message and `code`."""
    kind = _KINDS[code]
    raise kind(problem(kind.__name__.lower(), message, hint))


def show(value: Any, text: str) -> None:
    """Print the value as JSON, or what a person wants to read."""
    if wants_json():
        click.echo(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        echo(text)


def show_removed(answer: dict[str, Any], value: dict[str, Any], text: str) -> None:
    """Print what was removed, and how to undo it where the server offers that."""
    offer = answer["undo"]
    show({**value, "undo": offer}, f"{text} To undo it within 10 seconds: firebell undo" if offer else text)


def local(instant: str | None) -> str:
    """Return an instant of the API in this machine's zone, in full."""
    if not instant:
        return ""
    return datetime.fromisoformat(instant).astimezone(machine_zone()).strftime("%Y-%m-%d %H:%M %z")


def wait(instant: str, *, promise: bool = False) -> str:
    """Return how long until an instant of the API, by this machine's clock: in 2:41, now, or overdue 1:31."""
    from firebell.kit.countdown import countdown

    return countdown(datetime.fromisoformat(instant) - datetime.now().astimezone(), promise=promise)


def short(instant: str | None) -> str:
    """Return an instant of the API in this machine's zone, for a table."""
    if not instant:
        return ""
    at = datetime.fromisoformat(instant)
    this_year = at.astimezone().year == datetime.now().astimezone().year
    return shown(at, "%d %b %H:%M" if this_year else "%d %b %Y %H:%M")


def instant(text: str, option: str) -> str:
    """Return what a person typed as an instant of the API; without an offset it is this machine's time."""
    try:
        return typed_instant(text).isoformat()
    except (ValueError, OverflowError):
        fail(f"{option}: {text!r} is not a time.", "Use 2026-12-24T18:00 or 2026-12-24T18:00+01:00.", USAGE)


def minutes(text: str) -> int:
    """Return how many minutes 45m, 2h or 1h30m are."""
    hours, _, rest = text.strip().rpartition("h") if "h" in text else ("0", "", text.strip())
    number = rest.removesuffix("m") or "0"
    is_number = text.isascii() and hours.isdecimal() and number.isdecimal()
    if not is_number or len(hours) > 4 or len(number) > 6 or text.strip() in ("", "h", "m"):
        fail(f"{text!r} is not a length of time.", "Use 45m, 2h or 1h30m.", USAGE)
    return int(timedelta(hours=int(hours), minutes=int(number)).total_seconds() // 60)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, wide: int) -> str:
    """Return rows under their head, at most 100 columns wide.

    Column `wide` is cut as far as it must be, but to less than 40 columns only when no other can be cut.
    """
    lines = [list(head), *([str(cell).replace("\n", " ") for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    room = WIDTH - 2 * (len(head) - 1)
    kept = min(widths[wide], _WIDE_AT_LEAST)
    while sum(widths) - widths[wide] + kept > room:
        others = [i for i in range(len(head)) if i != wide]
        longest = max(others, key=widths.__getitem__)
        if widths[longest] <= _OTHERS_AT_LEAST:
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
