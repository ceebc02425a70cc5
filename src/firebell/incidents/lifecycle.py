"""Phases of an incident and their guards, update intervals, and when a post-mortem is required (spec 4.2); pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.model import ACTIVE, Incident, IncidentRole, Phase
from firebell.incidents.severity import FACTS, Severity

STABILITY_PERIOD = timedelta(minutes=30)
"""How long an incident stays in monitoring before it can be closed."""
REOPEN_WITHIN = timedelta(hours=24)
LOWER_AFTER_RAISE = timedelta(minutes=15)
POSTMORTEM_WITHIN = timedelta(hours=48)

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

    roles: frozenset[IncidentRole]
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
        case Phase.INVESTIGATING if incident.severity <= 1 and IncidentRole.COMMANDER not in facts.roles:
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


def postmortem_required(incident: Incident) -> bool:
    """Return True if the incident requires a post-mortem, which its peak severity decides."""
    return FACTS[Severity(incident.max_severity)].postmortem and not incident.drill
