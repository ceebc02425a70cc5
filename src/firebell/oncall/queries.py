"""Schedules with the facts around them: contacts, policies, open covers; for page, API and doctor."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.db import Tx
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

CHANGES_AHEAD = timedelta(days=90)
NIGHT = timedelta(hours=10)
"""A night with an hour that comes twice."""


async def facts(tx: Tx, schedules: Sequence[Schedule], now: datetime, until: datetime) -> Facts:
    """Return what findings of these schedules need beside them: their people, and the policies that they are in."""
    ids = {int(s.id) for s in schedules}
    asked = await swaps_store.covers(tx, schedule_ids=[*ids], since=now)
    everyone = {int(u) for s in schedules for u in s.people} | {c.requester for c in asked}
    kinds: dict[int, set[str]] = {i: set() for i in everyone}
    for method in await people.methods_of(tx, list(kinds)):
        if method.verified_at:
            kinds[method.person_id].add(method.kind)
    policies = [
        (name, steps)
        for name, steps in await checks_store.chains(tx)
        if any(ids & set(step) for step, _ in steps)
    ]
    others = list({i for _, steps in policies for step, _ in steps for i in step})
    known = {int(s.id): s for s in await store.schedules(tx, others, since=now, until=until)}
    chains = tuple(
        Chain(
            name,
            tuple(
                Step(tuple(known[i] for i in schedule_ids if i in known), more)
                for schedule_ids, more in steps
            ),
        )
        for name, steps in policies
    )
    return Facts(
        {i: p.name for i, p in (await people.people_by_id(tx, list(kinds))).items()},
        {i: Reach(bool(k - {Channel.EMAIL}), len(k)) for i, k in kinds.items()},
        chains,
        tuple(c for c in asked if c.state == CoverState.OPEN),
        tuple(c for c in asked if c.state == CoverState.WITHDRAWN),
        tuple(await swaps_store.vacations(tx, since=now)),
        tuple(Call(*row) for row in await checks_store.calls(tx, now - REST - NIGHT)),
    )


async def around(tx: Tx, schedules: Sequence[Schedule], now: datetime, until: datetime) -> Around:
    """Return what all checks of these schedules need beside them, with other schedules up to `until`."""
    ids = [int(s.id) for s in schedules]
    return Around(
        await facts(tx, schedules, now, until),
        await calendars_store.imports(tx, schedule_ids=ids),
        await store.clocks(tx, ids),
        await calendars_store.busy(tx, now, now + HORIZON),
    )


async def found_in(tx: Tx, schedules: Sequence[Schedule], now: datetime) -> dict[int, list[Finding]]:
    """Return what is wrong with schedules and their calendars within 28 days, by their ids."""
    seen = await around(tx, schedules, now, now + HORIZON)
    return {int(s.id): checks(s, now, seen) for s in schedules}


async def previewed(tx: Tx, old: Schedule, new: Schedule, now: datetime) -> Preview:
    """Return what saving `new` in place of `old` would change within 90 days, gaps within 400."""
    return preview(old, new, now, now + CHANGES_AHEAD, await around(tx, [old, new], now, now + GAPS_AHEAD))


async def person_id(tx: Tx, word: str) -> int:
    """Return whom a person's id or e-mail address means; raise `Invalid`."""
    text = word.strip().lower()
    for person in await people.people(tx):
        if text in (person.email, str(person.id)):
            return person.id
    raise Invalid(
        f"No person has the ID or email address {word.strip()[:80]!r}.",
        fields={"person": "Enter an ID or email address."},
    )
