"""Time limits, facts and answers in words, the same on every screen; pure."""

from collections.abc import Mapping
from datetime import datetime

from firebell.kit.localtime import zone
from firebell.regulatory.model import (
    STOPPED,
    SUBMITTED,
    AppliedRegime,
    Clock,
    FactDefinition,
    Limit,
    Obligation,
    State,
    Unit,
)

STATE_LABELS = {
    State.RUNNING: "Running",
    State.DUE_SOON: "Due soon",
    State.OVERDUE: "Overdue",
    State.UNDECIDED: "Not decided",
    State.WAITING: "Not started",
    State.MET: "Submitted",
    State.LATE: "Submitted late",
    State.NOT_APPLICABLE: "Not applicable",
    State.STOPPED: "Stopped",
}
STATE_HUES = {
    State.RUNNING: "live",
    State.DUE_SOON: "warn",
    State.OVERDUE: "late",
    State.MET: "done",
    State.LATE: "late",
}
"""The `data-state` of a screen for each state; all others are idle."""
_UNITS = {
    Unit.HOURS: ("hour", "hours"),
    Unit.DAYS: ("day", "days"),
    Unit.BUSINESS_DAYS: ("business day", "business days"),
    Unit.MONTHS: ("month", "months"),
}


def fact_label(fact: str, definitions: Mapping[str, FactDefinition]) -> str:
    """Return a fact as a phrase without a question mark; a submission or a stop names its obligation."""
    for prefix, done in ((SUBMITTED, "submitted"), (STOPPED, "stopped")):
        if fact.startswith(prefix):
            return f"{fact.removeprefix(prefix)} {done}"
    definition = definitions.get(fact)
    return definition.label.rstrip("?") if definition else fact


def limit_text(limit: Limit, definitions: Mapping[str, FactDefinition]) -> str:
    """Return a time limit as a phrase, such as 72 hours after “Became aware”."""
    amount = f"{limit.amount} {_UNITS[limit.unit][limit.amount != 1]}"
    of_year = "the end of the year of " if limit.from_year_end else ""
    until = f", until {limit.at:%H:%M}" if limit.at else ""
    return f"{amount} after {of_year}“{fact_label(limit.after, definitions)}”{until}"


def limits_text(obligation: Obligation, definitions: Mapping[str, FactDefinition]) -> str:
    """Return the time limits of an obligation; of several, the earliest counts."""
    texts = " or ".join(limit_text(limit, definitions) for limit in obligation.limits)
    earliest = ", the earlier one" if len(obligation.limits) > 1 else ""
    prompt = " (default of Firebell; the rule says without undue delay)" if obligation.is_prompt else ""
    return f"{texts}{earliest}{prompt}"


def unverified(applied: AppliedRegime) -> int:
    """Return the number of time limits of a regime that were not checked against a source."""
    return sum(not obligation.checked for obligation in applied.regime.obligations)


def excluded_text(clock: Clock, definitions: Mapping[str, FactDefinition]) -> str:
    """Return why a clock does not apply, empty if it does."""
    if clock.state is not State.NOT_APPLICABLE:
        return ""
    if not clock.excluded_by:
        return "The rule was not in force, or the incident was dismissed."
    answer = "no" if clock.excluded_by in clock.obligation.applies_if else "yes"
    return f"“{fact_label(clock.excluded_by, definitions)}”: {answer}"


def local_text(at: datetime, tz: str) -> str:
    """Return an instant in ISO 8601 in a time zone, with its offset."""
    return at.astimezone(zone(tz)).isoformat()
