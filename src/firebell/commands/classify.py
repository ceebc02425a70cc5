"""`firebell classify`: the decision tree, offline."""

import json
import sys

import click

from firebell.commands.client import USAGE, fail
from firebell.incidents.severity import FACTS, QUESTIONS, Verdict
from firebell.incidents.severity import classify as decide

_WORDS = {"yes": True, "no": False, "unknown": None}
_ANSWER = click.Choice(list(_WORDS))
_FLAGS = ("down", "degraded", "workaround", "customers")


def ask() -> dict[str, bool | None]:
    """Ask only the questions that the tree comes to, one key each."""
    answers: dict[str, bool | None] = {q.name: None for q in QUESTIONS}
    for index, question in enumerate(QUESTIONS):
        skip = (index == 2 and answers["major_degraded"] is False) or (
            index == 3 and answers["major_degraded"] is not False
        )
        if index and answers["down_or_data_at_risk"] is not False:
            break
        if skip:
            continue
        click.echo(f"\n{click.style(question.text, bold=True)}\n{question.help}")
        click.echo("[y]es, [n]o, or anything else for not known: ", nl=False)
        key = click.getchar().lower()
        answers[question.name] = {"y": True, "n": False}.get(key)
        click.echo({"y": "yes", "n": "no"}.get(key, "not known"))
    return answers


def flags_to_answers(values: dict[str, str | None]) -> dict[str, bool | None] | None:
    """Return the answers of the flags, None when no flag was given."""
    if all(value is None for value in values.values()):
        return None
    given = (values[flag] or "unknown" for flag in _FLAGS)
    return {q.name: _WORDS[word] for q, word in zip(QUESTIONS, given, strict=True)}


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


@click.command()
@click.option("--down", type=_ANSWER, help="Production completely down, or critical data at risk?")
@click.option("--degraded", type=_ANSWER, help="Major functionality degraded?")
@click.option("--workaround", type=_ANSWER, help="Is there a workaround?")
@click.option("--customers", type=_ANSWER, help="Are customers impacted?")
@click.option("--json", "json_", is_flag=True, help="Print JSON.")
def classify(
    down: str | None, degraded: str | None, workaround: str | None, customers: str | None, json_: bool
) -> None:
    """Find the severity by four questions; works without a server."""
    values = {"down": down, "degraded": degraded, "workaround": workaround, "customers": customers}
    answers = flags_to_answers(values)
    if answers is None:
        if not sys.stdin.isatty():
            fail(
                "Nobody can be asked here, and no answer was given.",
                "Use --down, --degraded, --workaround and --customers with yes, no or unknown.",
                USAGE,
            )
        answers = ask()
    verdict = decide(answers)
    if json_:
        value = {
            "severity": f"SEV{verdict.severity}",
            "answers": answers,
            "path": verdict.path,
            "provisional": verdict.provisional,
        }
        click.echo(json.dumps(value, indent=2))
    else:
        click.echo(told(verdict))
