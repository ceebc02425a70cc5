"""What the rules look at: the stored rows of each item, without a judgment (pure).

Each `incident_id` is kept beside its instant, so that evidence is shown only to readers of the incident.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class Dated:
    """A row with its instant: an incident, a page, a drill or a run; `ref` is how people call it."""

    ref: str
    at: datetime
    incident_id: int | None = None


@dataclass(frozen=True, slots=True)
class RotaFacts:
    """The next 28 days of one schedule and the policy that begins with it.

    `proofs` has the last message that arrived at each person of its shifts, None without one for 90 days.
    """

    name: str
    slug: str
    people: int
    gap_s: float
    policy: str
    second_person: bool
    proofs: Mapping[str, datetime | None]


@dataclass(frozen=True, slots=True)
class RunbookFacts:
    """A runbook that counts: in the library, or shipped and run."""

    slug: str
    title: str
    day: date | None
    has_errors: bool
    has_team: bool
    matches: bool
    level: int


@dataclass(frozen=True, slots=True)
class TeamFacts:
    """The people in the shifts of a team that owns a service, with the end of the last drill that each attended."""

    name: str
    trained: Mapping[int, datetime | None]


@dataclass(frozen=True, slots=True)
class TabletopFacts:
    """A finished tabletop."""

    ref: str
    finished_at: datetime
    attended: int
    answered: int
    published: bool


@dataclass(frozen=True, slots=True)
class ClosedIncident:
    """A closed SEV0 or SEV1, and when its post-mortem was published or is due."""

    incident_id: int
    closed_at: datetime
    published_at: datetime | None
    due_at: datetime


@dataclass(frozen=True, slots=True)
class PlanningFacts:
    """Action items and their trackers; `synced_at` is the last good synchronization."""

    touched: int
    unfinished: int
    planned: int
    synced_at: datetime | None
    has_trackers: bool


@dataclass(frozen=True, slots=True)
class PublicPageFacts:
    """The status page with a component for a service that was fetched last from outside."""

    slug: str
    fetched_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReadinessFacts:
    """The facts of all 16 items."""

    classified: Sequence[Dated] = ()
    severity_lines: int = 0
    provisional: Sequence[Dated] = ()
    last_event: Dated | None = None
    last_delivery: Dated | None = None
    rotas: Sequence[RotaFacts] = ()
    has_chat: bool = False
    channel: Dated | None = None
    runbooks: Sequence[RunbookFacts] = ()
    public_page: PublicPageFacts | None = None
    public_post: Dated | None = None
    teams: Sequence[TeamFacts] = ()
    tabletops: Sequence[TabletopFacts] = ()
    reviewed_postmortem: Dated | None = None
    closed: Sequence[ClosedIncident] = ()
    other_document: Dated | None = None
    acknowledged_pages: Sequence[datetime] = ()
    closed_incidents: Sequence[datetime] = ()
    metric_views: Sequence[datetime] = ()
    """When the last people looked at metrics; each person counts once."""
    planning: PlanningFacts | None = None
    active_rules: int = 0
    declared_by_rule: Dated | None = None
    terminal_run: Dated | None = None
    drill_months: Mapping[date, str] = field(default_factory=dict)
    """The game day with a run by the first day of its month."""
    reviews: Mapping[date, Mapping[str, datetime | None]] = field(default_factory=dict)
    """When each team that owns a service signed a quarter, by the first day of the last two that ended."""
