"""The screens of metrics: the home page, and one page for each metric."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Response

from firebell.kit import private_reader
from firebell.kit.errors import FirebellError
from firebell.kit.text import to_id
from firebell.kit.threads import DOCUMENTS
from firebell.kit.web import flash, html, routing
from firebell.metrics import cost_rate, export, filter_values, home_figures, queries
from firebell.metrics.business_impact import queries as impact_queries
from firebell.metrics.definitions import DEFINITIONS, SUMS, Kind, Subject
from firebell.metrics.dimensions import dimensions_of
from firebell.metrics.figures import member_store
from firebell.metrics.figures.member_rows import Member
from firebell.metrics.filter_values import Address
from firebell.metrics.presentation import charts, result_tables, wording
from firebell.metrics.presentation.charts import Case
from firebell.metrics.presentation.results import Result
from firebell.metrics.presentation.summaries import FAILURES_TARGET_S
from firebell.metrics.queries import Query
from firebell.metrics.team_rates import actions as team_rates
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb, allows
from firebell.people.unit_of_work import CurrentVisit, Visit
from firebell.readiness import actions as readiness

router = routing.html_router()

MAX_POINTS = 120
"""Number of cases up to which each is a point, which is a link."""
MEMBERS_LISTED = 1_000
"""Number of cases that are read for the points, also those that are left out."""


@router.get("/metrics", dependencies=route_access.needs(Verb.METRICS_READ))
async def home(visit: CurrentVisit, format: str = "") -> Response:  # noqa: A002 - the name of the parameter
    address = Address("/metrics", filter_values.query_of(visit))
    if filter_values.has_blank(visit):
        return html.redirect(address.url(format=format))
    try:
        scope = await queries.scope(visit.tx, address.query, visit.person.tz, visit.now)
    except FirebellError as error:
        return await _refused(visit, address, error)
    if format in ("csv", "json"):
        with private_reader.as_reader(private_reader.NO_ONE):
            shared = await queries.scope(visit.tx, address.query, visit.person.tz, visit.now)
            records = [export.figures(one) for one in await queries.results(visit.tx, shared)]
        name = export.file_name("metrics", scope.window, format)
        if format == "json":
            return filter_values.json_file({"metrics": records}, name)
        return filter_values.file(export.records_csv(export.FIGURES, records, bom=True), name, "text/csv")
    await readiness.record_metrics_view(visit.tx, visit.actor, visit.now)
    numbers = await home_figures.home(visit.ctx.db, visit.tx, scope)
    target_s = queries.target_s(DEFINITIONS["resolve"], numbers.trend_scope)
    context = {
        "nav": "metrics",
        "home": numbers,
        "drift_code": home_figures.DRIFT_CODE,
        "scope": scope,
        "w": wording,
        "definitions": DEFINITIONS,
        "target_result": export.target_result,
        "months": charts.stacked(numbers.frequency),
        "trend": charts.trend(numbers.trend, target_s),
        "heat": charts.heat(numbers.pages.hours),
        "most_cost": max((rule.cost for rule in numbers.pages.rules), default=0),
        "error": None,
        **await filter_values.filters(visit, address),
    }
    return await html.render(visit.request, "metrics/metrics.html", context)


async def _refused(visit: Visit, address: Address, error: FirebellError) -> Response:
    """Show the filters again, with what is wrong with them."""
    context = {
        "nav": "metrics",
        "error": error,
        "home": None,
        "w": wording,
        **await filter_values.filters(visit, address),
    }
    return await html.render(visit.request, "metrics/metrics.html", context)


@router.get("/metrics/{slug}", dependencies=route_access.needs(Verb.METRICS_READ))
async def metric(visit: CurrentVisit, slug: str, after: str = "", format: str = "") -> Response:  # noqa: A002
    if slug == "load":
        return html.redirect("/oncall/load")
    queries.definition(slug)
    address = Address(f"/metrics/{slug}", filter_values.query_of(visit))
    if filter_values.has_blank(visit):
        return html.redirect(address.url(format=format))
    if not format:
        await readiness.record_metrics_view(visit.tx, visit.actor, visit.now)
    return await _metric(visit, slug, address, after, format)


async def _metric(
    visit: Visit,
    slug: str,
    address: Address,
    after: str,
    file_format: str,
    refused: FirebellError | None = None,
    rate_form: Mapping[str, str] | None = None,
) -> Response:
    """Render a metric; of the cost, `rate_form` is the form of a team's rate that was refused."""
    try:
        scope = await queries.scope(visit.tx, address.query, visit.person.tz, visit.now)
    except FirebellError as error:
        return await _refused(visit, address, error)
    if file_format in ("csv", "json", "table"):
        return await _export(visit, slug, address, file_format)
    result = await queries.result(visit.tx, slug, scope)
    members: Sequence[Member] = []
    if slug in member_store.RULES:
        members = await member_store.members(visit.tx, slug, scope, to_id(after))
    amounts = None
    if slug == "cost" and allows(visit.rights, Verb.COST_READ):
        amounts = await impact_queries.period_cost(visit.tx, scope, result.seconds or 0)
    shown = members[: member_store.MEMBERS_PER_PAGE]
    chart: dict[str, Any] = {"strip": None, "trend": None, "months": None, "between": None, "teams": []}
    if result.trend:
        target_s = result.summary.target_s if result.summary else None
        chart["trend"] = charts.trend(result.trend, target_s)
        chart["strip"] = await _strip(visit, result)
        by_team = await queries.trends_by_team(visit.tx, slug, scope)
        drawn = charts.trends([table for _, table in by_team], target_s)
        chart["teams"] = [(name, one) for (name, _), one in zip(by_team, drawn, strict=True) if one]
        chart["teams_table"] = result_tables.medians_by_team(by_team)
    if slug == "frequency" and result.table:
        chart["months"] = charts.stacked(result.table)
    if slug == "mtbf" and result.table:
        chart["between"] = charts.between(result.table, FAILURES_TARGET_S)
    context = {
        "nav": "metrics",
        "what": result.definition,
        "result": result,
        "scope": scope,
        "w": wording,
        "splits": dimensions_of(result.definition),
        "chart": chart,
        "target_result": export.target_result(result),
        "members": shown,
        "has_members": slug in member_store.RULES,
        "sql": member_store.statement(slug, scope) if slug in member_store.RULES else "",
        "reference": lambda member: export.reference(result.definition.subject, member.id),
        "case_path": _case_path(result),
        "after": to_id(after),
        "older": address.url(after=shown[-1].id) if len(members) > len(shown) else "",
        "amounts": amounts,
        "rate": amounts.rates.organization if amounts else None,
        "rate_form": rate_form,
        "rate_teams": [(team.slug, team.name) for team in await people.teams(visit.tx)] if amounts else [],
        "error": refused,
        "is_duration": result.definition.kind is Kind.DURATION,
        "has_lengths": result.definition.kind is Kind.DURATION or slug in SUMS,
        **await filter_values.filters(visit, address),
    }
    return await html.render(visit.request, "metrics/metric.html", context)


async def _strip(visit: Visit, result: Result) -> charts.Strip | None:
    """Return every case as a point, None with too many."""
    slug, scope, figure = result.definition.slug, result.scope, result.summary
    if figure is None or not 0 < figure.n <= MAX_POINTS:
        return None
    members = await member_store.members(visit.tx, slug, scope, limit=MEMBERS_LISTED)
    change = result.change
    before: list[Case] = []
    if change and 0 < change.n_before <= MAX_POINTS:
        before = [
            Case(number, "Before", step.seconds, has_ended)
            for number, (step, has_ended) in enumerate(
                (step, number < step.ended)
                for step in result.durations_before
                for number in range(step.ended + step.censored)
            )
        ]
    cases = [
        Case(m.id, export.reference(result.definition.subject, m.id), m.seconds, m.has_ended)
        for m in members
        if m.reason is None and m.seconds is not None
    ]
    medians = (
        figure.median if figure.sample in ("few", "enough") else None,
        change.median_before if change and change.result != "too_few" else None,
    )
    interval = figure.interval if figure.sample in ("few", "enough") else None
    return charts.strip(cases, before, medians, interval, figure.target_s, _case_path(result))


def _case_path(result: Result) -> str:
    return "/pages" if result.definition.subject is Subject.PAGES else "/incidents"


async def _export(visit: Visit, slug: str, address: Address, file_format: str) -> Response:
    """Return the cases of a metric as CSV, its table as CSV, or all of it as JSON; without private incidents."""
    what = queries.definition(slug)
    with private_reader.as_reader(private_reader.NO_ONE):
        scope = await queries.scope(visit.tx, address.query, visit.person.tz, visit.now)
        result = await queries.result(visit.tx, slug, scope)
        members: Sequence[Member] = []
        if slug in member_store.RULES:
            members = await member_store.members(visit.tx, slug, scope, limit=export.MAX_CASES)
    if file_format == "json":
        cases = await DOCUMENTS.run(lambda: [export.case_record(what, member) for member in members])
        tables = {
            name: table.records() if table else None
            for name, table in (("by_month", result.trend), ("table", result.table))
        }
        body = {**export.figures(result), "excluded": dict(result.excluded), **tables, "cases": cases}
        return filter_values.json_file(body, export.file_name(slug, scope.window, "json"))
    name = export.file_name(slug, scope.window, "csv")
    table = result.trend or result.table
    if file_format == "table" and table:
        return filter_values.file(export.table_csv(table, bom=True), name, "text/csv")
    text = await DOCUMENTS.run(lambda: export.cases_csv(what, members, bom=True))
    return filter_values.file(text, name, "text/csv")


@router.post("/metrics/cost/rate", dependencies=route_access.needs(Verb.COST_RATE_WRITE))
async def save_rate(visit: CurrentVisit) -> Response:
    try:
        async with visit.tx.savepoint():
            rate = await cost_rate.save(
                visit.tx, visit.actor, visit.text("per_hour"), visit.text("currency"), visit.now
            )
    except FirebellError as error:
        return await _metric(visit, "cost", Address("/metrics/cost", Query()), "", "", error)
    return flash.redirect(visit.request, "/metrics/cost", "Rate saved." if rate else "Rate removed.")


@router.post("/metrics/cost/team-rates", dependencies=route_access.needs(Verb.COST_RATE_WRITE))
async def save_team_rate(visit: CurrentVisit) -> Response:
    """Save the rate of a team; a blank amount removes it."""
    form = {name: visit.text(name) for name in ("team", "per_hour", "currency")}
    is_removal = not form["per_hour"].strip()
    try:
        async with visit.tx.savepoint():
            if is_removal:
                await team_rates.remove(visit.tx, visit.actor, form["team"], visit.now)
            else:
                await team_rates.save(
                    visit.tx, visit.actor, form["team"], form["per_hour"], form["currency"], visit.now
                )
    except FirebellError as error:
        return await _metric(visit, "cost", Address("/metrics/cost", Query()), "", "", error, form)
    return flash.redirect(
        visit.request, "/metrics/cost#team-rates", "Rate removed." if is_removal else "Rate saved."
    )
