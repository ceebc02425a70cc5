"""Process checks of an open incident: required roles, updates, and a provisional severity (spec 4.4); pure."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import ACTIVE, ROLE_NAMES, Incident, IncidentRole, Phase
from firebell.incidents.severity import FACTS, Severity
from firebell.kit.findings import Finding, FindingLevel, Passed, severest_first

OTHER_ROLES_WITHIN_MINUTES = 15
"""Minutes after the declaration within which every required role except commander must be assigned."""


@dataclass(frozen=True, slots=True)
class IncidentFinding(Finding):
    """A problem of an open incident; `role` is a required role that no one has."""

    role: IncidentRole | None = None


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


def _role_deadline(incident: Incident, role: IncidentRole) -> int | None:
    """Return within how many minutes of the declaration a role must be assigned, None for no deadline."""
    facts = FACTS[Severity(incident.severity)]
    return facts.commander_within if role is IncidentRole.COMMANDER else OTHER_ROLES_WITHIN_MINUTES


def _past_deadline(incident: Incident, role: IncidentRole, now: datetime) -> bool:
    minutes = _role_deadline(incident, role)
    return minutes is not None and now - incident.declared_at > timedelta(minutes=minutes)


def findings(incident: Incident, holders: Holders, now: datetime) -> list[IncidentFinding]:
    """Return the problems of an open incident, errors first (spec 4.4)."""
    return severest_first(r for r in _results(incident, holders, now) if isinstance(r, IncidentFinding))


def passed(incident: Incident, holders: Holders, now: datetime) -> list[Passed]:
    """Return the checks that apply to an open incident and found no problem."""
    return [r for r in _results(incident, holders, now) if isinstance(r, Passed)]


def _results(incident: Incident, holders: Holders, now: datetime) -> Iterator[IncidentFinding | Passed]:
    if incident.phase not in (*ACTIVE, Phase.MONITORING):
        return
    for role, state in role_states(incident, holders, now).items():
        yield _role(incident, role, state, now)
    yield from _hands_on(incident, holders)
    yield from _update(incident, now)
    if incident.provisional:
        yield _finding(
            incident,
            "I-PROVISIONAL",
            FindingLevel.WARNING,
            "Severity not confirmed",
            "Set the severity once you know more.",
        )


def _finding(
    incident: Incident,
    code: str,
    level: FindingLevel,
    message: str,
    advice: str,
    role: IncidentRole | None = None,
) -> IncidentFinding:
    finding_id = f"{code}:{role}" if role else code
    return IncidentFinding(finding_id, code, level, message, role, subject=incident.ref, advice=advice)


def _role(incident: Incident, role: IncidentRole, state: str, now: datetime) -> IncidentFinding | Passed:
    name, deadline = ROLE_NAMES[role], _deadline_text(incident, role)
    if state == "ok":
        return Passed("I-ROLE", f"{name} assigned")
    if state == "warn":
        text = f"No {name.lower()} yet"
        return _finding(incident, "I-ROLE", FindingLevel.WARNING, text, deadline, role)
    code = "I-NOIC" if role is IncidentRole.COMMANDER else "I-ROLE"
    minutes = int((now - incident.declared_at).total_seconds() // 60)
    text = f"No {name.lower()} for {minutes} min"
    return _finding(incident, code, FindingLevel.ERROR, text, deadline, role)


def _deadline_text(incident: Incident, role: IncidentRole) -> str:
    minutes = _role_deadline(incident, role)
    return f"A SEV{incident.severity} needs one" + (f" within {minutes} min." if minutes else ".")


def _hands_on(incident: Incident, holders: Holders) -> Iterator[IncidentFinding | Passed]:
    commanders, experts = set(holders.get(IncidentRole.COMMANDER, ())), set(holders.get(IncidentRole.SME, ()))
    if incident.severity > 1 or not commanders:
        return
    if commanders & experts:
        advice = "A commander delegates and doesn't debug. Hand over one of the two roles."
        yield _finding(incident, "I-HANDSON", FindingLevel.ERROR, "The commander is hands-on", advice)
    else:
        yield Passed("I-HANDSON", "Commander is not hands-on")


def _update(incident: Incident, now: datetime) -> Iterator[IncidentFinding | Passed]:
    if incident.update_due_at and now > incident.update_due_at:
        advice = "Post an update, even if nothing changed."
        yield _finding(incident, "I-UPDATE", FindingLevel.ERROR, "Update overdue", advice)
    elif incident.update_due_at:
        yield Passed("I-UPDATE", "Updates are on time")
