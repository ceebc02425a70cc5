"""`firebell classify`: find the severity of an incident, offline."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from firebell.commands.output import USAGE, as_json, echo, example, fail, show
from firebell.incidents.severity import FACTS, QUESTIONS, Verdict, asked
from firebell.incidents.severity import classify as decide

ANSWERS = {
    "y": True,
    "yes": True,
    "n": False,
    "no": False,
    "d": None,
    "don't know": None,
    "not known": None,
    "unknown": None,
}
UNDO = ("u", "undo", "back", "\x7f", "\b")
PROMPT = "[y]es, [n]o, [d]on't know, [u]ndo: "
ASK_AGAIN = "Answer y, n, d or u."
_ANSWER_NAMES = {True: "yes", False: "no", None: "unknown"}
_FLAGS = ("down", "degraded", "workaround", "customers")


class AnswerChoice(click.Choice[str]):
    """An option that accepts yes, no and unknown in any case, and y, n and d for short."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return yes, no or unknown."""
        answer = str(value).strip().lower()
        if answer in ANSWERS:
            value = _ANSWER_NAMES[ANSWERS[answer]]
        return super().convert(value, param, ctx)


ANSWER = AnswerChoice(list(_ANSWER_NAMES.values()))


@contextmanager
def _unbuffered_keys() -> Iterator[None]:
    """Make the terminal pass on each key at once, Ctrl-C and keys pressed between two questions included."""
    if sys.platform == "win32":
        yield
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    saved_mode = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)
        mode = termios.tcgetattr(terminal)
        mode[3] &= ~termios.ISIG
        termios.tcsetattr(terminal, termios.TCSADRAIN, mode)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, saved_mode)


def _key() -> str:
    """Return the pressed key in lower case; raise Abort on Ctrl-C and Ctrl-D."""
    click.echo(PROMPT, nl=False, err=True)
    if sys.platform == "win32":
        key = click.getchar()[:1].lower()
    else:
        # click.getchar discards what was typed before it was called
        key = os.read(sys.stdin.fileno(), 32).decode(errors="replace")[:1].lower()
    if key in ("", "\x03", "\x04"):
        raise click.Abort
    return key


def ask() -> dict[str, bool | None]:
    """Ask only the questions that the decision tree needs, one key each, on standard error."""
    answers: dict[str, bool | None] = {q.name: None for q in QUESTIONS}
    index = 0
    while index < len(asked(answers)):
        question = QUESTIONS[asked(answers)[index]]
        echo(f"\n{click.style(question.text, bold=True)}\n{question.help}", err=True)
        key = _key()
        while key not in ANSWERS and key not in UNDO:
            click.echo(f"\n{ASK_AGAIN}", err=True)
            key = _key()
        if key in ANSWERS:
            answers[question.name] = ANSWERS[key]
            click.echo({"y": "yes", "n": "no"}.get(key, "not known"), err=True)
            index += 1
        else:
            click.echo("undo", err=True)
            index = max(0, index - 1)
            answers[QUESTIONS[asked(answers)[index]].name] = None
    return answers


def answers_of(**flags: str | None) -> dict[str, bool | None] | None:
    """Return the answers of the options, or those of a person at a terminal, or None if there is neither."""
    if any(flags.values()):
        names = (flags[flag] or "unknown" for flag in _FLAGS)
        return {q.name: ANSWERS[name] for q, name in zip(QUESTIONS, names, strict=True)}
    if not sys.stdin.isatty():
        return None
    with _unbuffered_keys():
        return ask()


def describe(verdict: Verdict) -> str:
    """Return the severity, its path through the questions and the response, as text."""
    facts = FACTS[verdict.severity]
    color = {0: "magenta", 1: "red", 2: "yellow", 3: "green"}[verdict.severity]
    lines = [click.style(f"SEV{verdict.severity}", fg=color, bold=True) + f"  {facts.meaning}"]
    lines += [f"  {step}" for step in verdict.path]
    lines.append(f"  {facts.response}.")
    if verdict.provisional:
        lines.append("  Provisional: an answer is not known and was taken as the worse one.")
    return "\n".join(lines)


@click.command(
    epilog=example("firebell classify", "firebell classify --down no --degraded yes --workaround yes")
)
@click.option("--down", type=ANSWER, help="Production completely down, or critical data at risk?")
@click.option("--degraded", type=ANSWER, help="Major functionality degraded?")
@click.option("--workaround", type=ANSWER, help="Is there a workaround?")
@click.option("--customers", type=ANSWER, help="Are customers impacted?")
@as_json
def classify(down: str | None, degraded: str | None, workaround: str | None, customers: str | None) -> None:
    """Find the severity by four questions, without a server.

    A missing or unknown answer counts as the worse one.
    """
    answers = answers_of(down=down, degraded=degraded, workaround=workaround, customers=customers)
    if answers is None:
        fail(
            "There are no answers, and no terminal to ask at.",
            "Answer with --down, --degraded, --workaround and --customers: yes, no or unknown.",
            USAGE,
        )
    verdict = decide(answers)
    value = {
        "severity": f"SEV{verdict.severity}",
        "answers": answers,
        "path": verdict.path,
        "provisional": verdict.provisional,
    }
    show(value, describe(verdict))
