#!/usr/bin/env python3
# /// script
# requires-python = ">=3.9"
# dependencies = []
# ///
"""Find the severity of an incident by four questions.

Says the same as `firebell classify`: it asks Firebell's own decision tree when Firebell is installed, and a
copy of it when it is not, for which the standard library is enough. A test compares the two over every answer.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from contextlib import contextmanager
from typing import Any, Iterator, Mapping, NamedTuple, Sequence, TextIO  # noqa: UP035 - Python 3.9

DONE, USAGE, STOPPED = 0, 2, 130
FLAGS = ("down", "degraded", "workaround", "customers")
SHORT = (
    "Production completely down, or critical data at risk?",
    "Major functionality degraded?",
    "Is there a workaround?",
    "Are customers impacted?",
)
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
WORDS = {True: "yes", False: "no", None: "not known"}
COLORS = {0: "35", 1: "31", 2: "33", 3: "32"}


class Question(NamedTuple):
    """One branch of the decision tree."""

    name: str
    text: str
    help: str


class Verdict(NamedTuple):
    """The severity, the path through the tree, and whether an unknown answer decided it."""

    severity: int
    path: tuple[str, ...]
    provisional: bool


class Fact(NamedTuple):
    """What a severity means and what it asks for."""

    meaning: str
    response: str


QUESTIONS = (
    Question(
        "down_or_data_at_risk",
        "Is production completely down, or is critical data at risk?",
        "Nobody can use it, payments are down, or data is being lost or exposed.",
    ),
    Question(
        "major_degraded",
        "Is major functionality degraded?",
        "Something that many customers need fails or is too slow, for example 15% errors.",
    ),
    Question(
        "workaround",
        "Is there a workaround?",
        "Customers can reach their goal in another way that they know of.",
    ),
    Question(
        "customers_impacted",
        "Are customers impacted at all?",
        "Even a small group, even a little.",
    ),
)
FACTS = (
    Fact(
        "Complete outage, critical data loss, or payments down",
        "Page at once, around the clock: all hands and executives",
    ),
    Fact("Major degradation, for example 15% errors", "Page now; a commander leads"),
    Fact("Minor: a small subset of customers", "Email and chat, next business day"),
    Fact("Cosmetic, no customer impact", "Ticket queue, a planned sprint"),
)

HELP = """\
exit codes:
  0    the severity was found
  2    the command was wrong, or no one can be asked
  130  stopped by Ctrl-C

examples:
  classify-severity.py
  classify-severity.py --down no --degraded yes --workaround yes
  classify-severity.py --down no --degraded no --customers yes --quiet
  printf 'n\\ny\\ny\\n' | classify-severity.py --ask --json
"""


def asked(answers: Sequence[bool | None]) -> list[int]:
    """Return the indexes of the questions that the tree comes to, for answers in the order of QUESTIONS."""
    down, degraded = answers[0], answers[1]
    if down is not False:
        return [0]
    return [0, 1, 2 if degraded is not False else 3]


def classify(answers: Mapping[str, bool | None]) -> Verdict:
    """Return the verdict for answers by question name; None or nothing is "not known", the worse answer."""
    given = [answers.get(question.name) for question in QUESTIONS]
    down, degraded, workaround, customers = given
    if down is not False:
        severity = 0
    elif degraded is not False:
        severity = 1 if workaround is True else 0
    else:
        severity = 3 if customers is False else 2
    path = []
    for index in asked(given):
        answer = given[index]
        words = "yes" if answer else "no" if answer is False else "not known, taken as the worse"
        path.append(f"{QUESTIONS[index].text} {words}.")
    return Verdict(severity, tuple(path), any(given[index] is None for index in asked(given)))


def decide(answers: Mapping[str, bool | None]) -> Any:
    """Return Firebell's verdict, or that of the copy here when Firebell is not installed."""
    try:
        from firebell.incidents.severity import classify as of_firebell
    except ImportError:
        return classify(answers)
    return of_firebell(answers)


def colored(stream: TextIO) -> bool:
    """Say whether a stream is a terminal that wants colors."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def styled(text: str, code: str, stream: TextIO) -> str:
    """Return text in a style of the terminal, or as it is where there is none."""
    return f"\033[{code}m{text}\033[0m" if colored(stream) else text


@contextmanager
def unbuffered_keys() -> Iterator[None]:
    """Hand over each key of a terminal as it is pressed, also a key pressed between two questions."""
    if sys.platform == "win32" or not sys.stdin.isatty():
        yield
        return
    import termios
    import tty

    number = sys.stdin.fileno()
    before = termios.tcgetattr(number)
    try:
        tty.setcbreak(number, termios.TCSADRAIN)
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


def key_of_terminal() -> str:
    """Return the key that was pressed, "\\x1b" for any special key, "" at the end of input.

    Raise KeyboardInterrupt on Ctrl-C.
    """
    if sys.platform == "win32":
        import msvcrt

        key = msvcrt.getwch()
        if key == "\x03":
            raise KeyboardInterrupt
        if key in ("\x00", "\xe0"):
            msvcrt.getwch()
            return "\x1b"
        return "" if key == "\x1a" else key
    key = os.read(sys.stdin.fileno(), 32).decode(errors="replace")
    return "" if key.startswith("\x04") else key[:1]


def typed() -> str:
    """Return one answer in lower case: one key at a terminal, one line anywhere else.

    Raise EOFError at the end of input.
    """
    print(PROMPT, end="", file=sys.stderr, flush=True)
    text = key_of_terminal() if sys.stdin.isatty() else sys.stdin.readline()
    if not text:
        raise EOFError
    return text.strip().lower()


def ask() -> dict[str, bool | None]:
    """Return a person's answers by question name, asking on standard error only what the tree comes to.

    Anything that is neither an answer nor an undo is asked again. Raise EOFError at the end of input.
    """
    given: list[bool | None] = [None] * len(QUESTIONS)
    done = 0
    while done < len(asked(given)):
        index = asked(given)[done]
        question = QUESTIONS[index]
        print(f"\n{styled(question.text, '1', sys.stderr)}\n{question.help}", file=sys.stderr)
        text = typed()
        while text not in ANSWERS and text not in UNDO:
            print(f"\n{ASK_AGAIN}", file=sys.stderr)
            text = typed()
        if text in ANSWERS:
            given[index] = ANSWERS[text]
            print(WORDS[given[index]], file=sys.stderr)
            done += 1
        else:
            print("undo", file=sys.stderr)
            done = max(0, done - 1)
            given[asked(given)[done]] = None
    return {question.name: answer for question, answer in zip(QUESTIONS, given)}  # noqa: B905 - Python 3.9


def answer_word(text: str) -> str:
    """Return the answer of a flag in lower case. Raise ArgumentTypeError for anything else."""
    word = text.strip().lower()
    if word not in ANSWERS:
        raise argparse.ArgumentTypeError(f"{text!r} is not one of yes, no, unknown")
    return word


def told(verdict: Any) -> str:
    """Return the verdict, the path to it and what to do next, for a person."""
    number = int(verdict.severity)
    lines = [styled(f"SEV{number}", f"1;{COLORS[number]}", sys.stdout) + f"  {FACTS[number].meaning}"]
    lines += [f"  {step}" for step in verdict.path]
    lines.append(f"  {FACTS[number].response}.")
    if verdict.provisional:
        lines.append("  Provisional: an answer is not known and was taken as the worse one.")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Answer the command line; return the exit code."""
    parser = argparse.ArgumentParser(
        description="Find the severity of an incident by four questions. "
        "An answer that is not given or not known counts as the worse one.",
        epilog=HELP,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for flag, text in zip(FLAGS, SHORT):  # noqa: B905 - Python 3.9
        parser.add_argument(f"--{flag}", type=answer_word, metavar="yes|no|unknown", help=text)
    parser.add_argument("--ask", action="store_true", help="ask even when standard input is not a terminal")
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--json", action="store_true", help="print JSON, as firebell classify --json does")
    shape.add_argument("--quiet", action="store_true", help="print the severity alone, for example SEV1")
    options = parser.parse_args(argv)
    words = [getattr(options, flag) for flag in FLAGS]
    if any(words) and options.ask:
        parser.error("--ask asks for the answers: omit --down, --degraded, --workaround and --customers")
    if any(words):
        answers = {q.name: ANSWERS[word or "unknown"] for q, word in zip(QUESTIONS, words)}  # noqa: B905
    elif options.ask or sys.stdin.isatty():
        try:
            with unbuffered_keys():
                answers = ask()
        except (KeyboardInterrupt, EOFError) as stop:
            print("\nStopped.", file=sys.stderr)
            return STOPPED if isinstance(stop, KeyboardInterrupt) else USAGE
    else:
        print(
            "Nobody can be asked here, and no answer was given.\n"
            "Use --down, --degraded, --workaround and --customers with yes, no or unknown, or --ask.",
            file=sys.stderr,
        )
        return USAGE
    verdict = decide(answers)
    name = f"SEV{int(verdict.severity)}"
    if options.json:
        value = {
            "severity": name,
            "answers": answers,
            "path": list(verdict.path),
            "provisional": verdict.provisional,
        }
        print(json.dumps(value, indent=2, ensure_ascii=False))
    else:
        print(name if options.quiet else told(verdict))
    return DONE


if __name__ == "__main__":
    sys.exit(main())
