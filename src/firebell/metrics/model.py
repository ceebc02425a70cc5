"""Facts about incidents and pages, and which of them a metric counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from firebell.metrics.windows import Window

RULE_MAX_CHARS = 200
"""Characters of the name of a rule that a fact keeps."""


class Exclusion(StrEnum):
    """Why an incident or a page counts in no metric."""

    DRILL = "drill"
    DISMISSED = "dismissed"
    MERGED = "merged"


class Vote(StrEnum):
    """What people said about a page."""

    ACTIONABLE = "actionable"
    NOT_ACTIONABLE = "not_actionable"


@dataclass(frozen=True, slots=True)
class IncidentFact:
    """What metrics know about an incident; durations are seconds, negative if its times contradict each other."""

    id: int
    type: str
    severity_first: int
    severity_max: int
    impact_start: datetime | None
    detected_at: datetime
    declared_at: datetime
    engaged_at: datetime | None
    impact_end: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    excluded: Exclusion | None
    detect_s: int | None
    engage_s: int | None
    mitigate_s: int | None
    resolve_s: int | None
    reopens: int
    people: int
    person_minutes: int
    factors: tuple[str, ...]
    updates_due: int
    updates_on_time: int
    postmortem_required: bool
    postmortem_published_at: datetime | None
    customers: int | None = None
    """How many customers it affected, None if no one knows it."""


@dataclass(frozen=True, slots=True)
class PageFact:
    """What metrics know about a page; `ack_s` is the time until a person acknowledged it, else `censored_s` its end.

    While it waits, both are None. `hour` is the hour of the week, from Monday 00:00.
    """

    id: int
    team_id: int | None
    service_id: int | None
    rule: str
    urgency: str
    severity: int | None
    triggered_at: datetime
    ack_s: int | None
    censored_s: int | None
    level: int
    is_exhausted: bool
    is_noise: bool
    vote: Vote | None
    hour: int
    night: date | None
    woken: tuple[int, ...]
    excluded: Exclusion | None


@dataclass(frozen=True, slots=True)
class Scope:
    """Which facts a metric counts; empty fields restrict nothing. Incidents in `hidden` are never counted."""

    window: Window
    now: datetime
    team_id: int | None = None
    service_id: int | None = None
    severity: int | None = None
    type: str = ""
    hidden: Sequence[int] = ()
    recorded_since: datetime | None = None
    """When the first service of the scope was created: zeros from before it say nothing. None if all count."""

    @property
    def recorded_from(self) -> datetime:
        """The start of the period, or when the first service was created if that is later."""
        start = self.window.start
        return max(start, self.recorded_since or start)

    @property
    def may_be_open(self) -> bool:
        """True if the window contains the present, so that what still runs counts as running."""
        return self.window.contains(self.now)


@dataclass(frozen=True, slots=True)
class Progress:
    """Up to where facts follow the logs, and what the nightly comparison fixed."""

    page_log_id: int
    entry_id: int
    refreshed_at: datetime | None
    version: int
    compared_at: datetime | None
    drifted: int
    drifted_at: datetime | None
