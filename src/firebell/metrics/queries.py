"""Read models of metrics, shared by web, API and exports."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from firebell.action_items import queries as action_items
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentType
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid, NotFound
from firebell.kit.localtime import to_local
from firebell.kit.web.filters import to_day
from firebell.metrics import windows
from firebell.metrics.definitions import CUSTOMER_MINUTES, DEFINITIONS, Definition, Kind
from firebell.metrics.figures import (
    customer_minutes,
    delivery_time_store,
    delivery_times,
    member_store,
    total_store,
)
from firebell.metrics.figures.page_totals import PageTotals
from firebell.metrics.model import Scope
from firebell.metrics.presentation import result_tables, summaries, wording
from firebell.metrics.presentation.results import Count, Result, RuleTotal, ServiceFigure
from firebell.metrics.presentation.summaries import Share
from firebell.metrics.presentation.tables import Cell, Column, Table, Unit
from firebell.metrics.statistics import poisson
from firebell.metrics.statistics.kaplan_meier import Step
from firebell.metrics.windows import Window
from firebell.people import actions as people

TREND_MONTHS, LONGEST_TREND_MONTHS = 12, 60
TEAMS_DRAWN = 12
RULES_AND_HOURS_DAYS = 366
"""Rules and hours of pages are counted over a year at most: what was before says nothing about the rules of today."""
SEVERITIES = (0, 1, 2, 3)


@dataclass(frozen=True, slots=True)
class Query:
    """The parameters of an address, as they were typed."""

    period: str = ""
    start: str = ""
    end: str = ""
    team: str = ""
    service: str = ""
    severity: str = ""
    type: str = ""

    def parameters(self) -> dict[str, str]:
        """Return what restricts something, by the name of the parameter."""
        named = {
            "period": "" if self.start or self.end or self.period == windows.DEFAULT else self.period,
            "from": self.start,
            "to": self.end,
            "team": self.team,
            "service": self.service,
            "severity": self.severity,
            "type": self.type,
        }
        return {name: value for name, value in named.items() if value}


async def scope(tx: Tx, query: Query, zone: str, now: datetime) -> Scope:
    """Return the scope of a query; raise `Invalid`, or `NotFound` for an unknown team or service."""
    if query.start or query.end:
        first = to_day(query.start, "from") if query.start else None
        last = to_day(query.end, "to") if query.end else to_local(now, zone).date()
        window = windows.between(first or last - timedelta(days=89), last, zone)
    else:
        window = windows.preset(query.period or windows.DEFAULT, now, zone)
    severity = None
    if query.severity:
        if query.severity not in ("0", "1", "2", "3"):
            text = "Enter 0, 1, 2 or 3."
            raise Invalid(f"{query.severity[:20]!r} is not a severity.", fields={"severity": text})
        severity = int(query.severity)
    if query.type and query.type not in list(IncidentType):
        text = f"Use {', '.join(IncidentType)}."
        raise Invalid(f"{query.type[:20]!r} is not a type.", fields={"type": text})
    team_id = (await people.team_by_slug(tx, query.team)).id if query.team else None
    service_id = (await catalog.by_slug(tx, query.service, with_deleted=True)).id if query.service else None
    return Scope(
        window,
        now,
        team_id=team_id,
        service_id=service_id,
        severity=severity,
        type=query.type,
        hidden=await incidents.hidden_ids(tx),
        recorded_since=await total_store.recorded_since(tx, team_id, service_id, now),
    )


async def team_scope(tx: Tx, window: Window, team_id: int | None, now: datetime) -> Scope:
    """Return the scope of a team, or of the organization, without the incidents that the reader may not see."""
    return Scope(
        window,
        now,
        team_id=team_id,
        hidden=await incidents.hidden_ids(tx),
        recorded_since=await total_store.recorded_since(tx, team_id, None, now),
    )


def definition(slug: str) -> Definition:
    """Return the definition of a metric; raise `NotFound` for an unknown one."""
    if slug not in DEFINITIONS:
        raise NotFound(
            f"There is no metric {slug[:40]!r}.", hint=f"The metrics are {', '.join(DEFINITIONS)}."
        )
    return DEFINITIONS[slug]


async def result(
    tx: Tx, slug: str, of: Scope, *, with_tables: bool = True, is_compared: bool = True
) -> Result:
    """Return a metric in a scope, with its tables, and compared with the period before, unless these are not shown."""
    what = definition(slug)
    match what.kind:
        case Kind.DURATION:
            return await _duration(tx, what, of, with_tables, is_compared)
        case Kind.SERVICES:
            return await _services(tx, what, of)
        case Kind.SHARE:
            return await _share(tx, what, of, with_tables, is_compared)
        case Kind.COUNT:
            return await _count(tx, what, of, with_tables)


async def results(tx: Tx, of: Scope) -> list[Result]:
    """Return all metrics in a scope, compared with the period before, without tables."""
    return [await result(tx, slug, of, with_tables=False) for slug in DEFINITIONS]


def may_be_censored(what: Definition, of: Scope) -> bool:
    """Return True if a case of the metric can still run in the period, or end without what it waits for."""
    return what.slug in ("acknowledge", "engage") or (of.may_be_open and what.slug != "detect")


def target_s(what: Definition, of: Scope) -> int | None:
    """Return the target of a metric in seconds: that of SEV0 and SEV1, and of all pages and incidents together."""
    return what.target_s if of.severity in (None, 0, 1) else None


async def _duration(tx: Tx, what: Definition, of: Scope, with_tables: bool, is_compared: bool) -> Result:
    now, excluded = await member_store.steps(tx, what.slug, of)
    is_censored = may_be_censored(what, of)
    before: list[Step] = []
    change = None
    if is_compared:
        before, _ = await member_store.steps(tx, what.slug, of, before=True)
        seed = int(of.window.start.timestamp())
        change = summaries.change(now, before, seed, is_censored=is_censored)
    return Result(
        what,
        of,
        excluded,
        summary=summaries.summary(now, target_s(what, of), is_censored=is_censored),
        change=change,
        durations_before=before,
        trend=await trend(tx, what.slug, of) if with_tables else None,
    )


def _year(of: Scope) -> tuple[Scope, Sequence[tuple[date, datetime]]]:
    """Return the scope and the months of a chart: a year up to the end of the period, or the whole period."""
    window = of.window
    last = min(window.last_day, max(to_local(of.now, window.zone).date(), window.first_day))
    first = max(min(window.first_day, last - timedelta(days=334)), windows.FIRST_DAY)
    limit = LONGEST_TREND_MONTHS if window.days > 366 else TREND_MONTHS
    months = windows.months(first, last, window.zone)[-limit:]
    first_day, start = months[0]
    return replace(of, window=replace(window, start=start, first_day=first_day)), months


def _named(month: date) -> str:
    return f"{month:%Y-%m}"


async def trend(tx: Tx, slug: str, of: Scope) -> Table:
    """Return the quantiles of a duration by month."""
    drawn, months = _year(of)
    starts = [start for _, start in months]
    by_month = {row.month: row for row in await total_store.quantiles_by_month(tx, slug, drawn, starts)}
    rows: list[tuple[Cell, ...]] = []
    for number, (month, _) in enumerate(months):
        row = by_month.get(number)
        figures = (row.n, row.p10, row.median, row.p90) if row else (0, None, None, None)
        rows.append((_named(month), *figures))
    columns = (
        Column("month", "Month", Unit.TEXT),
        Column("n", "Cases"),
        Column("p10_s", "10% within", Unit.SECONDS),
        Column("median_s", "Median", Unit.SECONDS),
        Column("p90_s", "90% within", Unit.SECONDS),
    )
    return Table(f"{DEFINITIONS[slug].title} by month", columns, rows)


async def trends_by_team(tx: Tx, slug: str, of: Scope) -> list[tuple[str, Table]]:
    """Return the quantiles of a duration by month for each team with cases, at most twelve; none for a single team."""
    if of.team_id is not None:
        return []
    teams = (await people.teams(tx))[:TEAMS_DRAWN]
    trends = [(team.name, await trend(tx, slug, replace(of, team_id=team.id))) for team in teams]
    measured = [(name, table) for name, table in trends if any(table.column("n"))]
    return measured if len(measured) > 1 else []


async def frequency(tx: Tx, of: Scope) -> Table:
    """Return the incidents by month and severity, with the interval of their number."""
    drawn, months = _year(of)
    counts = await total_store.declared_by_month(tx, drawn, [start for _, start in months])
    rows: list[tuple[Cell, ...]] = []
    for number, (month, _) in enumerate(months):
        each = [counts.get((number, severity), 0) for severity in SEVERITIES]
        low, high = poisson.interval(sum(each))
        rows.append((_named(month), *each, sum(each), round(low, 3), round(high, 3)))
    columns = (
        Column("month", "Month", Unit.TEXT),
        *(Column(f"sev{severity}", f"SEV{severity}") for severity in SEVERITIES),
        Column("total", "All"),
        Column("low", "At least"),
        Column("high", "At most"),
    )
    return Table("Incidents by month", columns, rows)


async def _services(tx: Tx, what: Definition, of: Scope) -> Result:
    until = min(of.window.end, max(of.now, of.window.start))
    seconds = max(0, int((until - of.recorded_from).total_seconds()))
    figures = [
        ServiceFigure(
            total.slug,
            total.name,
            total.impact_s,
            total.at_least,
            1 - total.impact_s / total.recorded_s if total.recorded_s else 1.0,
            summaries.between_failures(total.recorded_s, total.impact_s, total.failures),
            total.team,
            total.team_slug,
        )
        for total in await total_store.services(tx, of, what.worst_severity)
    ]
    seconds_before: int | None = None
    if what.slug == "impact":
        before = await total_store.services(tx, of, what.worst_severity, before=True)
        seconds = sum(one.impact_s for one in figures)
        seconds_before = _unless_unknown(of, sum(one.impact_s for one in before))
    else:
        figures = [one for one in figures if one.between.failures]
        figures.sort(key=lambda one: (one.between.seconds, one.name))
    number = await total_store.services_in_scope(tx, of)
    return Result(
        what,
        of,
        services=figures,
        quiet_services=max(0, number - len(figures)),
        seconds=seconds,
        seconds_before=seconds_before,
        table=result_tables.services(what, figures),
    )


async def _share(tx: Tx, what: Definition, of: Scope, with_tables: bool, is_compared: bool) -> Result:
    if what.slug == "actions":
        return await _actions(tx, what, of, is_compared)
    if what.slug == "delivery":
        return await _delivery(tx, what, of, is_compared)
    now = await member_store.count(tx, what.slug, of)
    before = await member_store.count(tx, what.slug, of, before=True) if is_compared else None
    excluded = dict(now.excluded)
    return Result(
        what,
        of,
        excluded,
        share=Share(now.hits, now.n),
        share_before=Share(before.hits, before.n) if before else None,
        beside=excluded.pop("not_due", 0),
        table=await _split(tx, what, of) if with_tables else None,
    )


async def _actions(tx: Tx, what: Definition, of: Scope, is_compared: bool) -> Result:
    """Return the completion of action items as `/actions` has it, in the days of the period."""
    window, today = of.window, to_local(of.now, of.window.zone).date()
    teams = [of.team_id] if of.team_id is not None else []
    end = window.last_day + timedelta(days=1)
    done = await action_items.completion_between(tx, window.first_day, end, today, teams)
    before = None
    if is_compared:
        first = to_local(window.before_start, window.zone).date()
        before = await action_items.completion_between(tx, first, window.first_day, today, teams)
    return Result(
        what,
        of,
        share=Share(done.done, done.due),
        share_before=Share(before.done, before.due) if before else None,
        beside=done.in_grace,
    )


async def _delivery(tx: Tx, what: Definition, of: Scope, is_compared: bool) -> Result:
    """Return how fast messages were, of a year at most: they are deleted with their pages."""
    year = last_year(of)
    times = await delivery_time_store.delivery_times(tx, year)
    before = await delivery_time_store.delivery_times(tx, year, before=True) if is_compared else None
    return Result(
        what,
        year,
        share=delivery_times.share(times),
        share_before=delivery_times.share(before) if before is not None else None,
        table=delivery_times.by_channel(times),
    )


async def _split(tx: Tx, what: Definition, of: Scope) -> Table | None:
    """Return what a share of pages consists of."""
    if what.slug == "levels":
        by_level = await total_store.levels(tx, of)
        levels = sorted(level for level in by_level if level is not None)
        rows = [(f"Level {level + 1}", by_level[level]) for level in levels]
        if None in by_level:
            rows.append(("Exhausted, or never", by_level[None]))
        return Table(
            "Acknowledged by level", (Column("level", "Level", Unit.TEXT), Column("pages", "Pages")), rows
        )
    if what.slug == "noise":
        return result_tables.rules((await pages_of_a_year(tx, of)).rules)
    return None


async def pages_of_a_year(tx: Tx, of: Scope) -> PageTotals:
    """Return the pages by hour of the week and by rule, of a year at most."""
    return await total_store.pages_by_hour_and_rule(tx, last_year(of))


def last_year(of: Scope) -> Scope:
    """Return the scope with the last year of its window at most."""
    window = of.window
    if window.days <= RULES_AND_HOURS_DAYS:
        return of
    first = window.last_day - timedelta(days=RULES_AND_HOURS_DAYS - 1)
    return replace(of, window=windows.between(first, window.last_day, window.zone))


def _unless_unknown(of: Scope, total_before: int) -> int | None:
    """Return the total of the period before; None instead of zero if nothing was recorded then."""
    if total_before == 0 and of.recorded_from > of.window.start:
        return None
    return total_before


def _count_before(of: Scope, number: int) -> Count | None:
    known = _unless_unknown(of, number)
    return None if known is None else Count(known)


async def _count(tx: Tx, what: Definition, of: Scope, with_tables: bool) -> Result:
    if what.slug == "cost":
        minutes, number = await total_store.people_minutes(tx, of)
        minutes_before, number_before = await total_store.people_minutes(tx, of, before=True)
        return Result(
            what,
            of,
            (await member_store.count(tx, what.slug, of)).excluded,
            count=Count(number),
            count_before=_count_before(of, number_before),
            seconds=minutes * 60,
            seconds_before=_unless_unknown(of, minutes_before * 60),
        )
    if what.slug == "nights":
        nights = await total_store.nights(tx, of)
        before = await total_store.nights(tx, of, before=True)
        columns = (Column("pages", "Pages in the night"), Column("nights", "Nights"))
        return Result(
            what,
            of,
            count=Count(sum(nights.values())),
            count_before=_count_before(of, sum(before.values())),
            table=Table("Nights by their pages", columns, sorted(nights.items())),
        )
    counted = await member_store.count(tx, what.slug, of)
    earlier = await member_store.count(tx, what.slug, of, before=True)
    count_before = _count_before(of, earlier.n)
    if what.slug == CUSTOMER_MINUTES:
        return Result(
            what,
            of,
            counted.excluded,
            count=Count(counted.n),
            count_before=count_before,
            customer_minutes=counted.hits,
            customer_minutes_before=None if count_before is None else earlier.hits,
            table=await customer_minutes.by_month(tx, of) if with_tables and counted.n else None,
        )
    return Result(
        what,
        of,
        counted.excluded,
        count=Count(counted.n),
        count_before=count_before,
        table=await frequency(tx, of) if with_tables else None,
    )


REPORTED = ("acknowledge", "mitigate", "resolve", "actions")
"""The metrics that a report names, each with how far its finding can be trusted."""
REPORT_DAYS = 28
"""A week has too few cases to tell a change."""


@dataclass(frozen=True, slots=True)
class PeriodReport:
    """The urgent pages of some days, and the findings of four weeks as (slug, title, finding, how far to trust it)."""

    pages: int
    night_pages: int
    nights: int
    most_in_a_night: int
    rules: Sequence[RuleTotal]
    findings: Sequence[tuple[str, str, str, str]]


async def period_report(
    tx: Tx, first: date, last: date, zone: str, team_id: int | None, now: datetime
) -> PeriodReport:
    """Return what the days from `first` to `last` asked of people, and the findings of the four weeks up to them."""
    of = await team_scope(tx, windows.between(first, last, zone), team_id, now)
    totals = await total_store.pages_by_hour_and_rule(tx, of)
    nights = await total_store.nights(tx, of)
    long = replace(of, window=windows.between(last - timedelta(days=REPORT_DAYS - 1), last, zone))
    measured = [await result(tx, slug, long, with_tables=False) for slug in REPORTED]
    return PeriodReport(
        totals.pages,
        sum(at_night for _, at_night in totals.hours.values()),
        sum(nights.values()),
        max(nights, default=0),
        totals.rules,
        [
            (one.definition.slug, one.definition.title, wording.title(one), wording.honesty(one))
            for one in measured
            if one.n
        ],
    )
