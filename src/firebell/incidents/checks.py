"""Process checks of an open incident: required roles, updates, and a provisional severity (spec 4.4); pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import ACTIVE, ROLE_NAMES, Incident, IncidentRole, Phase
from firebell.incidents.severity import FACTS, Severity

OTHER_ROLES_WITHIN_MINUTES = 15
"""Minutes after the declaration within which every required role except commander must be assigned."""


@dataclass(frozen=True, slots=True)
class Check:
    """A process check of an open incident; `state` is ok, warn or late, `role` a role that is missing."""

    id: str
    state: str
    title: str
    text: str
    role: IncidentRole | None = None


def role_states(
    incident: Incident, holders: Mapping[IncidentRole, Collection[int]], now: datetime
) -> dict[IncidentRole, str]:
    """Return the state of each role that an open incident requires: ok, warn, or late after its deadline.

    Every screen takes the state of roles from here (spec 4.1, 4.4 I-ROLE and I-NOIC).
    """
    if incident.phase not in (*ACTIVE, Phase.MONITORING):
        return {}
    return {
        role: "ok" if holders.get(role) else "late" if _past_deadline(incident, role, now) else "warn"
        for role in map(IncidentRole, FACTS[Severity(incident.severity)].roles)
    }


def _role_deadline(incident: Incident, role: IncidentRole) -> int | None:
    """Return within how many minutes of the declaration a role must be assigned, None for no deadline."""
    facts = FACTS[Severity(incident.severity)]
    return facts.commander_within if role is IncidentRole.COMMANDER else OTHER_ROLES_WITHIN_MINUTES


def _past_deadline(incident: Incident, role: IncidentRole, now: datetime) -> bool:
    minutes = _role_deadline(incident, role)
    return minutes is not None and now - incident.declared_at > timedelta(minutes=minutes)


def checks(incident: Incident, holders: Mapping[IncidentRole, Collection[int]], now: datetime) -> list[Check]:
    """Return the checks that apply to an open incident, failed ones first (spec 4.4)."""
    if incident.phase not in (*ACTIVE, Phase.MONITORING):
        return []
    results = [
        _role_check(incident, role, state, now) for role, state in role_states(incident, holders, now).items()
    ]
    commanders, experts = set(holders.get(IncidentRole.COMMANDER, ())), set(holders.get(IncidentRole.SME, ()))
    if incident.severity <= 1 and commanders & experts:
        text = "A commander delegates and doesn't debug. Hand over one of the two roles."
        results.append(Check("I-HANDSON", "late", "The commander is hands-on", text))
    elif incident.severity <= 1 and commanders:
        results.append(Check("I-HANDSON", "ok", "Commander is not hands-on", ""))
    if incident.update_due_at and now > incident.update_due_at:
        text = "Post an update, even if nothing changed."
        results.append(Check("I-UPDATE", "late", "Update overdue", text))
    elif incident.update_due_at:
        results.append(Check("I-UPDATE", "ok", "Updates are on time", ""))
    if incident.provisional:
        results.append(
            Check("I-PROVISIONAL", "warn", "Severity not confirmed", "Set the severity once you know more.")
        )
    order = {"late": 0, "warn": 1, "ok": 2}
    return sorted(results, key=lambda check: order[check.state])


def _role_check(incident: Incident, role: IncidentRole, state: str, now: datetime) -> Check:
    name, deadline = ROLE_NAMES[role], _deadline_text(incident, role)
    if state == "ok":
        return Check("I-ROLE", state, f"{name} assigned", "")
    if state == "warn":
        return Check("I-ROLE", state, f"No {name.lower()} yet", deadline, role)
    code = "I-NOIC" if role is IncidentRole.COMMANDER else "I-ROLE"
    minutes = int((now - incident.declared_at).total_seconds() // 60)
    return Check(code, state, f"No {name.lower()} for {minutes} min", deadline, role)


def _deadline_text(incident: Incident, role: IncidentRole) -> str:
    minutes = _role_deadline(incident, role)
    return f"A SEV{incident.severity} needs one" + (f" within {minutes} min." if minutes else ".")
