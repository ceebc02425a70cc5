"""The guided step at which each of several documents stands (pure, spec 11.7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from firebell.postmortems.guide.outline import outline
from firebell.postmortems.guide.steps import StepFacts, StepId, current_step, guided_steps
from firebell.postmortems.open_placeholders import unfinished


@dataclass(frozen=True, slots=True)
class GuidedDocument:
    """A document with everything that its steps follow from."""

    id: int
    body: str
    max_severity: int
    facts: StepFacts


@dataclass(frozen=True, slots=True)
class CurrentStep:
    """The first step of a document that is not done, the `number`th of `total`, and what it needs first."""

    id: StepId
    label: str
    number: int
    total: int
    due_at: datetime
    missing: str

    @property
    def text(self) -> str:
        """The step for a list, such as `step 5 of 7: whys and actions`."""
        return f"step {self.number} of {self.total}: {self.label[:1].lower()}{self.label[1:]}"


def current_steps(
    documents: Sequence[dict[str, Any]], template: str, people: Sequence[str]
) -> list[CurrentStep | None]:
    """Return the current step of each `GuidedDocument` in the same order, None for one that is published.

    The documents are of JSON types, so that a child process can be asked.
    """
    return [
        _current(document, template, people) for document in msgspec.convert(documents, list[GuidedDocument])
    ]


def _current(document: GuidedDocument, template: str, people: Sequence[str]) -> CurrentStep | None:
    read = outline(document.body, document.max_severity, people, unfinished(document.body, template))
    steps = guided_steps(document.facts, read)
    step = current_step(steps)
    if step is None:
        return None
    number = steps.index(step) + 1
    return CurrentStep(step.id, step.label, number, len(steps), step.due_at, step.missing[0][0])
