"""What keeps a document from being published (pure, spec 11.7)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from firebell.kit.findings import FindingLevel
from firebell.kit.text import plural
from firebell.postmortems.checks.content_checks import ContentProblem
from firebell.postmortems.deadlines import MAJOR_SEVERITY

NEVER_ACKNOWLEDGED = frozenset({"P-SECTIONS", "P-BLAME"})
"""A blank document is not published, and a sentence that blames is kept only by a comment on it."""


class BlockerId(StrEnum):
    """The checks of a publication, in the order in which they are shown."""

    OPEN = "open"
    APPROVAL = "approval"
    PLACEHOLDERS = "placeholders"
    CONTENT = "content"
    COMMENTS = "comments"
    ACTIONS = "actions"
    DISTRIBUTION = "distribution"
    EXTERNAL = "external"
    PUBLISHED = "published"


@dataclass(frozen=True, slots=True)
class Blocker:
    """What keeps a document from being published; `problem` is the one that can be acknowledged with a reason."""

    id: BlockerId
    text: str
    advice: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class CheckedItem:
    """An action item that a document names or that its incident has; `flaw` is empty if it is valid."""

    ref: str
    flaw: str


@dataclass(frozen=True, slots=True)
class PublicationFacts:
    """What the checks of a publication read."""

    stage: str
    is_incident_open: bool
    max_severity: int
    unfinished: Sequence[str]
    problems: Sequence[ContentProblem]
    acknowledged: Collection[str]
    blocking_comments: int
    items: Sequence[CheckedItem]
    recipients: int
    """How many people and addresses get it."""
    is_external_decided: bool
    is_external_unfinished: bool
    """True if a version for customers is needed and not approved."""


def problem_id(problem: ContentProblem) -> str:
    """Return what identifies a problem when it is acknowledged: it changes with the sentence."""
    return f"{problem.code}:{problem.key}"


def stands(problem: ContentProblem, max_severity: int) -> bool:
    """Return True if a problem is an error for an incident of a severity.

    Levels are those of a SEV0 or SEV1; for others only blank sections and blame are errors.
    """
    if problem.code in NEVER_ACKNOWLEDGED:
        return problem.level is FindingLevel.ERROR
    return problem.level is FindingLevel.ERROR and max_severity <= MAJOR_SEVERITY


def blockers(facts: PublicationFacts) -> list[Blocker]:
    """Return everything that keeps a document from being published, in the order in which it is shown."""
    return [*_state(facts), *_text(facts), *_around(facts)]


def _state(facts: PublicationFacts) -> Iterator[Blocker]:
    if facts.stage in ("published", "withdrawn"):
        yield Blocker(BlockerId.PUBLISHED, f"It is {facts.stage}", "Edit it to publish a revision.")
    if facts.is_incident_open:
        yield Blocker(BlockerId.OPEN, "The incident is still open", "Close it first.")
    if facts.stage == "draft":
        yield Blocker(
            BlockerId.APPROVAL, "No one was asked to review it", "Ask someone who wrote none of it."
        )
    if facts.stage == "review":
        yield Blocker(
            BlockerId.APPROVAL, "This version is not approved", "Wait for an approval, or ask again."
        )


def _text(facts: PublicationFacts) -> Iterator[Blocker]:
    for placeholder in facts.unfinished:
        yield Blocker(BlockerId.PLACEHOLDERS, placeholder, "Replace or delete it.")
    for problem in facts.problems:
        if not stands(problem, facts.max_severity):
            continue
        key = problem_id(problem)
        if problem.code in NEVER_ACKNOWLEDGED:
            yield Blocker(BlockerId.CONTENT, problem.message, problem.advice)
        elif key not in facts.acknowledged:
            yield Blocker(BlockerId.CONTENT, problem.message, problem.advice, key)
    if facts.blocking_comments:
        yield Blocker(
            BlockerId.COMMENTS,
            f"{plural(facts.blocking_comments, 'comment')} must be resolved first",
            "Answer and resolve each.",
        )


def _around(facts: PublicationFacts) -> Iterator[Blocker]:
    for item in facts.items:
        if item.flaw:
            yield Blocker(BlockerId.ACTIONS, f"{item.ref} {item.flaw}", "Fix the action item.")
    if not facts.recipients:
        yield Blocker(BlockerId.DISTRIBUTION, "No one would get it", "Choose who gets it.")
    if not facts.is_external_decided:
        yield Blocker(
            BlockerId.EXTERNAL,
            "No one has decided whether customers get a version",
            "Write one, or say why none is needed.",
        )
    elif facts.is_external_unfinished:
        yield Blocker(
            BlockerId.EXTERNAL,
            "The version for customers is not approved",
            "Let the comms lead approve it, or say why none is needed.",
        )
