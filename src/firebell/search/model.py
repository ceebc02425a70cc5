"""Search results: hits of all kinds, in groups (pure)."""

from dataclasses import dataclass
from enum import StrEnum

from firebell.kit.search_terms import Terms


class Kind(StrEnum):
    """The kind of a hit; hits of the same rank are ordered by kind, in this order."""

    SERVICE = "service"
    PERSON = "person"
    TEAM = "team"
    INCIDENT = "incident"
    PAGE = "page"
    SCHEDULE = "schedule"
    POLICY = "policy"
    RUNBOOK = "runbook"
    COMMAND = "command"
    CHAPTER = "chapter"
    POSTMORTEM = "postmortem"
    ACTION_ITEM = "action_item"


class GroupName(StrEnum):
    """A group of kinds, in display order."""

    PEOPLE = "people"
    INCIDENTS = "incidents"
    SERVICES = "services"
    ONCALL = "oncall"
    DOCUMENTS = "documents"
    COMMANDS = "commands"


LABELS = {
    GroupName.PEOPLE: "People and teams",
    GroupName.INCIDENTS: "Incidents and pages",
    GroupName.SERVICES: "Services",
    GroupName.ONCALL: "Schedules and escalation policies",
    GroupName.DOCUMENTS: "Runbooks and handbook",
    GroupName.COMMANDS: "Commands",
}
KINDS = {
    GroupName.PEOPLE: (Kind.PERSON, Kind.TEAM),
    GroupName.INCIDENTS: (Kind.INCIDENT, Kind.PAGE, Kind.POSTMORTEM, Kind.ACTION_ITEM),
    GroupName.SERVICES: (Kind.SERVICE,),
    GroupName.ONCALL: (Kind.SCHEDULE, Kind.POLICY),
    GroupName.DOCUMENTS: (Kind.RUNBOOK, Kind.CHAPTER),
    GroupName.COMMANDS: (Kind.COMMAND,),
}
ICONS = {
    Kind.SERVICE: "boxes",
    Kind.PERSON: "user-round-check",
    Kind.TEAM: "users",
    Kind.INCIDENT: "flame",
    Kind.PAGE: "bell-ring",
    Kind.SCHEDULE: "calendar-range",
    Kind.POLICY: "list-tree",
    Kind.RUNBOOK: "list-checks",
    Kind.COMMAND: "arrow-right",
    Kind.CHAPTER: "book-open",
    Kind.POSTMORTEM: "file-pen-line",
    Kind.ACTION_ITEM: "circle-check-big",
}


@dataclass(frozen=True, slots=True)
class Hit:
    """One search result; `path` is its address in the web app, `state` a glyph of the design system or ""."""

    kind: Kind
    title: str
    subtitle: str
    path: str
    ref: str = ""
    state: str = ""
    is_open: bool = False
    """True for an open incident or page."""
    icon: str = ""

    @property
    def symbol(self) -> str:
        """The icon to show."""
        return self.icon or ICONS[self.kind]


@dataclass(frozen=True, slots=True)
class HitGroup:
    """The hits of one group, best first; `more` is True if there are others."""

    name: GroupName
    hits: tuple[Hit, ...]
    more: bool

    @property
    def label(self) -> str:
        """The heading of the group."""
        return LABELS[self.name]


@dataclass(frozen=True, slots=True)
class Results:
    """The best match of a query, and the groups of all other hits."""

    terms: Terms
    best: Hit | None
    groups: tuple[HitGroup, ...]

    @property
    def is_empty(self) -> bool:
        """True if there are no hits."""
        return self.best is None
