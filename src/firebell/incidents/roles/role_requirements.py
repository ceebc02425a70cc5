"""Which roles an incident requires, and which are missing now (spec 4.1, 4.4); pure."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from firebell.incidents.model import ACTIVE, Incident, IncidentRole, Phase
from firebell.incidents.severity import FACTS, Severity

OTHER_ROLES_WITHIN_MINUTES = 15
"""Minutes after the declaration within which every required role except commander must be assigned."""
Holders = Mapping[IncidentRole, Collection[int]]
"""The ids of the people in each role."""


def role_states(incident: Incident, holders: Holders, now: datetime) -> dict[IncidentRole, str]:
    """Return the state of each role that an open incident requires: ok, warn, or late after its deadline.

    Every screen takes the state of roles from here (spec 4.1, 4.4 I-ROLE and I-NOIC).
    """
    if incident.phase not in (*ACTIVE, Phase.MONITORING):
        return {}
    return {
        role: "ok" if holders.get(role) else "late" if _past_deadline(incident, role, now) else "warn"
        for role in map(IncidentRole, FACTS[Severity(incident.severity)].roles)
    }


def role_deadline(severity: int, role: IncidentRole) -> timedelta | None:
    """Return within which time of the declaration a role must be assigned, None for no deadline."""
    facts = FACTS[Severity(severity)]
    minutes = facts.commander_within if role is IncidentRole.COMMANDER else OTHER_ROLES_WITHIN_MINUTES
    return None if minutes is None else timedelta(minutes=minutes)


def _past_deadline(incident: Incident, role: IncidentRole, now: datetime) -> bool:
    deadline = role_deadline(incident.severity, role)
    return deadline is not None and now - incident.declared_at > deadline
