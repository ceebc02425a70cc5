"""Phases, guards, cadence and process checks of an incident (spec 4.2 and 4.4), pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import ACTIVE, ROLE_NAMES, Incident, Phase, Role
from firebell.incidents.severity import FACTS, Severity

STABLE = timedelta(minutes=30)
REOPEN_WITHIN = timedelta(hours=24)
LOWER_AFTER_RAISE = timedelta(minutes=15)
POSTMORTEM_WITHIN = timedelta(hours=48)
OTHER_ROLES_WITHIN = 15
"""Minutes after the declaration within which every required role but the commander's is held."""

ALLOWED: dict[Phase, tuple[Phase, ...]] = {
    Phase.DECLARED: (Phase.INVESTIGATING, Phase.MITIGATING, Phase.MONITORING, Phase.DISMISSED),
    Phase.INVESTIGATING: (Phase.MITIGATING, Phase.MONITORING, Phase.DISMISSED),
    Phase.MITIGATING: (Phase.INVESTIGATING, Phase.MONITORING),
    Phase.MONITORING: (Phase.CLOSED, Phase.MITIGATING, Phase.INVESTIGATING),
    Phase.CLOSED: (Phase.REVIEWED, Phase.INVESTIGATING),
    Phase.REVIEWED: (),
    Phase.DISMISSED: (),
}
"""`resolved` turns into `monitoring` at once, so monitoring is entered by resolving."""


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """What a guard needs to know beside the incident."""

    roles: frozenset[Role]
    open_pages: tuple[str, ...] = ()
    mitigation_recorded: bool = False
    published: bool = False


def refusal(incident: Incident, to: Phase, facts: GuardFacts, now: datetime) -> str | None:
    """Return why the incident may not go to `to` now, None when it may."""
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
    if incident.stable_since is None or now - incident.stable_since < STABLE:
        ready = (incident.stable_since or now) + STABLE
        minutes = max(1, int((ready - now).total_seconds() + 59) // 60)
        return f"It can be closed after 30 minutes of stability ({minutes} min left)."
    if facts.open_pages:
        return f"Resolve open pages first: {', '.join(facts.open_pages)}."
    return None


def update_interval(severity: int) -> timedelta | None:
    """Return how often an internal update is promised, None for never."""
    every = FACTS[Severity(severity)].update_every
    return timedelta(minutes=every) if every else None


def next_update(incident: Incident) -> datetime | None:
    """Return when the next update is due: from the last one, twice as slow while monitoring."""
    interval = update_interval(incident.severity)
    if interval is None or incident.phase not in (*ACTIVE, Phase.MONITORING):
        return None
    if incident.phase is Phase.MONITORING:
        interval *= 2
    return (incident.last_update_at or incident.declared_at) + interval


def severity_refusal(
    incident: Incident, to: int, reason: str, raised_at: datetime | None, now: datetime
) -> str | None:
    """Return why the severity may not change to `to`, None when it may; raising is never refused."""
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
    """One process check of a running incident; `state` is ok, warn or late, `role` one that is missing."""

    id: str
    state: str
    title: str
    text: str
    role: Role | None = None


def role_states(
    incident: Incident, holders: Mapping[Role, Collection[int]], now: datetime
) -> dict[Role, str]:
    """Return the roles that a live incident requires: ok if held, else warn, or late after the deadline.

    The one source of what a screen says of roles (spec 4.1, 4.4 I-ROLE and I-NOIC).
    """
    if incident.phase not in (*ACTIVE, Phase.MONITORING):
        return {}
    return {
        role: "ok" if holders.get(role) else "late" if _past_deadline(incident, role, now) else "warn"
        for role in map(Role, FACTS[Severity(incident.severity)].roles)
    }


def _role_deadline(incident: Incident, role: Role) -> int | None:
    """Return how many minutes after the declaration a role must be held, None for no deadline."""
    facts = FACTS[Severity(incident.severity)]
    return facts.commander_within if role is Role.COMMANDER else OTHER_ROLES_WITHIN


def _past_deadline(incident: Incident, role: Role, now: datetime) -> bool:
    limit = _role_deadline(incident, role)
    return limit is not None and now - incident.declared_at > timedelta(minutes=limit)


def checks(incident: Incident, holders: Mapping[Role, Collection[int]], now: datetime) -> list[Check]:
    """Return the checks that apply to a live incident, the failed ones first (spec 4.4)."""
    if incident.phase not in (*ACTIVE, Phase.MONITORING):
        return []
    found = [
        _role_check(incident, role, state, now) for role, state in role_states(incident, holders, now).items()
    ]
    commanders, experts = set(holders.get(Role.COMMANDER, ())), set(holders.get(Role.SME, ()))
    if incident.severity <= 1 and commanders & experts:
        text = "A commander delegates and doesn't debug. Hand over one of the two roles."
        found.append(Check("I-HANDSON", "late", "The commander is hands-on", text))
    elif incident.severity <= 1 and commanders:
        found.append(Check("I-HANDSON", "ok", "Commander is not hands-on", ""))
    if incident.update_due_at and now > incident.update_due_at:
        text = "Post an update, even if nothing changed."
        found.append(Check("I-UPDATE", "late", "Update overdue", text))
    elif incident.update_due_at:
        found.append(Check("I-UPDATE", "ok", "Updates are on time", ""))
    if incident.provisional:
        found.append(
            Check("I-PROVISIONAL", "warn", "Severity not confirmed", "Set the severity once you know more.")
        )
    order = {"late": 0, "warn": 1, "ok": 2}
    return sorted(found, key=lambda c: order[c.state])


def _role_check(incident: Incident, role: Role, state: str, now: datetime) -> Check:
    name, needs = ROLE_NAMES[role], _needs(incident, _role_deadline(incident, role))
    if state == "ok":
        return Check("I-ROLE", state, f"{name} assigned", "")
    if state == "warn":
        return Check("I-ROLE", state, f"No {name.lower()} yet", needs, role)
    code = "I-NOIC" if role is Role.COMMANDER else "I-ROLE"
    minutes = int((now - incident.declared_at).total_seconds() // 60)
    return Check(code, state, f"No {name.lower()} for {minutes} min", needs, role)


def _needs(incident: Incident, limit: int | None) -> str:
    return f"A SEV{incident.severity} needs one" + (f" within {limit} min." if limit else ".")


def postmortem_required(incident: Incident) -> bool:
    """Say whether a post-mortem is owed: by the worst severity that the incident ever had."""
    return FACTS[Severity(incident.max_severity)].postmortem and not incident.drill
