"""The escalation triggers E1 to E8 (spec 4.2); pure.

Each asks the commander at once and, unanswered for five minutes, pages the next tier. At SEV2 and SEV3 only a
request for an expert pages.
"""

from datetime import datetime, timedelta

from firebell.incidents.model import ROLE_NAMES, IncidentRole
from firebell.incidents.severity import FACTS, Severity
from firebell.response.model import ANSWER_WITHIN, NEXT_TIER, How, ResponseFacts, ResponseStep

NO_PROGRESS = timedelta(minutes=30)
EXPERT_WITHIN = timedelta(minutes=10)
OTHER_ROLES_WITHIN = timedelta(minutes=15)
ROLE_AGAIN = timedelta(minutes=15)
"""How long after an escalation for a missing role the next one follows."""
RESOLVE_TARGET = timedelta(hours=1)
DUTY_LIMIT = timedelta(hours=4)
DUTY_LIMIT_HARD = timedelta(hours=8)
UPDATE_OVERDUE_SHARE = 0.5
CLOCK_SHARE_LEFT = 0.25
PROGRESS_KINDS = frozenset({"phase", "finding", "decision", "mitigation", "severity"})
"""The timeline entries that are progress; a bare update is not."""


def steps(facts: ResponseFacts) -> list[ResponseStep]:
    """Return the triggers of an active incident; those of SEV2 and SEV3 are expertise, updates and clocks."""
    listed = [*_experts(facts), *_update(facts), *_clocks(facts)]
    if facts.severity <= 1:
        listed += [*_progress(facts), *_raise(facts), *_roles(facts), *_duration(facts), *_duty(facts)]
    return listed


def role_within(severity: int, role: str) -> timedelta:
    """Return how long after the declaration a required role must be assigned."""
    within = FACTS[Severity(severity)].commander_within
    if role == IncidentRole.COMMANDER and within is not None:
        return timedelta(minutes=within)
    return OTHER_ROLES_WITHIN


def _step(code: str, key: str, at: datetime, text: str, how: How = How.PAGE) -> ResponseStep:
    return ResponseStep(f"{code}:{key}", at + ANSWER_WITHIN, how, NEXT_TIER, code, text, ask_at=at)


def _how(facts: ResponseFacts) -> How:
    """Return what an unanswered trigger does: SEV2 and SEV3 page no one without a request."""
    return How.PAGE if facts.severity <= 1 else How.ASK


def _last_act(facts: ResponseFacts, prefix: str) -> datetime | None:
    """Return when a step of this prefix acted last, None for never."""
    acted = [s.acted_at for key, s in facts.states.items() if key.startswith(prefix) and s.acted_at]
    return max(acted, default=None)


def _progress(facts: ResponseFacts) -> list[ResponseStep]:
    base = max(filter(None, [facts.since, facts.progress_at, _last_act(facts, "E1:")]))
    return [_step("E1", base.isoformat(), base + NO_PROGRESS, "No progress for 30 min")]


def _raise(facts: ResponseFacts) -> list[ResponseStep]:
    if facts.raised_at is None:
        return []
    return [_step("E2", facts.raised_at.isoformat(), facts.raised_at, "The severity was raised")]


def _experts(facts: ResponseFacts) -> list[ResponseStep]:
    listed = []
    for request in facts.requests:
        if request.answered_at is None:
            prefix = f"E3:{request.id}:"
            base = _last_act(facts, prefix) or request.requested_at
            text = f"No expert answered: {request.need}"
            listed.append(_step("E3", f"{request.id}:{base.isoformat()}", base + EXPERT_WITHIN, text))
    return listed


def _roles(facts: ResponseFacts) -> list[ResponseStep]:
    listed = []
    for role in facts.missing_roles:
        acted = _last_act(facts, f"E4:{role}:")
        # after a raise, missing roles are due now
        since = facts.declared_at if facts.raised_at else facts.since
        deadline = max(since + role_within(facts.severity, role), facts.raised_at or facts.declared_at)
        at = max(deadline, acted + ROLE_AGAIN) if acted else deadline
        text = f"No {ROLE_NAMES[IncidentRole(role)].lower()}"
        listed.append(_step("E4", f"{role}:{at.isoformat()}", at, text))
    return listed


def _update(facts: ResponseFacts) -> list[ResponseStep]:
    if facts.update_due is None or facts.update_from is None:
        return []
    at = facts.update_due + (facts.update_due - facts.update_from) * UPDATE_OVERDUE_SHARE
    return [_step("E5", facts.update_due.isoformat(), at, "The update is overdue", _how(facts))]


def _duration(facts: ResponseFacts) -> list[ResponseStep]:
    at = facts.declared_at + RESOLVE_TARGET
    return [_step("E6", facts.since.isoformat(), max(at, facts.since), "Over the target of 1 h")]


def _duty(facts: ResponseFacts) -> list[ResponseStep]:
    if facts.commander_since is None:
        return []
    person_id, since = facts.commander_since
    key, at = f"{person_id}:{since.isoformat()}", since + DUTY_LIMIT
    ask = _step("E7", key, at, "Commander for 4 h: hand over", How.ASK)
    if facts.severity == 0:
        limit = _step("E7", f"{key}:hard", since + DUTY_LIMIT_HARD, "Commander for 8 h: hand over")
        return [ask, limit]
    return [ask]


def _clocks(facts: ResponseFacts) -> list[ResponseStep]:
    return [
        _step(
            "E8",
            f"{clock.id}:{clock.due_at.isoformat()}",
            clock.due_at - (clock.due_at - clock.starts_at) * CLOCK_SHARE_LEFT,
            f"A regulatory deadline is close: {clock.id}",
            _how(facts),
        )
        for clock in facts.clocks
    ]
