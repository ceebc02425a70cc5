"""What a search returns: hits of many kinds, ranked and grouped (pure)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from firebell.kit.search_terms import Terms


class Kind(StrEnum):
    """What a hit is. At the same rank, kinds that come first here come first."""

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


class GroupName(StrEnum):
    """A group of kinds, in the order in which groups are shown."""

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
    GroupName.INCIDENTS: (Kind.INCIDENT, Kind.PAGE, Kind.POSTMORTEM),
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
}


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a search found; `path` is its address here, `state` a glyph of the design system or ""."""

    kind: Kind
    title: str
    subtitle: str
    path: str
    ref: str = ""
    state: str = ""
    is_open: bool = False
    """Whether it is an incident or a page that is not over yet."""
    icon: str = ""

    @property
    def symbol(self) -> str:
        """The icon that stands before it."""
        return self.icon or ICONS[self.kind]


@dataclass(frozen=True, slots=True)
class Group:
    """The hits of one group, best first; `more` when there are others than these."""

    name: GroupName
    hits: tuple[Hit, ...]
    more: bool

    @property
    def label(self) -> str:
        """What people call the group."""
        return LABELS[self.name]


@dataclass(frozen=True, slots=True)
class Results:
    """What a query found: the best match, and every group that has others."""

    terms: Terms
    best: Hit | None
    groups: tuple[Group, ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing was found."""
        return self.best is None


def _order(terms: Terms, hit: Hit, exact: Hit | None) -> tuple[bool, int, bool, int]:
    kinds = list(Kind)
    return hit is not exact, terms.rank(hit.title), not hit.is_open, kinds.index(hit.kind)


def results(terms: Terms, hits: Sequence[Hit], exact: Hit | None, limit: int) -> Results:
    """Return hits as groups of at most `limit`; `exact` is what an identifier names and is always the best match."""
    known = list(
        {(hit.kind, hit.path, hit.title): hit for hit in [*([exact] if exact else []), *hits]}.values()
    )
    exact = next((hit for hit in known if exact and hit.path == exact.path), None)
    ranked = sorted(known, key=lambda hit: _order(terms, hit, exact))
    best = ranked[0] if ranked else None
    return Results(terms, best, tuple(_groups(ranked[1:], limit)))


def _groups(ranked: Sequence[Hit], limit: int) -> Iterable[Group]:
    for name in GroupName:
        # what is not over yet comes first, however well others match
        members = sorted((h for h in ranked if h.kind in KINDS[name]), key=lambda h: not h.is_open)
        if members:
            yield Group(name, tuple(members[:limit]), len(members) > limit)


def only(found: Results, name: GroupName, hits: Sequence[Hit], limit: int) -> Results:
    """Return results that hold one whole group, its best hit included."""
    ranked = sorted(hits, key=lambda hit: (not hit.is_open, _order(found.terms, hit, None)))
    group = Group(name, tuple(ranked[:limit]), len(ranked) > limit)
    return Results(found.terms, None, (group,) if ranked else ())
