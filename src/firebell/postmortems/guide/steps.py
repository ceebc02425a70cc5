"""The guided steps of a document (pure, spec 11.7): what is stored decides their state, the due time their times.

For a SEV0 or SEV1 the document is due 48 hours after the incident is closed; for others the steps are stretched.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from firebell.postmortems.deadlines import GuidedDeadline, step_due_at
from firebell.postmortems.document.evidence import REFERENCE
from firebell.postmortems.document.sections import titled
from firebell.postmortems.drafting.draft import GAP_TEXT
from firebell.postmortems.guide.outline import DocumentOutline


class StepId(StrEnum):
    """The guided steps, in order."""

    READ = "read"
    TIMELINE = "timeline"
    IMPACT = "impact"
    MEETING = "meeting"
    WHYS = "whys"
    REVIEW = "review"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class GuidedStep:
    """A step with when it is due; `missing` says what is left, and where: (text, slug of the section)."""

    id: StepId
    label: str
    due_at: datetime
    missing: tuple[tuple[str, str], ...]

    @property
    def is_done(self) -> bool:
        """True if nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True)
class StepFacts:
    """What the state of the steps follows from, beside the text."""

    state: str
    due_at: datetime
    began_at: datetime
    """When the time of the document began to run: when the incident was closed, else when it was drafted."""
    first_saved_at: datetime | None
    """When a person first saved the document."""
    impact_start: datetime | None
    is_recorded_from_start: bool
    """True if something was recorded by the time at which the impact began."""
    has_met: bool
    """True if a meeting was held, or it was decided not to hold one."""


def guided_steps(facts: StepFacts, document: DocumentOutline) -> list[GuidedStep]:
    """Return the steps with what each still needs."""
    return [
        GuidedStep(step, label, _due_at(facts, step), tuple(missing(facts, document)))
        for step, label, missing in _STEPS
    ]


def current_step(steps: list[GuidedStep]) -> GuidedStep | None:
    """Return the first step that is not done, None if all are."""
    return next((step for step in steps if not step.is_done), None)


def _due_at(facts: StepFacts, step: StepId) -> datetime:
    return step_due_at(GuidedDeadline(step), facts.began_at, facts.due_at)


def _is_past_draft(facts: StepFacts) -> bool:
    return facts.state in ("review", "approved", "published")


def _read(facts: StepFacts, _: DocumentOutline) -> list[tuple[str, str]]:
    is_read = facts.first_saved_at is not None or _is_past_draft(facts)
    return [] if is_read else [("Read the draft, and save a first change", "")]


def _timeline(facts: StepFacts, document: DocumentOutline) -> list[tuple[str, str]]:
    if _is_past_draft(facts):
        return []
    missing: list[tuple[str, str]] = []
    gaps = [text for text in document.unfinished if GAP_TEXT in text]
    if gaps:
        count = len(gaps)
        missing.append(
            (
                f"{count} gap{'' if count == 1 else 's'} in the timeline to explain",
                _slug(document, "What went wrong"),
            )
        )
    if facts.impact_start is None:
        missing.append(("When the impact began is not known", _slug(document, "Timeline")))
    elif not facts.is_recorded_from_start:
        missing.append(("The timeline begins after the impact", _slug(document, "Timeline")))
    return missing


def _impact(facts: StepFacts, document: DocumentOutline) -> list[tuple[str, str]]:
    part = titled(document.sections, "Impact")
    if part is None or _is_past_draft(facts):
        return []
    proven = [
        line
        for line in part.text.split("\n")
        if REFERENCE.search(line) and any(map(str.isdigit, REFERENCE.sub("", line)))
    ]
    return [] if proven else [("Impact has no number with evidence", part.slug)]


def _meeting(facts: StepFacts, _: DocumentOutline) -> list[tuple[str, str]]:
    if facts.has_met or _is_past_draft(facts):
        return []
    return [("No meeting of 10 minutes and two people is recorded", "")]


def _whys(facts: StepFacts, document: DocumentOutline) -> list[tuple[str, str]]:
    if _is_past_draft(facts):
        return []
    slug = document.cause.slug if document.cause else ""
    missing: list[tuple[str, str]] = []
    if not document.tree.effects:
        missing.append(("The tree of whys is not written", slug))
    missing += [(problem.text, slug) for problem in document.why_problems if problem.level != "info"][:3]
    for count, one, many in (
        (len(document.roots_without_action), "root has no action item", "roots have no action item"),
        (len(document.open_questions), "question is open", "questions are open"),
    ):
        if count:
            missing.append((f"{count} {one if count == 1 else many}", slug))
    return missing


def _review(facts: StepFacts, _: DocumentOutline) -> list[tuple[str, str]]:
    return [] if _is_past_draft(facts) else [("No one was asked to review it", "")]


def _published(facts: StepFacts, _: DocumentOutline) -> list[tuple[str, str]]:
    return [] if facts.state == "published" else [("It is not published", "")]


def _slug(document: DocumentOutline, title: str) -> str:
    part = titled(document.sections, title)
    return part.slug if part else ""


_Missing = Callable[[StepFacts, DocumentOutline], list[tuple[str, str]]]
_STEPS: tuple[tuple[StepId, str, _Missing], ...] = (
    (StepId.READ, "Read the draft", _read),
    (StepId.TIMELINE, "Timeline complete", _timeline),
    (StepId.IMPACT, "Impact numbers", _impact),
    (StepId.MEETING, "Meeting", _meeting),
    (StepId.WHYS, "Whys and actions", _whys),
    (StepId.REVIEW, "Review", _review),
    (StepId.PUBLISHED, "Published", _published),
)
