"""The monthly on-call report, its pay rates, and who could cover."""

from collections.abc import Collection
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial

from firebell.kit import public_holidays
from firebell.kit.calendar_periods import next_month
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.findings import Finding
from firebell.kit.threads import DOCUMENTS
from firebell.oncall.model import Schedule
from firebell.oncall.rota.fairness import Holidays, Load, load, suggested
from firebell.oncall.schedules import queries as oncall
from firebell.paging import actions as paging
from firebell.people import actions as people
from firebell.people import permissions
from firebell.people.action_permissions import permits
from firebell.people.model import Person, Team
from firebell.people.permissions import Rights, Verb
from firebell.workload import fatigue_store, monthly_report, pay, rate_periods, rate_store
from firebell.workload.call_measures import FATIGUE_PERIOD
from firebell.workload.fatigue import findings
from firebell.workload.model import RatePeriod, Rates, WorkloadReport

SUGGESTION_WINDOW = timedelta(days=60)
"""Suggestions for cover compare the workload in this window, half of it in the future."""
MAX_COVER_LENGTH = timedelta(days=35)
MAX_SCHEDULES_FOR_ALL_TEAMS = 25
"""With more schedules than this, the web shows one team at a time."""


def month_named(text: str, now: datetime, field: str = "month") -> date:
    """Parse a month such as 2026-11, "" meaning the current one; raise `Invalid`."""
    if not text:
        return now.date().replace(day=1)
    try:
        return monthly_report.month_of(text)
    except ValueError as error:
        raise Invalid(f"{text[:40]!r} is not a valid month.", fields={field: str(error)}) from error


async def rate_period(tx: Tx, month: date) -> RatePeriod | None:
    """Return the rates of a month and until when they apply; None if none were set by then."""
    return next((t for t in await all_rate_periods(tx) if t.holds(month)), None)


async def all_rate_periods(tx: Tx) -> list[RatePeriod]:
    """Return all rates that were ever set, latest month first."""
    return rate_periods.rate_periods(await rate_store.rates(tx))


@permits(Verb.PAY_RATES_WRITE)
async def set_rates(
    tx: Tx, actor: Actor, new: Rates, now: datetime, *, month: date | None = None, past: bool = False
) -> RatePeriod:
    """Set the pay rates from a month on (default: the current one) until the next month that has its own.

    Earlier months keep theirs. Raise `Invalid` for a past month unless `past` allows its pay to change.
    """
    current_month = month_named("", now)
    since = month or current_month
    _public_holidays(new, since.year)
    all_rates = await rate_store.rates(tx)
    changed = rate_periods.past(all_rates, since, current_month)
    if changed and not past:
        raise Invalid(
            f"These rates would change the pay of {span(*changed)}, which may have been paid already.",
            fields={"past": "Confirm the change of past months, or choose a later month."},
            hint="Download the CSV files of these months before you change them.",
        )
    previous = rate_periods.rates_of(all_rates, since)
    if previous is None or previous.rates != new:
        await rate_store.insert(tx, since, pay.to_json(new), now, actor.label)
        detail = {"changed": span(*changed)} if changed else {}
        await tx.audit(
            actor, "pay.rates", "organization", now, month=f"{since:%Y-%m}", **pay.to_json(new), **detail
        )
        await tx.live("oncall")
    saved = await rate_period(tx, since)
    assert saved
    return saved


def span(first: date, end: date) -> str:
    """Return the months `[first, end)` as text, such as 2026-10 to 2026-12."""
    last = (end - timedelta(days=1)).replace(day=1)
    return f"{first:%Y-%m}" if first == last else f"{first:%Y-%m} to {last:%Y-%m}"


def holidays(rates: Rates, month: date) -> Holidays:
    """Return the public holidays around a month, in the country of the rates."""
    years = {(month - timedelta(days=1)).year, next_month(month).year}
    return {day for year in years for day in _public_holidays(rates, year)}


def _public_holidays(rates: Rates, year: int) -> Holidays:
    if not rates.country:
        return ()
    return frozenset(day for day, _ in public_holidays.of_year(rates.country, rates.subdivision, year))


async def report(
    tx: Tx, month: date, now: datetime, team: Team | None = None, also: Collection[int] = ()
) -> WorkloadReport:
    """Return the report of a month up to now: of everyone, or of one team and the people in `also`."""
    low, high = monthly_report.bounds(month, "UTC")
    starts = low - monthly_report.TIME_ZONE_MARGIN
    low, high = low - monthly_report.SHIFT_LOOKBACK, high + monthly_report.TIME_ZONE_MARGIN
    schedules = await oncall.schedules(tx, since=low, until=high, archived=True)
    dated_rates = rate_periods.rates_of(await rate_store.rates(tx), month)
    rates = dated_rates.rates if dated_rates else Rates()
    measured = [s for s in schedules if s.archived_at is None or s.archived_at > starts]
    if team:
        named = monthly_report.named_by(s for s in measured if s.team_id == team.id) | {*also}
        measured = [s for s in measured if s.team_id == team.id or s.people & named]
    people_by_id = await people.people_by_id(tx, list(monthly_report.named_by(measured)))
    arrivals = await paging.arrivals(tx, min(starts, now - FATIGUE_PERIOD), high, list(people_by_id))
    # hundreds of schedules take seconds, and pages must not wait for them
    measured_report = await DOCUMENTS.run(
        partial(
            monthly_report.report,
            month,
            measured,
            await people.teams(tx),
            people_by_id,
            arrivals,
            rates,
            holidays(rates, month),
            now,
            team,
            also,
        )
    )
    recent_pages = {page_id for each in measured_report.people for page_id in each.row.calls.recent_pages}
    incidents = await fatigue_store.incidents_of_pages(tx, recent_pages)
    complete = await DOCUMENTS.run(partial(monthly_report.with_incidents, measured_report, incidents))
    return replace(complete, dated_rates=dated_rates)


async def fatigue(tx: Tx, report: WorkloadReport) -> list[Finding]:
    """Return who had too many pages in the month of a report, and which teams have too much noise."""
    low, high = monthly_report.bounds(report.month, "UTC")
    end = min(high, report.until)
    noise = await fatigue_store.noise_of_teams(
        tx, [share.of.id for share in report.teams], end - FATIGUE_PERIOD, end
    )
    return findings(report, await paging.nights_over_limit(tx, low, high), noise)


async def fits(tx: Tx) -> bool:
    """Return True if there are few enough schedules to show all teams at once."""
    return len(await oncall.names_by_id(tx)) <= MAX_SCHEDULES_FOR_ALL_TEAMS


async def team_shown(tx: Tx, person: Person, slug: str, *, whole: bool) -> Team | None:
    """Return the team to show: the one in the address, None (all) if `whole`, else the person's own."""
    if slug:
        return await people.team_by_slug(tx, slug)
    if whole:
        return None
    teams = await people.teams(tx)
    members = await people.members(tx, [t.id for t in teams])
    return next((t for t in teams if person.id in [i for i, _ in members[t.id]]), teams[0])


def seen_by(report: WorkloadReport, person_id: int, rights: Rights) -> WorkloadReport:
    """Return the report with only the person's own pay, unless their rights include everyone's."""
    if permissions.allows(rights, Verb.PAY_READ):
        return report
    return replace(report, people=[e for e in report.people if e.row.person.id == person_id])


async def could_cover(
    tx: Tx, schedule: Schedule, start: datetime, end: datetime, now: datetime
) -> list[tuple[Person, Load]]:
    """Return the team members who are free on every schedule then, lightest workload first."""
    if not start < end <= start + MAX_COVER_LENGTH:
        raise Invalid(
            "This period is not valid.", fields={"to": "Enter a time after the start, at most 35 days later."}
        )
    a, b = now - SUGGESTION_WINDOW / 2, now + SUGGESTION_WINDOW / 2
    schedules = await oncall.schedules(tx, since=min(a, start), until=max(b, end))
    team = await people.team_members(tx, schedule.team_id)
    rotating = {u for layer in schedule.layers for slot in layer.slots for u in slot}
    people_by_id = {
        i: p for i, p in (await people.people_by_id(tx, list({*team, *rotating}))).items() if p.active
    }
    candidates = sorted(people_by_id)
    loads = load(schedules, a, b, monthly_report.tz_of(people_by_id))
    free = suggested(candidates, schedules, start, end, loads)
    return [(people_by_id[u], loads.get(u, Load())) for u in free]
