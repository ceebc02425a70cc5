"""What a digest is written from (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from firebell.digests.model import Week


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """An incident that was declared in the week; `lasted_s` is None while it is open."""

    id: int
    title: str
    severity: int
    lasted_s: int | None


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """A post-mortem or a near miss; `incident_id` is None for a near miss."""

    ref: str
    href: str
    title: str
    severity: int
    at: datetime
    """When it is due, was published, or was noticed."""
    incident_id: int | None


@dataclass(frozen=True, slots=True)
class ItemFact:
    """An unfinished action item."""

    ref: str
    title: str
    owner: str
    due: date
    incident_id: int | None


@dataclass(frozen=True, slots=True)
class RuleFact:
    """A rule that paged people."""

    rule: str
    pages: int
    night_pages: int
    noise: int


@dataclass(frozen=True, slots=True)
class MetricFact:
    """The finding of a metric, and how far it can be trusted."""

    slug: str
    title: str
    finding: str
    honesty: str


@dataclass(frozen=True, slots=True)
class RunbookFact:
    """A runbook that no one exercised in 180 days."""

    slug: str
    title: str
    last_exercised: datetime | None


@dataclass(frozen=True, slots=True)
class DigestFacts:
    """Everything of a week that its reader may see; `scope` and `team_slug` are empty for the organization."""

    week: Week
    now: datetime
    today: date
    scope: str = ""
    team_slug: str = ""
    incidents: Sequence[IncidentFact] = ()
    pages: int = 0
    night_pages: int = 0
    nights: int = 0
    most_in_a_night: int = 0
    rules: Sequence[RuleFact] = ()
    postmortems_due: Sequence[DocumentFact] = ()
    postmortems_published: Sequence[DocumentFact] = ()
    items_due: Sequence[ItemFact] = ()
    items_overdue: Sequence[ItemFact] = ()
    metrics: Sequence[MetricFact] = ()
    near_misses: Sequence[DocumentFact] = ()
    runbooks: Sequence[RunbookFact] = ()
    lost_items: Sequence[str] = ()
    """The items of readiness that were lost in the week."""
