"""Read and render the steps of a run in a child process, within a time limit."""

from collections.abc import Sequence

import msgspec
from markupsafe import Markup

from firebell.kit.errors import Invalid
from firebell.kit.process_pool import DOCUMENTS, TakesTooLong
from firebell.runbooks.runbook_html import rendered
from firebell.runbooks.runs.model import RunbookStep, StepKey
from firebell.runbooks.runs.steps_from_text import steps_of


async def steps(text: str) -> list[RunbookStep]:
    """Return the steps of a text; raise `Invalid` if it has none or takes too long to parse."""
    try:
        answer = await DOCUMENTS.call("firebell.runbooks.runs.steps_from_text:steps_of", text)
    except TakesTooLong as exc:
        raise Invalid("The runbook takes too long to process.", hint="Shorten it.") from exc
    planned = msgspec.json.decode(answer, type=list[RunbookStep])
    if not planned:
        raise Invalid(
            "The runbook has no steps to run.", hint="Add the parts Prerequisites, Steps and Verification."
        )
    return planned


def step_html(text: str, known: Sequence[str]) -> list[tuple[str, int, str]]:
    """Return part, position and HTML of each step of a text; for a child process."""
    is_known = frozenset(known).__contains__
    return [
        (step.part, step.position, str(rendered(_without_heading(step.text), is_known)))
        for step in steps_of(text)
    ]


def _without_heading(text: str) -> str:
    """Return the Markdown of a step below its heading, which is shown as its title."""
    first, _, rest = text.partition("\n")
    return rest if first.startswith("### ") else text


async def html_of_steps(text: str, known: Sequence[str]) -> dict[StepKey, Markup]:
    """Return the HTML of each step of a text, none if rendering takes too long."""
    try:
        answer = await DOCUMENTS.call("firebell.runbooks.runs.isolated_steps:step_html", text, sorted(known))
    except TakesTooLong:
        return {}
    return {
        (part, position): Markup(html)  # noqa: S704 - sanitized by nh3
        for part, position, html in msgspec.json.decode(answer, type=list[tuple[str, int, str]])
    }
