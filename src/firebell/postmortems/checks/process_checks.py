"""The process checks of a post-mortem: is it written, in time, and complete (pure, spec 4.4 and 11.5).

What a text lacks becomes a finding when the step that writes it is due, or when the document is asked to be
reviewed; before that, its editor shows it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.findings import (
    Evidence,
    FindingLevel,
    FixButton,
    ProcessFinding,
    length_text,
    severest_first,
)
from firebell.postmortems.checks.content_checks import ContentProblem
from firebell.postmortems.deadlines import MAJOR_SEVERITY, GuidedDeadline, share_at, step_due_at

NO_DRAFT_HOURS = 24
"""Of 48: how long after the closing no person has written anything when P-SKIPPED warns."""
STEP_OF_CODE = {
    "P-SECTIONS": GuidedDeadline.REVIEW,
    "P-EVIDENCE": GuidedDeadline.IMPACT,
    "P-WHYS": GuidedDeadline.WHYS,
    "P-ACTIONS": GuidedDeadline.WHYS,
    "P-BLAME": GuidedDeadline.REVIEW,
}
"""The step by whose due time each problem of the text is solved."""
_LOWER = {FindingLevel.ERROR: FindingLevel.WARNING, FindingLevel.WARNING: FindingLevel.INFO}


@dataclass(frozen=True, slots=True)
class PostmortemRecord:
    """What the checks know about the post-mortem of a closed incident; without a document, `state` is empty.

    `written_at` is when a person first saved it.
    """

    ref: str
    max_severity: int
    is_required: bool
    closed_at: datetime
    due_at: datetime
    state: str = ""
    author: str = ""
    written_at: datetime | None = None
    published_at: datetime | None = None
    problems: Sequence[ContentProblem] = ()
    override: str = ""
    """Who approved it although they wrote part of it, and why."""

    @property
    def is_over(self) -> bool:
        """True if the document is published or withdrawn."""
        return self.state in ("published", "withdrawn")


def findings(record: PostmortemRecord, now: datetime) -> list[ProcessFinding]:
    """Return the findings about a post-mortem, errors first."""
    return severest_first([*_skipped(record, now), *_approval(record), *_content(record, now)])


def _skipped(record: PostmortemRecord, now: datetime) -> Iterator[ProcessFinding]:
    if not record.is_required and not record.state:
        return
    finished_at = record.published_at if record.is_over else now
    if record.state == "withdrawn" or finished_at is None:
        return
    late = finished_at - record.due_at
    author = f" {record.author} writes it." if record.author else " No one is named as its author."
    if late > timedelta():
        is_published = record.state == "published"
        message = (
            f"Post-mortem was published {length_text(late)} late"
            if is_published
            else f"Post-mortem is overdue by {length_text(late)}"
        )
        advice = "" if is_published else f"It was due at {record.due_at:%Y-%m-%d %H:%M} UTC.{author}"
        yield _finding(record, "P-SKIPPED", "late", FindingLevel.ERROR, message, advice)
        return
    is_untouched = not record.is_over and record.written_at is None
    if is_untouched and now >= share_at(record.closed_at, record.due_at, NO_DRAFT_HOURS):
        message = "No one has worked on the post-mortem"
        advice = f"Due {record.due_at:%Y-%m-%d %H:%M} UTC.{author}"
        yield _finding(record, "P-SKIPPED", "no-draft", FindingLevel.WARNING, message, advice)


def _approval(record: PostmortemRecord) -> Iterator[ProcessFinding]:
    if record.override and record.state != "withdrawn":
        yield _finding(
            record,
            "P-APPROVAL",
            "override",
            FindingLevel.WARNING,
            "Someone who wrote the post-mortem approved it",
            f"{record.override} Let someone else review it once your team has grown.",
        )


def _content(record: PostmortemRecord, now: datetime) -> Iterator[ProcessFinding]:
    if record.is_over:
        return
    is_reviewed = record.state in ("review", "approved")
    for problem in record.problems:
        step = STEP_OF_CODE[problem.code]
        if is_reviewed or now >= step_due_at(step, record.closed_at, record.due_at):
            yield _finding(record, problem.code, problem.key, problem.level, problem.message, problem.advice)


def _finding(
    record: PostmortemRecord, code: str, key: str, level: FindingLevel, message: str, advice: str
) -> ProcessFinding:
    fix = None
    if not record.is_over:
        fix = FixButton("Open post-mortem", page=f"/post-mortems/{record.ref}")
    return ProcessFinding(
        f"{code}:{key}",
        code,
        level if record.max_severity <= MAJOR_SEVERITY else _LOWER.get(level, level),
        message,
        subject=record.ref,
        advice=advice,
        evidence=(Evidence("postmortem", f"Post-mortem of {record.ref}, {record.state or 'not drafted'}"),),
        fix=fix,
    )
