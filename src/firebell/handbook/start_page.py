"""What the start page of the handbook shows (pure): severities, roles, phrases, runbooks and chapters by use."""

from dataclasses import dataclass
from functools import cache

from firebell.handbook import shipped_content
from firebell.handbook.model import Chapter

WORDS_PER_MINUTE = 230
_TITLES = {"examples/blank-runbook.md": "Blank runbook"}
"""Titles of files whose heading is to be replaced by their reader."""
_SEVERITY = "references/severity-classification.md"
_RUNBOOKS = "examples/runbooks/"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the card for the first minutes."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class RoleLink:
    """A link to the card of a role; `path` is a file of the handbook with the anchor of a section."""

    icon: str
    title: str
    text: str
    path: str


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words to say, and when."""

    occasion: str
    words: str


@dataclass(frozen=True, slots=True)
class SeverityRow:
    """A severity with its meaning and what follows from it."""

    number: int
    meaning: str
    response: str


STEPS = (
    Step("Acknowledge", "Tap Acknowledge on the page. Escalation stops, and others can sleep."),
    Step("Do customers feel it?", "Yes, or not sure: declare. A false alarm is fine."),
    Step("Stop the harm first", "Roll back, fail over, switch off. The cause can wait."),
    Step("Post an update every 30 min", "What's broken, what you're doing, when you'll write again."),
)
ROLES = (
    RoleLink(
        "user-round-check",
        "I was paged",
        "The first five minutes, step by step",
        "references/incident-workflow.md#triage",
    ),
    RoleLink(
        "flag",
        "I'm the commander",
        "Decide, delegate, keep time",
        "references/incident-roles.md#incident-commander",
    ),
    RoleLink(
        "megaphone",
        "I write to customers",
        "First post within 15 min, ready to fill in",
        "examples/communication-templates.md#status-page",
    ),
    RoleLink(
        "file-pen-line", "I take notes", "What to write down, and when", "references/incident-roles.md#scribe"
    ),
)
PHRASES = (
    Phrase("You take command", "I'm Mara, and I'm taking command. Tom, what do you see?"),
    Phrase("You decide", "Any strong objections? None. Ada, go. Report back at 14:40."),
    Phrase("You hand over", "Jun, you have command. Please read it back to me."),
    Phrase("You don't know yet", "We don't know the cause yet. We're rolling back. Next update at 03:45."),
)
NEWCOMERS = (
    ("Test that your phone rings", "/settings/contact"),
    ("Classify ten of the twenty cases", f"{_SEVERITY}#twenty-cases"),
    ("Learn the card of your role", "references/incident-roles.md"),
    ("Shadow one shift", "references/on-call.md#first-shifts"),
    ("Take part in a tabletop", "references/training.md#run-a-tabletop"),
)
"""What someone new does first: what, and a page of the app or a file of the handbook."""

SHELVES: dict[str, tuple[str, ...]] = {
    "In an incident": (
        "references/incident-workflow.md",
        _SEVERITY,
        "references/incident-roles.md",
        "references/escalation-matrix.md",
        "examples/communication-templates.md",
        "references/security-incidents.md",
        "references/crisis-communication.md",
    ),
    "Prepare": (
        "references/on-call.md",
        "references/alert-design.md",
        "references/training.md",
        "references/implementation.md",
        "references/tool-comparison.md",
        "examples/blank-runbook.md",
        "examples/oncall-handoff-template.md",
    ),
    "Learn": (
        "references/blameless-postmortems.md",
        "examples/postmortem-template.md",
        "examples/postmortem-sev0.md",
        "examples/postmortem-near-miss.md",
        "references/metrics.md",
        "references/glossary.md",
        "references/with-firebell.md",
    ),
}
"""The chapters by use, in reading order; runbooks and programs have panels of their own."""


@cache
def severities() -> tuple[SeverityRow, ...]:
    """Return the severities from the table of the handbook."""
    head, *rows = shipped_content.table(_SEVERITY, "The table")
    cells = {row[0]: row[1:] for row in rows}
    return tuple(
        SeverityRow(number, cells["Meaning"][number], cells["Response"][number])
        for number in range(len(head) - 1)
    )


def runbooks() -> list[Chapter]:
    """Return the runbooks that come with Firebell."""
    return [c for c in shipped_content.chapters() if c.path.startswith(_RUNBOOKS)]


def programs() -> list[Chapter]:
    """Return the programs that come with Firebell."""
    return [c for c in shipped_content.chapters() if c.is_code]


def shelves() -> dict[str, list[Chapter]]:
    """Return the chapters by use."""
    return {name: [shipped_content.chapter(path) for path in paths] for name, paths in SHELVES.items()}


def title(chapter: Chapter) -> str:
    """Return the title of a chapter in a list."""
    return _TITLES.get(chapter.path, chapter.title)


def minutes(chapter: Chapter) -> int:
    """Return how long it takes to read a chapter, in minutes, at least 1."""
    return max(1, round(len(chapter.text.split()) / WORDS_PER_MINUTE))
