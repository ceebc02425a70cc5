"""Run the blameless lint in a child process, within a time limit: its cost depends on what people write."""

from collections.abc import Iterable, Sequence

import msgspec

from firebell.kit.errors import Invalid
from firebell.kit.process_pool import DOCUMENTS, TakesTooLong
from firebell.postmortems.blameless.model import LintResult

_LINT = "firebell.postmortems.blameless.lint"


async def lint(text: str, people: Iterable[str], section: str, language: str | None) -> LintResult:
    """Return the findings of a text; raise `Invalid` if it takes too long to examine."""
    try:
        answer = await DOCUMENTS.call(f"{_LINT}:lint", text, sorted(people), section, language)
    except TakesTooLong as exc:
        raise Invalid(
            "The text takes too long to examine.", fields={"text": "Shorten it, or send one section."}
        ) from exc
    return msgspec.json.decode(answer, type=LintResult)


async def lint_sections(sections: Sequence[tuple[str, str]], people: Iterable[str]) -> list[LintResult]:
    """Return the findings of each section, a title and a text; of none of them if they take too long to examine."""
    try:
        answer = await DOCUMENTS.call(
            f"{_LINT}:lint_sections", [list(each) for each in sections], sorted(people)
        )
    except TakesTooLong:
        return [LintResult((), "", examined=False)] * len(sections)
    return msgspec.json.decode(answer, type=list[LintResult])
