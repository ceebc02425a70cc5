"""What process checks look at, and what they find (spec 4.4); pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.incidents.model import Incident, IncidentRole, TimelineEntry
from firebell.kit.findings import ProcessFinding


@dataclass(frozen=True, slots=True)
class IncidentFinding(ProcessFinding):
    """A problem of an incident; `role` is a required role that no one has now."""

    role: IncidentRole | None = None


@dataclass(frozen=True, slots=True)
class HeldRole:
    """An assignment of a role, current or ended."""

    role: IncidentRole
    person_id: int
    name: str
    from_at: datetime
    until_at: datetime | None


@dataclass(frozen=True, slots=True)
class LinkedPage:
    """A page of alerts that is linked to an incident."""

    ref: str
    has_runbook: bool


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """Everything that the checks of one incident look at.

    `timeline` is in force, oldest entry first; `responders_before` is the number of people who owned its pages
    before it was declared.
    """

    incident: Incident
    timeline: Sequence[TimelineEntry]
    roles: Sequence[HeldRole]
    pages: Sequence[LinkedPage] = ()
    responders_before: int = 0
