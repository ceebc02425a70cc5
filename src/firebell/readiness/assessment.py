"""Assess readiness: the 16 rules, the states of the items, and the score (pure, spec 11.14)."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from firebell.readiness import phase_1_2_rules, phase_3_4_rules
from firebell.readiness.facts import ReadinessFacts
from firebell.readiness.model import (
    BY_ID,
    CHECKPOINTS,
    Assessment,
    Condition,
    Item,
    ItemState,
    Waiver,
)
from firebell.readiness.rule_parts import Rule

EXPIRES_WITHIN = timedelta(days=14)
"""An item that would be missing so soon is expiring; of a shorter proof, in the second half of its time."""

RULES: Mapping[str, Rule] = {
    "1.1": phase_1_2_rules.severity_levels,
    "1.2": phase_1_2_rules.alert_platform,
    "1.3": phase_1_2_rules.rotation,
    "1.4": phase_1_2_rules.incident_channel,
    "2.1": phase_1_2_rules.five_runbooks,
    "2.2": phase_1_2_rules.status_page,
    "2.3": phase_1_2_rules.trained_team,
    "2.4": phase_1_2_rules.tabletop,
    "3.1": phase_3_4_rules.first_postmortem,
    "3.2": phase_3_4_rules.postmortem_cadence,
    "3.3": phase_3_4_rules.dashboards,
    "3.4": phase_3_4_rules.actions_in_planning,
    "4.1": phase_3_4_rules.automatic_declaration,
    "4.2": phase_3_4_rules.runbook_automation,
    "4.3": phase_3_4_rules.monthly_drills,
    "4.4": phase_3_4_rules.quarterly_reviews,
}


def _expires_soon(condition: Condition, now: datetime) -> bool:
    """Return True if a condition ends within 14 days, of a shorter proof in the second half of its time."""
    if condition.until is None:
        return False
    limit = min(EXPIRES_WITHIN, condition.window / 2) if condition.window else EXPIRES_WITHIN
    return condition.until - now < limit


def assess(facts: ReadinessFacts, waivers: Mapping[str, Waiver], now: datetime) -> Assessment:
    """Return the state of each item and the score. The same facts at the same instant give the same result."""
    items = []
    for checkpoint in CHECKPOINTS:
        ruling = RULES[checkpoint.id](facts, now)
        waiver = waivers.get(checkpoint.id)
        is_met = bool(ruling.conditions) and all(condition.ok for condition in ruling.conditions)
        soon = any(_expires_soon(condition, now) for condition in ruling.conditions)
        state = ItemState.EXPIRING if is_met and soon else ItemState.MET if is_met else ItemState.MISSING
        if waiver is not None and waiver.until > now:
            state = ItemState.WAIVED
        ends = [condition.until for condition in ruling.conditions if condition.until is not None]
        items.append(
            Item(
                checkpoint=BY_ID[checkpoint.id],
                state=state,
                conditions=tuple(ruling.conditions),
                evidence=tuple(ruling.evidence),
                valid_until=min(ends, default=None) if is_met else None,
                waiver=waiver if state is ItemState.WAIVED else None,
            )
        )
    return Assessment(tuple(items), score_of(items))


def score_of(items: Sequence[Item]) -> int:
    """Return the score from 0 to 100; without an item that counts it is 0."""
    counted = [item for item in items if item.state is not ItemState.WAIVED]
    return round(100 * sum(item.share for item in counted) / len(counted)) if counted else 0
