"""What a chat needs to know of an incident or a page (pure data); `mirror/fact_queries.py` loads it."""

from dataclasses import dataclass
from datetime import date, datetime

from firebell.incidents.model import OPEN, Phase


@dataclass(frozen=True, slots=True)
class Someone:
    """A person, with the address by which the chat may know them."""

    id: int
    name: str
    email: str


@dataclass(frozen=True, slots=True)
class EntryFact:
    """A timeline entry; `origin` is the chat channel that it came from, empty for none."""

    id: int
    at: datetime
    kind: str
    actor: str
    text: str
    origin: str = ""


@dataclass(frozen=True, slots=True)
class RequestedPost:
    """A message about an incident that a step of its response asked for, and why."""

    id: int
    channel: str
    reason: str


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """An incident as its room and announcements show it."""

    id: int
    title: str
    severity: int
    provisional: bool
    meaning: str
    phase: Phase
    phase_since: datetime
    drill: bool
    private: bool
    declared_at: datetime
    declared_on: date
    closed_at: datetime | None
    update_due_at: datetime | None
    update_from: datetime
    """When the interval of the next update began."""
    stable_since: datetime | None
    impact: str
    commander: Someone | None
    comms: Someone | None
    services: tuple[str, ...]
    service_ids: frozenset[int]
    team_ids: frozenset[int]
    runbooks: tuple[tuple[str, str], ...]
    template: str
    last_update: str
    url: str
    base_url: str
    tz: str
    invited: tuple[Someone, ...]
    """Who the room is for: the declarer, everyone with a role, the owners of pages, and everyone paged."""
    entries: tuple[EntryFact, ...]
    updates: tuple[EntryFact, ...]
    """The newest updates, oldest first, for the thread of the announcement."""
    postmortem_due_at: datetime | None = None
    postmortem_published: bool = False
    reviewed_at: datetime | None = None
    missing_roles: tuple[str, ...] = ()
    """The roles that the incident requires and no one has."""
    late_roles: tuple[str, ...] = ()
    """Those of them whose time to be taken has passed."""
    is_requested: bool = False
    """Someone asked for a room, whatever the severity."""
    posts: tuple[RequestedPost, ...] = ()
    began_at: datetime | None = None
    """When its timeline began, which never changes; None without a timeline."""
    barred_ids: frozenset[int] = frozenset()
    """The people Firebell invited to the room who may no longer read the incident."""

    @property
    def ref(self) -> str:
        """The reference, such as INC-7."""
        return f"INC-{self.id}"

    @property
    def is_open(self) -> bool:
        """True until it is closed or dismissed."""
        return self.phase in OPEN


@dataclass(frozen=True, slots=True)
class PageFacts:
    """A page as team channels show it."""

    id: int
    version: int
    title: str
    severity: int | None
    urgency: str
    state: str
    service: str
    service_ids: frozenset[int]
    team_ids: frozenset[int]
    triggered_at: datetime
    acked_at: datetime | None
    resolved_at: datetime | None
    owners: tuple[str, ...]
    on_call: tuple[str, ...]
    level: int
    levels: int
    next_level_at: datetime | None
    alerts: tuple[str, ...]
    runbook_url: str
    url: str
    base_url: str
    tz: str
    incident_ref: str = ""
    is_private: bool = False
    acks: int = 0
    """How many have acknowledged since it was last triggered."""
    acks_required: int = 1

    @property
    def ref(self) -> str:
        """The reference, such as PG-7."""
        return f"PG-{self.id}"
