"""What process checks look at, and what they find (spec 4.4); pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.incidents.model import Incident, IncidentRole, TimelineEntry
from firebell.kit.drill_clock import on_drill_time
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

    def on_drill_time(self) -> "CheckRecord":
        """Return the record with its instants on the clock of its drill; unchanged without one."""
        clock = self.incident.drill_clock
        if clock is None:
            return self
        return replace(
            self,
            incident=on_drill_time(clock, self.incident),
            timeline=[on_drill_time(clock, entry) for entry in self.timeline],
            roles=[on_drill_time(clock, role) for role in self.roles],
        )
