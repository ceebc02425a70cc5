"""Findings and previews of schedules, with the facts that they need: contacts, policies, cover requests."""

from collections.abc import Sequence, Set
from datetime import datetime, timedelta

from firebell.channels.registry import independent_ways, wakes
from firebell.kit.db.database import Tx
from firebell.oncall.calendars import store as calendars_store
from firebell.oncall.checks import store as checks_store
from firebell.oncall.checks.all_checks import CheckContext, checks
from firebell.oncall.checks.preview import GAPS_AHEAD, Preview, preview
from firebell.oncall.checks.rules import (
    CHECKS_HORIZON,
    REST_AFTER_BAD_NIGHT,
    CheckFacts,
    PolicyChain,
    PolicyLevel,
    Reach,
    ScheduleFinding,
)
from firebell.oncall.model import CoverState, Schedule
from firebell.oncall.schedules import store
from firebell.oncall.swaps import store as swaps_store
from firebell.people import actions as people

PREVIEW_AHEAD = timedelta(days=90)
LONGEST_NIGHT = timedelta(hours=10)
"""A night in which an hour repeats because the clock goes back."""


async def facts(tx: Tx, schedules: Sequence[Schedule], now: datetime, until: datetime) -> CheckFacts:
    """Return the facts that findings of these schedules need: their people, policies, requests and absences."""
    ids = {s.id for s in schedules}
    covers = await swaps_store.covers(tx, schedule_ids=[*ids], since=now)
    person_ids = {u for s in schedules for u in s.people} | {c.requester for c in covers}
    verified: dict[int, set[str]] = {person_id: set() for person_id in person_ids}
    for method in await people.methods_of(tx, list(verified)):
        if method.is_verified:
            verified[method.person_id].add(method.kind)
    return CheckFacts(
        names={i: p.name for i, p in (await people.people_by_id(tx, list(verified))).items()},
        reach={i: Reach(any(map(wakes, kinds)), independent_ways(kinds)) for i, kinds in verified.items()},
        policies=await _chains(tx, ids, now, until),
        covers=tuple(c for c in covers if c.state == CoverState.OPEN),
        withdrawn_covers=tuple(c for c in covers if c.state == CoverState.WITHDRAWN),
        absences=tuple(await swaps_store.absences(tx, since=now)),
        urgent_calls=tuple(await checks_store.urgent_calls(tx, now - REST_AFTER_BAD_NIGHT - LONGEST_NIGHT)),
    )


async def _chains(tx: Tx, schedule_ids: Set[int], now: datetime, until: datetime) -> tuple[PolicyChain, ...]:
    """Return the policies that notify one of these schedules, with all schedules of their levels."""
    policies = [
        (name, levels)
        for name, levels in await checks_store.chains(tx)
        if any(schedule_ids & set(level_ids) for level_ids, _ in levels)
    ]
    all_ids = list({i for _, levels in policies for level_ids, _ in levels for i in level_ids})
    schedules = {s.id: s for s in await store.schedules(tx, all_ids, since=now, until=until)}
    return tuple(
        PolicyChain(
            name,
            tuple(
                PolicyLevel(tuple(schedules[i] for i in level_ids if i in schedules), has_people)
                for level_ids, has_people in levels
            ),
        )
        for name, levels in policies
    )


async def check_context(
    tx: Tx, schedules: Sequence[Schedule], now: datetime, until: datetime
) -> CheckContext:
    """Return everything that the checks of these schedules need, with other schedules up to `until`."""
    ids = [s.id for s in schedules]
    return CheckContext(
        facts=await facts(tx, schedules, now, until),
        imports=await calendars_store.imports(tx, schedule_ids=ids),
        clocks=await store.clocks(tx, ids),
        busy=await calendars_store.busy(tx, now, now + CHECKS_HORIZON),
    )


async def findings_of(
    tx: Tx, schedules: Sequence[Schedule], now: datetime
) -> dict[int, list[ScheduleFinding]]:
    """Return the findings of schedules and their calendars within 28 days, by schedule id."""
    context = await check_context(tx, schedules, now, now + CHECKS_HORIZON)
    return {s.id: checks(s, now, context) for s in schedules}


async def preview_of(tx: Tx, old: Schedule, new: Schedule, now: datetime) -> Preview:
    """Return the effect of saving `new` in place of `old` within 90 days, for gaps within 400."""
    return preview(
        old, new, now, now + PREVIEW_AHEAD, await check_context(tx, [old, new], now, now + GAPS_AHEAD)
    )
