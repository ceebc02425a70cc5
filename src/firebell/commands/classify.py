"""`firebell classify`: the decision tree, offline."""

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
_WORDS = {True: "yes", False: "no", None: "unknown"}
_FLAGS = ("down", "degraded", "workaround", "customers")


class AnswerChoice(click.Choice[str]):
    """An option that reads yes, no or unknown in any case, and y, n and d for short."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return yes, no or unknown."""
        word = str(value).strip().lower()
        return super().convert(_WORDS[ANSWERS[word]] if word in ANSWERS else value, param, ctx)


ANSWER = AnswerChoice(list(_WORDS.values()))


@contextmanager
def _unbuffered_keys() -> Iterator[None]:
    """Hand over each key of the terminal as it is pressed, also one pressed between two questions, and Ctrl-C."""
    if sys.platform == "win32":
        yield
        return
    import termios
    import tty

    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    try:
        tty.setcbreak(terminal, termios.TCSADRAIN)
        mode = termios.tcgetattr(terminal)
        mode[3] &= ~termios.ISIG
        termios.tcsetattr(terminal, termios.TCSADRAIN, mode)
        yield
    finally:
        termios.tcsetattr(terminal, termios.TCSADRAIN, before)


def _key() -> str:
    """Return the key that was pressed, in lower case; Ctrl-C and Ctrl-D raise Abort."""
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
    """Ask only the questions that the tree reaches, one key each, on standard error.

    A key that is neither an answer nor an undo is asked again.
    """
    answers: dict[str, bool | None] = {q.name: None for q in QUESTIONS}
    done = 0
    while done < len(asked(answers)):
        question = QUESTIONS[asked(answers)[done]]
        echo(f"\n{click.style(question.text, bold=True)}\n{question.help}", err=True)
        key = _key()
        while key not in ANSWERS and key not in UNDO:
            click.echo(f"\n{ASK_AGAIN}", err=True)
            key = _key()
        if key in ANSWERS:
            answers[question.name] = ANSWERS[key]
            click.echo({"y": "yes", "n": "no"}.get(key, "not known"), err=True)
            done += 1
        else:
            click.echo("undo", err=True)
            done = max(0, done - 1)
            answers[QUESTIONS[asked(answers)[done]].name] = None
    return answers


def answers_of(**flags: str | None) -> dict[str, bool | None] | None:
    """Return the answers of the flags, those of a person when no flag was given, None for nobody there."""
    if any(flags.values()):
        words = (flags[name] or "unknown" for name in _FLAGS)
        return {q.name: ANSWERS[word] for q, word in zip(QUESTIONS, words, strict=True)}
    if not sys.stdin.isatty():
        return None
    with _unbuffered_keys():
        return ask()


def told(verdict: Verdict) -> str:
    """Return the verdict for a person."""
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
    """Find the severity by four questions; works without a server.

    An answer that is not given or not known counts as the worse one.
    """
    answers = answers_of(down=down, degraded=degraded, workaround=workaround, customers=customers)
    if answers is None:
        fail(
            "Nobody can be asked here, and no answer was given.",
            "Use --down, --degraded, --workaround and --customers with yes, no or unknown.",
            USAGE,
        )
    verdict = decide(answers)
    value = {
        "severity": f"SEV{verdict.severity}",
        "answers": answers,
        "path": verdict.path,
        "provisional": verdict.provisional,
    }
    show(value, told(verdict))
