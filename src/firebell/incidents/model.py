"""Incidents, roles, timeline entries, and the events that the slice emits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from firebell.kit.drill_clock import DrillClock


class Phase(StrEnum):
    """The phase of an incident (spec 4.2); `resolved` lasts no time, because monitoring begins at once."""

    DETECTED = "detected"
    TRIAGING = "triaging"
    DECLARED = "declared"
    INVESTIGATING = "investigating"
    MITIGATING = "mitigating"
    RESOLVED = "resolved"
    MONITORING = "monitoring"
    CLOSED = "closed"
    REVIEWED = "reviewed"
    DISMISSED = "dismissed"
    MERGED = "merged"


UNDECLARED = (Phase.DETECTED, Phase.TRIAGING)
"""The phases before someone declares; such an incident has no severity yet, and no clock of it runs."""
ACTIVE = (Phase.DECLARED, Phase.INVESTIGATING, Phase.MITIGATING)
OPEN = (*UNDECLARED, *ACTIVE, Phase.RESOLVED, Phase.MONITORING)
POSTMORTEM_WITHIN = timedelta(hours=48)
"""When the post-mortem of a SEV0 or SEV1 is due, from the closing of the incident."""


class IncidentType(StrEnum):
    """What an incident is about; a security incident is private."""

    OPERATIONAL = "operational"
    SECURITY = "security"
    DATA_PROTECTION = "data_protection"
    VENDOR = "vendor"
    PERFORMANCE = "performance"


TYPE_NAMES = {
    IncidentType.OPERATIONAL: "Operational",
    IncidentType.SECURITY: "Security",
    IncidentType.DATA_PROTECTION: "Data protection",
    IncidentType.VENDOR: "Vendor",
    IncidentType.PERFORMANCE: "Performance",
}


class Visibility(StrEnum):
    """Who sees an incident: everyone, or only those involved and managers."""

    OPEN = "open"
    PRIVATE = "private"


class IncidentRole(StrEnum):
    """What a person does in an incident."""

    COMMANDER = "commander"
    COMMS = "comms"
    SME = "sme"
    SCRIBE = "scribe"
    RESPONDER = "responder"


ROLE_NAMES = {
    IncidentRole.COMMANDER: "Commander",
    IncidentRole.COMMS: "Comms lead",
    IncidentRole.SME: "Subject matter expert",
    IncidentRole.SCRIBE: "Scribe",
    IncidentRole.RESPONDER: "Responder",
}
SINGLE = (IncidentRole.COMMANDER, IncidentRole.COMMS, IncidentRole.SCRIBE)

ENTRY_KINDS = ("note", "update", "finding", "decision", "mitigation")
"""The kinds of timeline entries that people write; all others are written by Firebell."""


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident; `severity` and `max_severity` are 0 to 3, where 0 is the worst."""

    id: int
    title: str
    summary: str
    conditions: str
    actions: str
    needs: str
    severity: int
    max_severity: int
    answers: dict[str, Any]
    provisional: bool
    phase: Phase
    drill: bool
    impact_start: datetime | None
    detected_at: datetime
    declared_at: datetime
    mitigated_at: datetime | None
    impact_end: datetime | None
    resolved_at: datetime | None
    stable_since: datetime | None
    closed_at: datetime | None
    last_update_at: datetime | None
    update_due_at: datetime | None
    severity_at: datetime
    reopen_count: int
    declared_by: int | None
    version: int
    type: IncidentType = IncidentType.OPERATIONAL
    visibility: Visibility = Visibility.OPEN
    backfilled: bool = False
    merged_into: int | None = None
    drill_clock: DrillClock | None = None
    """The clock of the incident of a drill that has started; its updates are due on it."""
    paused_due_at: datetime | None = None
    """The deadline that continues when the drill does; while its clock is stopped, `update_due_at` is None."""
    reopened_at: datetime | None = None
    """When it was last reopened after it was closed."""

    @property
    def ref(self) -> str:
        """The reference, such as INC-7."""
        return f"INC-{self.id}"

    @property
    def marked_ref(self) -> str:
        """The reference for messages, such as INC-7, or DRILL INC-7."""
        return f"DRILL {self.ref}" if self.drill else self.ref

    @property
    def first_known_at(self) -> datetime:
        """When it was detected or declared, whichever is earlier."""
        return min(self.detected_at, self.declared_at)

    @property
    def update_from(self) -> datetime:
        """When the interval of the next update began: at the last update, the declaration or a reopening."""
        return max(filter(None, (self.last_update_at or self.declared_at, self.reopened_at)))

    @property
    def is_private(self) -> bool:
        """True if only those involved and managers may know of it."""
        return self.visibility is Visibility.PRIVATE

    @property
    def public_name(self) -> str:
        """What people who may not read it are told: the reference, unless it is private."""
        return "a private incident" if self.is_private else self.ref


@dataclass(frozen=True, slots=True)
class MergedIncident:
    """An incident that was merged; `follows` means that it became private only with the one that it is part of."""

    id: int
    merged_into: int
    is_private: bool
    follows: bool


class Sort(StrEnum):
    """The order of a list of incidents; open ones are on top in each order."""

    NEWEST = "newest"
    LONGEST = "longest"
    SEVEREST = "severest"


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents a list shows; an empty field restricts nothing.

    `since` is inclusive and `until` exclusive, both by declaration. Each of `words` must begin a
    word of the title or summary.
    """

    phases: tuple[Phase, ...] = ()
    drill: bool | None = None
    severities: tuple[int, ...] = ()
    service_id: int | None = None
    commander_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None
    words: tuple[str, ...] = ()
    postmortem_due: bool = False
    id: int | None = None
    types: tuple[IncidentType, ...] = ()
    fields: tuple[tuple[int, str], ...] = ()
    """The ids of custom fields with the value that each must have."""
    among: tuple[int, ...] | None = None
    """The ids of the only incidents that are listed; None for all."""


@dataclass(frozen=True, slots=True)
class PostmortemState:
    """The state of an incident's post-mortem, and when it is due."""

    state: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Assignment:
    """A person who holds a role."""

    id: int
    role: IncidentRole
    person_id: int
    from_at: datetime


CAUSE_KNOWN = "Cause identified"
"""The key moment from which on the cause is known."""


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A timeline entry; `effective_at` is when it happened, `at` when it was written.

    `key_moment` is the label of a key moment, empty if it is not one.
    """

    id: int
    at: datetime
    effective_at: datetime
    kind: str
    actor: str
    actor_id: int | None
    text: str
    data: dict[str, Any]
    key_moment: str = ""


@dataclass(frozen=True, slots=True)
class Transition:
    """A move to a phase; `before` is None for the first, `skipped` names the conditions that were not met."""

    id: int
    before: Phase | None
    after: Phase
    at: datetime
    effective_at: datetime
    actor: str
    actor_id: int | None
    reason: str
    skipped: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """How an incident is related to the one with the id: linked, child, parent, merged or merged_into."""

    incident_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """Someone confirmed that the metrics are back to normal."""

    note: str
    signed_at: datetime
    signed_by: int | None
    actor: str


@dataclass(frozen=True, slots=True)
class CustomerReport:
    """What a customer reported; open until it is answered."""

    id: int
    text: str
    reported_at: datetime
    recorded_at: datetime
    actor: str
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class IncidentDeclared:
    """An incident was declared; `severity` is 0 to 3, `visibility` is open or private."""

    incident_id: int
    severity: int
    provisional: bool
    drill: bool
    visibility: str = "open"


@dataclass(frozen=True, slots=True)
class DrillPaged:
    """A drill incident that was declared with a page got it."""

    incident_id: int
    page_id: int


@dataclass(frozen=True, slots=True)
class PhaseChanged:
    """An incident moved to another phase."""

    incident_id: int
    before: Phase
    after: Phase
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class SeverityChanged:
    """The severity changed; `raised` means that it is worse now, which is a lower number."""

    incident_id: int
    before: int
    after: int
    raised: bool


@dataclass(frozen=True, slots=True)
class SeverityConfirmed:
    """Someone confirmed the severity at the same level; it is no longer provisional."""

    incident_id: int
    severity: int


@dataclass(frozen=True, slots=True)
class RoleChanged:
    """A person got or lost a role; `change` is assigned or ended."""

    incident_id: int
    role: IncidentRole
    person_id: int
    change: str


@dataclass(frozen=True, slots=True)
class EntryAdded:
    """The timeline has a new entry. Every change of an incident adds one."""

    incident_id: int
    entry_id: int
    kind: str


@dataclass(frozen=True, slots=True)
class UpdatePosted:
    """Someone posted an update; `audience` is internal."""

    incident_id: int
    entry_id: int
    audience: str = "internal"


@dataclass(frozen=True, slots=True)
class IncidentClosed:
    """An incident was closed; its post-mortem is due from now on."""

    incident_id: int


@dataclass(frozen=True, slots=True)
class IncidentBecamePrivate:
    """An incident that everyone could read became private."""

    incident_id: int


@dataclass(frozen=True, slots=True)
class PagesHidden:
    """Manual pages no longer show why someone was paged, because they belong to a private incident."""

    page_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class IncidentMerged:
    """An incident was merged into another, which has its services, pages and roles from now on."""

    incident_id: int
    into_id: int
