"""Incidents, roles and timeline entries, and what the slice tells others."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """Where an incident stands (spec 4.2)."""

    DECLARED = "declared"
    INVESTIGATING = "investigating"
    MITIGATING = "mitigating"
    MONITORING = "monitoring"
    CLOSED = "closed"
    REVIEWED = "reviewed"
    DISMISSED = "dismissed"


OPEN = (Phase.DECLARED, Phase.INVESTIGATING, Phase.MITIGATING, Phase.MONITORING)
ACTIVE = (Phase.DECLARED, Phase.INVESTIGATING, Phase.MITIGATING)


class Role(StrEnum):
    """Who does what in an incident."""

    COMMANDER = "commander"
    COMMS = "comms"
    SME = "sme"
    SCRIBE = "scribe"
    RESPONDER = "responder"


ROLE_NAMES = {
    Role.COMMANDER: "Commander",
    Role.COMMS: "Comms lead",
    Role.SME: "Expert",
    Role.SCRIBE: "Scribe",
    Role.RESPONDER: "Responder",
}
SINGLE = (Role.COMMANDER, Role.COMMS, Role.SCRIBE)

ENTRY_KINDS = ("note", "update", "finding", "decision", "mitigation")
"""What a person can write into the timeline."""


@dataclass(frozen=True, slots=True)
class Incident:
    """One coordinated response; `severity` is 0 to 3."""

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

    @property
    def ref(self) -> str:
        """How people name the incident."""
        return f"INC-{self.id}"


class Sort(StrEnum):
    """The order of a list of incidents: by falling number, or running ones first and then by duration."""

    NEWEST = "newest"
    LONGEST = "longest"


@dataclass(frozen=True, slots=True)
class IncidentFilter:
    """Which incidents a list shows; what is empty restricts nothing.

    `since` is the first instant of declaration, `until` the first after. `words` must all be part of the title.
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


@dataclass(frozen=True, slots=True)
class PostmortemState:
    """Where the post-mortem of an incident stands."""

    state: str
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who holds a role."""

    id: int
    role: Role
    person_id: int
    from_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline."""

    id: int
    at: datetime
    effective_at: datetime
    kind: str
    actor: str
    actor_id: int | None
    text: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class IncidentClosed:
    """An incident ended; what it taught is owed now."""

    incident_id: int
