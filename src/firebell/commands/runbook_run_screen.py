"""What a person sees and answers while a runbook is run."""

import os
import sys
import termios
import tty
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import click

from firebell.runbooks.execution.visible import visible

_HIDDEN_VALUE = "•••"
_RULE_CHARS = 72


class NeedsPerson(Exception):  # noqa: N818 - a state of the world
    """Only a person can answer, and there is none."""


class Screen:
    """Prints to the terminal and asks for one key at a time; with `quiet_out`, all of it on standard error."""

    def __init__(self, *, quiet_out: bool, is_interactive: bool) -> None:
        self.is_interactive = is_interactive
        self._to_error = quiet_out

    def say(self, text: str = "", *, color: str | None = None) -> None:
        """Print a line."""
        shown = click.style(visible(text), fg=color) if color else visible(text)
        click.echo(shown, err=self._to_error, color=False if os.environ.get("NO_COLOR") else None)

    def rule(self, title: str) -> None:
        """Print the heading of a step."""
        line = f"── {title} "
        self.say()
        self.say(line + "─" * max(0, _RULE_CHARS - len(line)), color="cyan")

    def values(self, values: Mapping[str, str], secrets: frozenset[str]) -> None:
        """Print variables; a secret is not shown."""
        for name, value in values.items():
            self.say(f"  {name} = {_HIDDEN_VALUE if name in secrets else value}")

    def key(self, question: str, options: Mapping[str, str]) -> str:
        """Ask for one of the keys; raise `NeedsPerson` without a person and `KeyboardInterrupt` for Ctrl-C."""
        if not self.is_interactive:
            raise NeedsPerson
        listed = "  ".join(f"[{key}] {label}" for key, label in options.items())
        with _single_keys(sys.stdin.fileno()) as read_key:
            self.say(f"{question}  {listed}" if question else listed, color="yellow")
            while (key := read_key()) not in options:
                pass
        self.say(f"> {options[key]}")
        return key

    def confirms(self, question: str) -> bool:
        """Ask a question that y or n answers."""
        return self.key(question, {"y": "yes", "n": "no"}) == "y"

    def line(self, prompt: str, *, default: str = "", is_secret: bool = False) -> str:
        """Ask for a line of text; raise `NeedsPerson` without a person and `KeyboardInterrupt` for Ctrl-C."""
        if not self.is_interactive:
            raise NeedsPerson
        try:
            return str(
                click.prompt(
                    visible(prompt),
                    default=default,
                    hide_input=is_secret,
                    show_default=bool(default),
                    err=self._to_error,
                )
            ).strip()
        except click.Abort:
            raise KeyboardInterrupt from None

    def reason(self, prompt: str) -> str:
        """Ask for a reason of at least three characters."""
        while len(text := self.line(prompt)) < 3:
            self.say("Enter at least 3 characters.", color="red")
        return text[:1000]


@contextmanager
def _single_keys(terminal: int) -> Iterator[Callable[[], str]]:
    """Yield a function that returns the next key; what was typed before is discarded, as it answers nothing."""
    before = termios.tcgetattr(terminal)
    termios.tcflush(terminal, termios.TCIFLUSH)
    tty.setcbreak(terminal, termios.TCSADRAIN)

    def read_key() -> str:
        byte = os.read(terminal, 1)
        if byte in (b"", b"\x04"):
            raise KeyboardInterrupt
        return byte.decode("latin-1").lower()

    try:
        yield read_key
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def duration(ms: int) -> str:
    """Return a duration for people, such as 4.2 s or 3 min 5 s."""
    if ms < 60_000:
        return f"{ms / 1000:.3g} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
