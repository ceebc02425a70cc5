"""The on-call report of a month, its rates, and who could cover."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from importlib import import_module
from importlib.util import find_spec

from firebell.kit.db import Tx
from firebell.kit.errors import Invalid
from firebell.kit.events import Actor
from firebell.kit.threads import DOCUMENTS
from firebell.oncall import actions as oncall
from firebell.oncall.model import Schedule
from firebell.oncall.rota.fairness import Holidays, Load, load, suggested
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.model import Person, Team
from firebell.people.permissions import Rights, Verb
from firebell.workload import measurement, pay, rate_periods, store
from firebell.workload.model import Rates, Report, Term

WINDOW = timedelta(days=60)
"""How far back and ahead load is looked at before somebody is suggested: half of it lies ahead."""
LONGEST = timedelta(days=35)
WHOLE = 25
"""Of up to so many schedules a page shows all teams at once."""


def month_named(text: str, now: datetime, field: str = "month") -> date:
    """Return the month that is written as 2026-11, the present one for nothing; raise `Invalid`."""
    if not text:
        return now.date().replace(day=1)
    try:
        return measurement.month_of(text)
    except ValueError as wrong:
        raise Invalid(f"{text[:40]!r} cannot be taken for a month.", fields={field: str(wrong)}) from wrong


async def term(tx: Tx, month: date) -> Term | None:
    """Return the rates of a month, with those that follow them; None when none were set by then."""
    return next((t for t in await all_terms(tx) if t.holds(month)), None)


async def all_terms(tx: Tx) -> list[Term]:
    """Return all rates that were ever set, the latest months first."""
    return rate_periods.rate_periods(await store.rates(tx))


async def set_rates(
    tx: Tx, actor: Actor, new: Rates, now: datetime, *, month: date | None = None, past: bool = False
) -> Term:
    """Set what on-call is paid from a month on (default the present one) until the next that is set.

    Months before keep what they had. A past month is refused unless `past` says that its pay may change.
    """
    present = month_named("", now)
    since = month or present
    _public(new, since.year)
    kept = await store.rates(tx)
    changed = rate_periods.past(kept, since, present)
    if changed and not past:
        raise Invalid(
            f"These rates would change the pay of {span(*changed)}, which may be paid already.",
            fields={"past": "Say that past months may change, or choose a later month."},
            hint="Keep the files of these months before you change them.",
        )
    found = rate_periods.rates_of(kept, since)
    if found is None or found.rates != new:
        await store.insert(tx, since, pay.to_json(new), now, actor.label)
        detail = {"changed": span(*changed)} if changed else {}
        await tx.audit(
            actor, "pay.rates", "organisation", now, month=f"{since:%Y-%m}", **pay.to_json(new), **detail
        )
        await tx.live("oncall")
    holds = await term(tx, since)
    assert holds
    return holds


def span(first: date, end: date) -> str:
    """Return months in words, `end` being the one after the last."""
    last = (end - timedelta(days=1)).replace(day=1)
    return f"{first:%Y-%m}" if first == last else f"{first:%Y-%m} to {last:%Y-%m}"


def holidays(found: Rates, month: date) -> Holidays:
    """Return the public holidays around a month where the rates say that they are kept."""
    years = {(month - timedelta(days=1)).year, measurement.following(month).year}
    return {day for year in years for day in _public(found, year)}


def _public(found: Rates, year: int) -> Holidays:
    name = "firebell.oncall.public_holidays"
    if not found.country or find_spec(name) is None:
        return ()
    public = import_module(name).public(found.country, found.subdivision, year)
    return frozenset(day for day, _ in public)


async def report(
    tx: Tx, month: date, now: datetime, team: Team | None = None, also: Collection[int] = ()
) -> Report:
    """Return a month of every schedule, team and person, or of one team and `also` people, so far."""
    low, high = measurement.bounds(month, "UTC")
    begins = low - measurement.ZONES
    low, high = low - measurement.SHIFT, high + measurement.ZONES
    schedules = await oncall.schedules(tx, since=low, until=high, archived=True)
    kept = rate_periods.rates_of(await store.rates(tx), month)
    rates = kept.rates if kept else Rates()
    measured = [s for s in schedules if s.archived_at is None or s.archived_at > begins]
    if team:
        named = measurement.named_by(s for s in measured if s.team_id == team.id) | {*also}
        measured = [s for s in measured if s.team_id == team.id or s.people & named]
    everyone = await people.people_by_id(tx, [int(u) for u in measurement.named_by(measured)])
    # hundreds of schedules take seconds, which pages must not wait for
    made = await DOCUMENTS.run(
        partial(
            measurement.report,
            month,
            measured,
            await people.teams(tx),
            everyone,
            await paging.arrivals(tx, low, high),
            rates,
            holidays(rates, month),
            now,
            team,
            also,
        )
    )
    return replace(made, kept=kept)


async def fits(tx: Tx) -> bool:
    """Say whether a page can show all teams at once."""
    return len(await oncall.names_by_id(tx)) <= WHOLE


async def team_shown(tx: Tx, person: Person, slug: str, *, whole: bool) -> Team | None:
    """Return the team whose month a page shows: the one asked for; None for all, where the `whole` fits."""
    if slug:
        return await people.team_by_slug(tx, slug)
    if whole:
        return None
    teams = await people.teams(tx)
    members = await people.members(tx, [t.id for t in teams])
    return next((t for t in teams if person.id in [i for i, _ in members[t.id]]), teams[0])


def seen_by(report: Report, person_id: int, rights: Rights) -> Report:
    """Return the report with the pay of the person alone, unless their rights include everyone's."""
    if permissions.allows(rights, Verb.PAY_READ):
        return report
    return replace(report, people=[e for e in report.people if e.row.person.id == person_id])


async def could_cover(
    tx: Tx, schedule: Schedule, start: datetime, end: datetime, now: datetime
) -> list[tuple[Person, Load]]:
    """Return who of the team is free on every schedule then, who carries least around now first."""
    if not start < end <= start + LONGEST:
        raise Invalid("There is no such stretch.", fields={"to": "Later than from, at most 35 days."})
    a, b = now - WINDOW / 2, now + WINDOW / 2
    everyone = {p.id: p for p in await people.people(tx) if p.active}
    schedules = await oncall.schedules(tx, since=min(a, start), until=max(b, end))
    team = await people.team_members(tx, schedule.team_id)
    rotating = {int(u) for layer in schedule.layers for slot in layer.slots for u in slot}
    candidates = [i for i in sorted({*team, *rotating}) if i in everyone]
    carried = load(schedules, a, b, measurement.tz_of(everyone))
    free = suggested(candidates, schedules, start, end, carried)
    return [(everyone[int(u)], carried.get(u, Load())) for u in free]
