"""Phases and their guards, update intervals and process checks of an incident (spec 4.2 and 4.4), pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import ACTIVE, ROLE_NAMES, Incident, Phase, Role
from firebell.incidents.severity import FACTS, Severity

STABILITY_PERIOD = timedelta(minutes=30)
"""How long an incident stays in monitoring before it can be closed."""
REOPEN_WITHIN = timedelta(hours=24)
LOWER_AFTER_RAISE = timedelta(minutes=15)
POSTMORTEM_WITHIN = timedelta(hours=48)
OTHER_ROLES_WITHIN_MINUTES = 15
"""Minutes after the declaration within which every required role except commander must be assigned."""

ALLOWED: dict[Phase, tuple[Phase, ...]] = {
    Phase.DECLARED: (Phase.INVESTIGATING, Phase.MITIGATING, Phase.MONITORING, Phase.DISMISSED),
    Phase.INVESTIGATING: (Phase.MITIGATING, Phase.MONITORING, Phase.DISMISSED),
    Phase.MITIGATING: (Phase.INVESTIGATING, Phase.MONITORING),
    Phase.MONITORING: (Phase.CLOSED, Phase.MITIGATING, Phase.INVESTIGATING),
    Phase.CLOSED: (Phase.REVIEWED, Phase.INVESTIGATING),
    Phase.REVIEWED: (),
    Phase.DISMISSED: (),
}
"""The phases that can follow each phase. Resolving an incident moves it to monitoring at once."""


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """What the guards need besides the incident."""

    roles: frozenset[Role]
    open_pages: tuple[str, ...] = ()
    mitigation_recorded: bool = False
    published: bool = False


def refusal(incident: Incident, to: Phase, facts: GuardFacts, now: datetime) -> str | None:
    """Return why the incident may not move to `to` now, None if it may."""
    allowed = ALLOWED[incident.phase]
    if to not in allowed:
        if not allowed:
            return f"{incident.ref} is {incident.phase}, so its phase can't change anymore."
        return f"{incident.ref} is {incident.phase} and can only move to {' or '.join(allowed)}."
    match to:
        case Phase.INVESTIGATING if incident.phase is Phase.CLOSED:
            if incident.closed_at and now - incident.closed_at > REOPEN_WITHIN:
                return "It was closed more than 24 hours ago. Declare a new incident instead."
        case Phase.INVESTIGATING if incident.severity <= 1 and Role.COMMANDER not in facts.roles:
            return f"Assign a commander first: every SEV{incident.severity} needs one."
        case Phase.MITIGATING if incident.phase in ACTIVE and not facts.mitigation_recorded:
            return "Record a mitigation first."
        case Phase.MONITORING if not facts.mitigation_recorded:
            return "Record a mitigation first, even if the system recovered on its own."
        case Phase.CLOSED:
            return _not_closable(incident, facts, now)
        case Phase.REVIEWED if postmortem_required(incident) and not facts.published:
            return "Publish the post-mortem first."
        case _:
            return None
    return None


def _not_closable(incident: Incident, facts: GuardFacts, now: datetime) -> str | None:
    if incident.stable_since is None or now - incident.stable_since < STABILITY_PERIOD:
        closable_at = (incident.stable_since or now) + STABILITY_PERIOD
        minutes = max(1, int((closable_at - now).total_seconds() + 59) // 60)
        return f"It can be closed after 30 minutes of stability ({minutes} min left)."
    if facts.open_pages:
        return f"Resolve open pages first: {', '.join(facts.open_pages)}."
    return None


def update_interval(severity: int) -> timedelta | None:
    """Return how often an internal update is due, None for never."""
    minutes = FACTS[Severity(severity)].update_every
    return timedelta(minutes=minutes) if minutes else None


def next_update(incident: Incident) -> datetime | None:
    """Return when the next update is due, None for never; the interval doubles in monitoring."""
    interval = update_interval(incident.severity)
    if interval is None or incident.phase not in (*ACTIVE, Phase.MONITORING):
        return None
    if incident.phase is Phase.MONITORING:
        interval *= 2
    return (incident.last_update_at or incident.declared_at) + interval


def severity_refusal(
    incident: Incident, to: int, reason: str, raised_at: datetime | None, now: datetime
) -> str | None:
    """Return why the severity may not change to `to`, None if it may. Raising is always allowed."""
    if to == incident.severity:
        return f"The severity is already SEV{to}."
    if to < incident.severity:
        return None
    if not reason.strip():
        return "Enter a reason to lower the severity."
    if raised_at and now - raised_at < LOWER_AFTER_RAISE:
        return "The severity was raised less than 15 minutes ago. Wait before you lower it."
    return None


@dataclass(frozen=True, slots=True)
class Check:
    """A process check of an open incident; `state` is ok, warn or late, `role` a role that is missing."""

    id: str
    state: str
    title: str
    text: str
    role: Role | None = None


def role_states(
    incident: Incident, holders: Mapping[Role, Collection[int]], now: datetime
) -> dict[Role, str]:
    """Return the state of each role that an open incident requires: ok, warn, or late after its deadline.

    Every screen takes the state of roles from here (spec 4.1, 4.4 I-ROLE and I-NOIC).
    """
    if incident.phase not in (*ACTIVE, Phase.MONITORING):
        return {}
    return {
        role: "ok" if holders.get(role) else "late" if _past_deadline(incident, role, now) else "warn"
        for role in map(Role, FACTS[Severity(incident.severity)].roles)
    }


def _role_deadline(incident: Incident, role: Role) -> int | None:
    """Return within how many minutes of the declaration a role must be assigned, None for no deadline."""
    facts = FACTS[Severity(incident.severity)]
    return facts.commander_within if role is Role.COMMANDER else OTHER_ROLES_WITHIN_MINUTES


def _past_deadline(incident: Incident, role: Role, now: datetime) -> bool:
    minutes = _role_deadline(incident, role)
    return minutes is not None and now - incident.declared_at > timedelta(minutes=minutes)


def checks(incident: Incident, holders: Mapping[Role, Collection[int]], now: datetime) -> list[Check]:
    """Return the checks that apply to an open incident, failed ones first (spec 4.4)."""
    if incident.phase not in (*ACTIVE, Phase.MONITORING):
        return []
    results = [
        _role_check(incident, role, state, now) for role, state in role_states(incident, holders, now).items()
    ]
    commanders, experts = set(holders.get(Role.COMMANDER, ())), set(holders.get(Role.SME, ()))
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


def _role_check(incident: Incident, role: Role, state: str, now: datetime) -> Check:
    name, deadline = ROLE_NAMES[role], _deadline_text(incident, role)
    if state == "ok":
        return Check("I-ROLE", state, f"{name} assigned", "")
    if state == "warn":
        return Check("I-ROLE", state, f"No {name.lower()} yet", deadline, role)
    code = "I-NOIC" if role is Role.COMMANDER else "I-ROLE"
    minutes = int((now - incident.declared_at).total_seconds() // 60)
    return Check(code, state, f"No {name.lower()} for {minutes} min", deadline, role)


def _deadline_text(incident: Incident, role: Role) -> str:
    minutes = _role_deadline(incident, role)
    return f"A SEV{incident.severity} needs one" + (f" within {minutes} min." if minutes else ".")


def postmortem_required(incident: Incident) -> bool:
    """Return True if the incident requires a post-mortem, which its peak severity decides."""
    return FACTS[Severity(incident.max_severity)].postmortem and not incident.drill
