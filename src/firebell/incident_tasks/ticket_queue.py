"""The ticket queue: open SEV3 incidents, which page no one, each in a state that follows from it (pure)."""

from enum import StrEnum

from firebell.incidents.model import ACTIVE, IncidentFilter, Phase
from firebell.incidents.severity import Severity

SEVERITY = Severity.SEV3
PHASES = (*ACTIVE, Phase.RESOLVED, Phase.MONITORING)


class TicketState(StrEnum):
    """The state of an incident in the queue."""

    WAITING = "waiting"
    """No one has a role in it."""
    IN_PROGRESS = "in_progress"
    MONITORING = "monitoring"


STATE_NAMES = {
    TicketState.WAITING: "Waiting",
    TicketState.IN_PROGRESS: "In progress",
    TicketState.MONITORING: "Monitoring",
}
_PHASES = {
    None: PHASES,
    TicketState.WAITING: ACTIVE,
    TicketState.IN_PROGRESS: ACTIVE,
    TicketState.MONITORING: (Phase.RESOLVED, Phase.MONITORING),
}


def ticket_state(phase: Phase, *, is_taken: bool) -> TicketState:
    """Return the state of an open incident; `is_taken` if anyone has a role in it."""
    if phase not in ACTIVE:
        return TicketState.MONITORING
    return TicketState.IN_PROGRESS if is_taken else TicketState.WAITING


def filter_of(state: TicketState | None) -> IncidentFilter:
    """Return the incidents among which those of a state are, None for the whole queue."""
    return IncidentFilter(phases=_PHASES[state], severities=(int(SEVERITY),), drill=False)
