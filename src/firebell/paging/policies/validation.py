"""Validation of an escalation policy: its levels, targets, delays, conditions and repeats."""

from collections.abc import Iterator
from dataclasses import replace

from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.kit.localtime import check_zone
from firebell.kit.text import clean_name
from firebell.oncall.schedules import actions as oncall_actions
from firebell.oncall.schedules import queries as oncall
from firebell.paging.level_conditions import check_conditions
from firebell.paging.model import MAX_MIN_ACKS, Plan, Target, TargetKind
from firebell.people import actions as people


async def checked_plan(tx: Tx, plan: Plan) -> Plan:
    """Return the plan of a policy with a clean name; raise `Invalid` naming the field that is wrong."""
    levels, timeout_s = plan.levels, plan.ack_timeout_s
    check_zone(plan.tz)
    if not levels or any(not level.targets for level in levels):
        raise Invalid(
            "Every level needs a target.", fields={"levels": "Choose at least one target per level."}
        )
    if len(levels) > 20:
        raise Invalid("The policy has more than 20 levels.", fields={"levels": "Use at most 20 levels."})
    if any(not 60 <= level.ack_within_s <= 86400 for level in levels):
        raise Invalid(
            "The escalation delay is out of range.", fields={"ack_within": "Enter 1 to 1440 minutes."}
        )
    if not 0 <= plan.repeat <= 9:
        raise Invalid("The number of repeats is out of range.", fields={"repeat": "Enter 0 to 9."})
    if timeout_s is not None and not 60 <= timeout_s <= 86400:
        raise Invalid(
            "The acknowledgment timeout is out of range.", fields={"ack_timeout": "Enter 1 to 1440 minutes."}
        )
    if any(not 1 <= level.min_acks <= MAX_MIN_ACKS for level in levels):
        raise Invalid(
            "The number of acknowledgments is out of range.",
            fields={"min_acks": f"Enter 1 to {MAX_MIN_ACKS}."},
        )
    check_conditions([level.conditions for level in levels])
    known = {
        TargetKind.PERSON: {p.id for p in await people.people(tx)},
        TargetKind.TEAM: {t.id for t in await people.teams(tx)},
        TargetKind.SCHEDULE: set(await oncall.names_by_id(tx)),
    }
    for target in _targets(plan):
        if target.id not in known[target.kind]:
            raise _no_such(target)
    return replace(plan, name=clean_name(plan.name, "name"))


async def held_plan(tx: Tx, plan: Plan) -> Plan:
    """Return what `checked_plan` returns; until the transaction ends, none of its schedules is deleted.

    A schedule that a policy notifies cannot be deleted, and its deletion sees only policies that are committed.
    """
    plan = await checked_plan(tx, plan)
    notified = {target.id: target for target in _targets(plan) if target.kind is TargetKind.SCHEDULE}
    held = await oncall_actions.hold(tx, sorted(notified))
    if deleted := sorted(notified.keys() - held):
        raise _no_such(notified[deleted[0]])
    return plan


def _targets(plan: Plan) -> Iterator[Target]:
    return (target for level in plan.levels for target in level.targets)


def _no_such(target: Target) -> Invalid:
    return Invalid(
        f"There is no {target.kind} {target.id}.", fields={"levels": "Choose a target that exists."}
    )
