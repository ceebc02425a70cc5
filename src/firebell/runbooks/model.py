"""Runbooks, their parts, and what a check finds."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

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
"""The eight parts of a runbook, in the order in which somebody at three in the morning needs them."""
MAX_AGE_DAYS = 90
"""How many days a runbook may go without being looked at."""
_TERMINALS = "bash sh shell zsh ksh fish console shell-session terminal bat batch cmd powershell pwsh ps1"
SHELLS = frozenset(_TERMINALS.split())
"""The languages of a block that is typed into a terminal."""
_CLIENTS = """
    sql psql plsql tsql mysql postgresql cypher promql logql kql redis mongodb
    javascript js python py python3 ruby perl go http
"""
COMMANDS = SHELLS.union(_CLIENTS.split())
"""The languages of a block that somebody runs, in a terminal, a client or a console."""


class Level(StrEnum):
    """How much a finding matters."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Part:
    """One H2 section: its name, the line of its heading, and the Markdown below it."""

    name: str
    line: int
    body: str


@dataclass(frozen=True, slots=True)
class Fence:
    """One fenced block; `part` and `step` are the H2 and H3 that it stands below, '' for none."""

    line: int
    language: str
    text: str
    part: str
    step: str
    closed: bool

    @property
    def command(self) -> bool:
        """Whether somebody runs it."""
        return self.language in COMMANDS


@dataclass(frozen=True, slots=True)
class Link:
    """One link or image, and the line of the block that it stands in."""

    line: int
    target: str


@dataclass(frozen=True, slots=True)
class Step:
    """One numbered step of the part Steps: an H3 that begins with a number, or an item of a numbered list."""

    line: int
    title: str


@dataclass(frozen=True, slots=True)
class Heading:
    """One heading below the title; `anchor` is the fragment that leads to it."""

    level: int
    title: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Runbook:
    """A document read as a runbook; what it lacks is empty or None."""

    title: str
    parts: tuple[Part, ...]
    owner: str
    updated: date | None
    fences: tuple[Fence, ...]
    links: tuple[Link, ...]
    steps: tuple[Step, ...]
    headings: tuple[Heading, ...]
    html_anchors: frozenset[str] = frozenset()

    def part(self, name: str) -> Part | None:
        """Return the first part of that name."""
        return next((p for p in self.parts if p.name == name), None)

    @property
    def contents(self) -> list[Heading]:
        """The parts."""
        return [h for h in self.headings if h.level == 2]

    @property
    def step_headings(self) -> list[Heading]:
        """The headings of the steps, none when the steps are a list."""
        titles = {s.title for s in self.steps}
        return [h for h in self.headings if h.level == 3 and h.title in titles]

    def commands(self, part: str = "", step: str = "") -> list[Fence]:
        """Return the fences that somebody runs, of one part or one step when named."""
        return [f for f in self.fences if f.command and part in ("", f.part) and step in ("", f.step)]


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a runbook, at which line (1 is the first), and what to do about it."""

    id: str
    level: Level
    line: int
    message: str
    fix: str


@dataclass(frozen=True, slots=True)
class Stored:
    """A runbook of the library: the organization's own text, or one that is shipped and not yet replaced.

    `version` is 0 and the times are None while it is the shipped text; `source` says where it comes from:
    a path or an address in a repository, '' when it was written here.
    """

    slug: str
    body: str
    source: str
    version: int
    shipped: bool
    updated_at: datetime | None
    updated_by: str

    @property
    def own(self) -> bool:
        """Whether the text is the organization's own."""
        return self.version > 0
