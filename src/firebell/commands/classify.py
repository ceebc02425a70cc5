"""`firebell classify`: the decision tree, offline."""

import sys

import click

from firebell.commands.say import USAGE, as_json, echo, example, fail, show
from firebell.incidents.severity import FACTS, QUESTIONS, Verdict
from firebell.incidents.severity import classify as decide

_WORDS = {"yes": True, "no": False, "unknown": None}
ANSWER = click.Choice(list(_WORDS))
_FLAGS = ("down", "degraded", "workaround", "customers")


def _asked(index: int, answers: dict[str, bool | None]) -> bool:
    """Say whether the tree comes to this question after these answers."""
    down, degraded = (answers[q.name] for q in QUESTIONS[:2])
    match index:
        case 0:
            return True
        case 1:
            return down is False
        case 2:
            return down is False and degraded is not False
        case _:
            return down is False and degraded is False


def ask() -> dict[str, bool | None]:
    """Ask only the questions that the tree comes to, one key each, on standard error."""
    answers: dict[str, bool | None] = {q.name: None for q in QUESTIONS}
    for index, question in enumerate(QUESTIONS):
        if not _asked(index, answers):
            continue
        echo(f"\n{click.style(question.text, bold=True)}\n{question.help}", err=True)
        click.echo("[y]es, [n]o, or any other key for not known: ", nl=False, err=True)
        key = click.getchar().lower()
        if key in ("", "\x03", "\x04"):
            raise click.Abort
        answers[question.name] = {"y": True, "n": False}.get(key)
        click.echo({"y": "yes", "n": "no"}.get(key, "not known"), err=True)
    return answers


def answers_of(**flags: str | None) -> dict[str, bool | None] | None:
    """Return the answers of the flags, those of a person when no flag was given, None for nobody there."""
    if any(flags.values()):
        words = (flags[name] or "unknown" for name in _FLAGS)
        return {q.name: _WORDS[word] for q, word in zip(QUESTIONS, words, strict=True)}
    return ask() if sys.stdin.isatty() else None


def told(verdict: Verdict) -> str:
    """Return the verdict for a person."""
    facts = FACTS[verdict.severity]
    colour = {0: "magenta", 1: "red", 2: "yellow", 3: "green"}[verdict.severity]
    lines = [click.style(f"SEV{verdict.severity}", fg=colour, bold=True) + f"  {facts.meaning}"]
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
