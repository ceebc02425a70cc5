"""Findings and previews of schedules, with the facts that they need: contacts, policies, cover requests."""

from collections.abc import Sequence, Set
from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.oncall.calendars import store as calendars_store
from firebell.oncall.checks import store as checks_store
from firebell.oncall.checks.report import Around, checks
from firebell.oncall.checks.rules import HORIZON, REST, Call, Chain, Facts, Finding, Reach, Step
from firebell.oncall.model import CoverState, Schedule
from firebell.oncall.schedules import store
from firebell.oncall.schedules.preview import GAPS_AHEAD, Preview, preview
from firebell.oncall.swaps import store as swaps_store
from firebell.people import actions as people
from firebell.people.model import Channel

PREVIEW_AHEAD = timedelta(days=90)
LONGEST_NIGHT = timedelta(hours=10)
"""A night in which an hour repeats because the clock goes back."""


async def facts(tx: Tx, schedules: Sequence[Schedule], now: datetime, until: datetime) -> Facts:
    """Return the facts that findings of these schedules need: their people, policies, requests and absences."""
    ids = {int(s.id) for s in schedules}
    covers = await swaps_store.covers(tx, schedule_ids=[*ids], since=now)
    person_ids = {int(u) for s in schedules for u in s.people} | {c.requester for c in covers}
    verified: dict[int, set[str]] = {person_id: set() for person_id in person_ids}
    for method in await people.methods_of(tx, list(verified)):
        if method.is_verified:
            verified[method.person_id].add(method.kind)
    return Facts(
        names={i: p.name for i, p in (await people.people_by_id(tx, list(verified))).items()},
        reach={
            i: Reach(wakes=bool(kinds - {Channel.EMAIL}), ways=len(kinds)) for i, kinds in verified.items()
        },
        chains=await _chains(tx, ids, now, until),
        covers=tuple(c for c in covers if c.state == CoverState.OPEN),
        kept=tuple(c for c in covers if c.state == CoverState.WITHDRAWN),
        vacations=tuple(await swaps_store.vacations(tx, since=now)),
        calls=tuple(Call(*row) for row in await checks_store.calls(tx, now - REST - LONGEST_NIGHT)),
    )


async def _chains(tx: Tx, schedule_ids: Set[int], now: datetime, until: datetime) -> tuple[Chain, ...]:
    """Return the policies that notify one of these schedules, with all schedules of their levels."""
    policies = [
        (name, levels)
        for name, levels in await checks_store.chains(tx)
        if any(schedule_ids & set(level_ids) for level_ids, _ in levels)
    ]
    all_ids = list({i for _, levels in policies for level_ids, _ in levels for i in level_ids})
    schedules = {int(s.id): s for s in await store.schedules(tx, all_ids, since=now, until=until)}
    return tuple(
        Chain(
            name,
            tuple(
                Step(tuple(schedules[i] for i in level_ids if i in schedules), has_people)
                for level_ids, has_people in levels
            ),
        )
        for name, levels in policies
    )


async def around(tx: Tx, schedules: Sequence[Schedule], now: datetime, until: datetime) -> Around:
    """Return everything that the checks of these schedules need, with other schedules up to `until`."""
    ids = [int(s.id) for s in schedules]
    return Around(
        facts=await facts(tx, schedules, now, until),
        imports=await calendars_store.imports(tx, schedule_ids=ids),
        clocks=await store.clocks(tx, ids),
        busy=await calendars_store.busy(tx, now, now + HORIZON),
    )


async def found_in(tx: Tx, schedules: Sequence[Schedule], now: datetime) -> dict[int, list[Finding]]:
    """Return the findings of schedules and their calendars within 28 days, by schedule id."""
    context = await around(tx, schedules, now, now + HORIZON)
    return {int(s.id): checks(s, now, context) for s in schedules}


async def previewed(tx: Tx, old: Schedule, new: Schedule, now: datetime) -> Preview:
    """Return the effect of saving `new` in place of `old` within 90 days, for gaps within 400."""
    return preview(old, new, now, now + PREVIEW_AHEAD, await around(tx, [old, new], now, now + GAPS_AHEAD))


async def person_id(tx: Tx, ref: str) -> int:
    """Return the id of the person with this id or email address; raise Invalid if there is none."""
    wanted = ref.strip().lower()
    for person in await people.people(tx):
        if wanted in (person.email, str(person.id)):
            return person.id
    raise Invalid(
        f"No person has the ID or email address {ref.strip()[:80]!r}.",
        fields={"person": "Enter an ID or email address."},
    )
