"""Runbooks, their parts, and the findings of checks."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from firebell.kit import findings

PARTS = (
    "Trigger",
    "Severity",
    "Prerequisites",
    "Steps",
    "Verification",
    "Rollback",
    "Owner",
    "Last updated",
)
"""The eight parts of a runbook, in the order in which a responder needs them."""
MAX_AGE_DAYS = 90
"""How old the date of a runbook may be."""
_TERMINALS = "bash sh shell zsh ksh fish console shell-session terminal bat batch cmd powershell pwsh ps1"
SHELLS = frozenset(_TERMINALS.split())
"""Languages of code blocks for a terminal."""
_CLIENTS = """
    sql psql plsql tsql mysql postgresql cypher promql logql kql redis mongodb
    javascript js python py python3 ruby perl go http
"""
COMMANDS = SHELLS.union(_CLIENTS.split())
"""Languages of code blocks that are run in a terminal, a client or a console."""


@dataclass(frozen=True, slots=True)
class Part:
    """An H2 section: its name, the line of its heading, and the Markdown below it."""

    name: str
    line: int
    body: str


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced code block; `part` and `step` are the H2 and H3 above it, empty if there is none."""

    line: int
    language: str
    text: str
    part: str
    step: str
    closed: bool
    info: str = ""
    """What follows the language in the info string, such as `run=manual`."""

    @property
    def command(self) -> bool:
        """True if it is to be run."""
        return self.language in COMMANDS


@dataclass(frozen=True, slots=True)
class Link:
    """A link or image, and the line of the block that contains it."""

    line: int
    target: str


@dataclass(frozen=True, slots=True)
class Step:
    """A numbered step of the part Steps: an H3 that begins with a number, or an item of a numbered list."""

    line: int
    title: str


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading below the title; `anchor` is its URL fragment."""

    level: int
    title: str
    anchor: str


@dataclass(frozen=True, slots=True)
class FrontProblem:
    """A problem of front matter, and its line in the file, from 1."""

    line: int
    level: findings.FindingLevel
    message: str
    advice: str


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """What the front matter of a runbook states; `triggers` are matchers of labels, as text that parses.

    `services` are slugs, `variables` the names under `vars` and `declarations` what `vars` says of each. `refused` is
    True if the YAML cannot be read.
    """

    id: str = ""
    triggers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    severity: str = ""
    variables: tuple[str, ...] = ()
    owner_team: str = ""
    problems: tuple[FrontProblem, ...] = ()
    refused: bool = False
    declarations: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Runbook:
    """A parsed runbook; missing parts are empty or None."""

    title: str
    parts: tuple[Part, ...]
    owner: str
    updated: date | None
    fences: tuple[Fence, ...]
    links: tuple[Link, ...]
    steps: tuple[Step, ...]
    headings: tuple[Heading, ...]
    html_anchors: frozenset[str] = frozenset()
    front: FrontMatter = field(default_factory=FrontMatter)

    def part(self, name: str) -> Part | None:
        """Return the first part with this name, None if there is none."""
        return next((p for p in self.parts if p.name == name), None)

    @property
    def contents(self) -> list[Heading]:
        """The headings of the parts."""
        return [h for h in self.headings if h.level == 2]

    @property
    def step_headings(self) -> list[Heading]:
        """The headings of the steps, empty if the steps are a list."""
        titles = {s.title for s in self.steps}
        return [h for h in self.headings if h.level == 3 and h.title in titles]

    def commands(self, part: str = "", step: str = "") -> list[Fence]:
        """Return the code blocks that are to be run, optionally of one part or step."""
        return [f for f in self.fences if f.command and part in ("", f.part) and step in ("", f.step)]


@dataclass(frozen=True, slots=True)
class RunbookFinding(findings.Finding):
    """A problem in a runbook, and its line, from 1."""

    line: int


@dataclass(frozen=True, slots=True)
class LibraryRunbook:
    """A runbook of the library: the organization's own text, or a default one.

    `version` is 0 and `updated_at` None for a default text. `source` is a path or an address in a repository,
    empty if the text was written in the app. `source_id` is the runbook source that keeps the text, None if it is
    edited here. `archived_at` is when its source no longer had it.
    """

    slug: str
    body: str
    source: str
    version: int
    shipped: bool
    updated_at: datetime | None
    updated_by: str
    source_id: int | None = None
    commit: str = ""
    archived_at: datetime | None = None

    @property
    def own(self) -> bool:
        """True if the text is the organization's own."""
        return self.version > 0


@dataclass(frozen=True, slots=True)
class RunbookVersion:
    """One text that a runbook had; `commit`, `path` and `committed_at` are those of its source, if it has one."""

    slug: str
    number: int
    sha256: str
    body: str
    source_id: int | None
    commit: str
    path: str
    committed_at: datetime
    author: str


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What the library needs of one run: how it ended, and how many of its steps were done, by machine or by hand."""

    ended_at: datetime | None
    has_succeeded: bool = False
    is_rolled_back: bool = False
    is_dry: bool = False
    is_cli: bool = False
    is_unattended: bool = False
    steps: int = 0
    steps_done: int = 0
    steps_by_machine: int = 0


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What matching needs of a runbook, as it is stored beside the text."""

    slug: str
    title: str
    triggers: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    errors: int = 0
    last_exercised: datetime | None = None


def digest(body: str) -> str:
    """Return the digest by which texts are compared."""
    return hashlib.sha256(body.encode()).hexdigest()


RUN_STARTED = "run.started"
"""The kind of `RunbookStepped` for a run that begins."""


@dataclass(frozen=True, slots=True)
class RunbookStepped:
    """Something happened in a run; `kind` is `RUN_STARTED` or a `RunEventKind`, `at` when, as ISO 8601.

    `label` is the number of a step in its part. When a run ends, `duration_s` is how long it took, `usual_s` the median
    of earlier runs, and `team_id` the team that owns the runbook.
    """

    run_id: int
    incident_id: int | None
    slug: str
    runbook: str
    kind: str
    at: str
    by: str
    by_id: int | None
    is_dry: bool
    part: str = ""
    label: str = ""
    step: str = ""
    reason: str = ""
    exit: int | None = None
    team_id: int | None = None
    duration_s: int | None = None
    usual_s: int | None = None


@dataclass(frozen=True, slots=True)
class ScenarioText:
    """A scenario file of a drill as a runbook source has it."""

    source: str
    path: str
    body: str


@dataclass(frozen=True, slots=True)
class RuleFileText:
    """A Prometheus rule file as a runbook source has it, with the names of its alerts."""

    source: str
    path: str
    body: str
    alert_names: tuple[str, ...]
