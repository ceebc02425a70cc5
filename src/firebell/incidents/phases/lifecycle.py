"""Phases of an incident and their guards, and when a post-mortem is required (spec 4.2); pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.incidents.closing import rules as closing_rules
from firebell.incidents.model import ACTIVE, UNDECLARED, Incident, IncidentRole, Phase
from firebell.incidents.severity import FACTS, Severity

REOPEN_WITHIN = timedelta(hours=24)
REFIRE_CHECK_INTERVAL = timedelta(minutes=1)
"""How often the alerts of an incident in monitoring are checked for one that fires again."""
LATER_REFIRE_CHECK_INTERVAL = timedelta(minutes=10)
"""The same, once the incident was stable for an hour."""
ALLOWED: dict[Phase, tuple[Phase, ...]] = {
    Phase.DETECTED: (Phase.TRIAGING, Phase.DECLARED, Phase.DISMISSED, Phase.MERGED),
    Phase.TRIAGING: (Phase.DECLARED, Phase.DISMISSED, Phase.MERGED),
    Phase.DECLARED: (
        *(Phase.INVESTIGATING, Phase.MITIGATING, Phase.MONITORING, Phase.RESOLVED),
        *(Phase.DISMISSED, Phase.MERGED),
    ),
    Phase.INVESTIGATING: (
        *(Phase.MITIGATING, Phase.MONITORING, Phase.RESOLVED, Phase.DISMISSED, Phase.MERGED),
    ),
    Phase.MITIGATING: (Phase.INVESTIGATING, Phase.MONITORING, Phase.RESOLVED, Phase.MERGED),
    Phase.RESOLVED: (Phase.MONITORING,),
    Phase.MONITORING: (Phase.CLOSED, Phase.MITIGATING, Phase.INVESTIGATING, Phase.MERGED),
    Phase.CLOSED: (Phase.REVIEWED, Phase.INVESTIGATING),
    Phase.REVIEWED: (),
    Phase.DISMISSED: (),
    Phase.MERGED: (),
}
"""The phases that can follow each phase. Resolving an incident moves it to monitoring at once, so that monitoring
is another name for resolved where both can follow."""
BY_OTHER_ACTIONS = (Phase.DECLARED, Phase.RESOLVED, Phase.MERGED)
"""The phases that no one selects from a list: a declaration has a severity, a merge has a target, and resolved is
monitoring."""


@dataclass(frozen=True, slots=True)
class GuardFacts:
    """What the guards need besides the incident; `unmet` has one sentence per closing condition that is not met."""

    roles: frozenset[IncidentRole]
    unmet: tuple[str, ...] = ()
    mitigation_recorded: bool = False
    published: bool = False
    reason: str = ""
    actor_id: int | None = None


def refusal(incident: Incident, to: Phase, facts: GuardFacts, now: datetime) -> str | None:
    """Return why the incident may not move to `to` now, None if it may."""
    if not_allowed := pair_refusal(incident, to):
        return not_allowed
    match to:
        case Phase.INVESTIGATING if incident.phase is Phase.CLOSED and incident.backfilled:
            return "It was recorded afterwards. Declare a new incident and link it to this one."
        case Phase.INVESTIGATING if incident.phase is Phase.CLOSED:
            if incident.closed_at and now - incident.closed_at > REOPEN_WITHIN:
                return "It was closed more than 24 hours ago. Declare a new incident and link it to this one."
        case Phase.INVESTIGATING if incident.severity <= 1 and IncidentRole.COMMANDER not in facts.roles:
            return f"Assign a commander first: every SEV{incident.severity} needs one."
        case Phase.MITIGATING if incident.phase in ACTIVE and not facts.mitigation_recorded:
            return "Record a mitigation first."
        case Phase.MONITORING | Phase.RESOLVED if incident.phase in ACTIVE and not facts.mitigation_recorded:
            return "Record a mitigation first, even if the system recovered on its own."
        case Phase.CLOSED if facts.unmet:
            return " ".join(facts.unmet)
        case Phase.REVIEWED if postmortem_required(incident) and not facts.published:
            return "Publish the post-mortem first."
        case _:
            return None
    return None


def pair_refusal(incident: Incident, to: Phase) -> str | None:
    """Return why no incident in this phase may move to `to`, with the phases that may follow; None if it may."""
    allowed = ALLOWED[incident.phase]
    if to in allowed:
        return None
    if not allowed:
        return f"{incident.ref} is {incident.phase}, so its phase can't change anymore."
    return f"{incident.ref} is {incident.phase} and can only move to {' or '.join(allowed)}."


def dismissal_refusal(incident: Incident, facts: GuardFacts) -> str | None:
    """Return why this person may not dismiss the incident, None if they may. No reason skips this check.

    A provisional SEV0 is dismissed by someone other than who declared it (spec 4.2).
    """
    if not facts.reason.strip():
        return "Enter why it was a false alarm."
    is_own = facts.actor_id is not None and facts.actor_id == incident.declared_by
    if incident.provisional and incident.severity == 0 and incident.phase in ACTIVE and is_own:
        return "A second person must dismiss a SEV0 that isn't confirmed. Ask someone who didn't declare it."
    return None


def effective_refusal(effective_at: datetime, previous_at: datetime, now: datetime) -> str | None:
    """Return why a change of phase can't have happened at this time, None if it can."""
    if effective_at > now:
        return "The time is in the future. Enter when it happened, or leave it blank."
    if effective_at < previous_at:
        return f"The phase before began at {previous_at:%Y-%m-%d %H:%M} UTC. Enter a later time."
    return None


def reached(before: Phase, to: Phase) -> tuple[Phase, ...]:
    """Return the phases that a move enters, in order: resolving enters resolved, and monitoring at once."""
    if to in (Phase.RESOLVED, Phase.MONITORING) and before in ACTIVE:
        return (Phase.RESOLVED, Phase.MONITORING)
    return (to,)


def continues_impact(merged: Incident, into: Incident) -> bool:
    """Return True if merging one incident shows that the impact of the other, which is monitored, has not ended.

    The impact of the first one continues, or it was reported after the impact of the second had ended.
    """
    return into.phase is Phase.MONITORING and (
        merged.phase in ACTIVE or (merged.phase in UNDECLARED and is_after_end(into, merged.detected_at))
    )


def is_after_end(incident: Incident, at: datetime) -> bool:
    """Return True if the incident is monitored and `at` is after the end of its impact."""
    since = incident.stable_since
    return incident.phase is Phase.MONITORING and since is not None and at > since


def refire_interval(stable_since: datetime | None, now: datetime) -> timedelta:
    """Return when the alerts of an incident in monitoring are checked again."""
    is_recent = stable_since is None or now - stable_since < 2 * closing_rules.STABILITY_PERIOD
    return REFIRE_CHECK_INTERVAL if is_recent else LATER_REFIRE_CHECK_INTERVAL


def postmortem_required(incident: Incident) -> bool:
    """Return True if the incident requires a post-mortem, which its peak severity decides."""
    return FACTS[Severity(incident.max_severity)].postmortem and not incident.drill
