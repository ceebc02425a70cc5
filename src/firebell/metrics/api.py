"""Metrics over JSON and CSV; private incidents are in none of them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Depends, Query, Response
from pydantic import Field

from firebell.kit import private_reader
from firebell.kit.threads import DOCUMENTS
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, PageParams, QueryBool, Text, problems
from firebell.metrics import cost_rate, dimensions, explore, export, queries
from firebell.metrics.business_impact import queries as impact_queries
from firebell.metrics.business_impact.api import ImpactShown, MoneyShown, impact, money
from firebell.metrics.business_impact.model import GroupImpact
from firebell.metrics.facts import projection
from firebell.metrics.facts import store as fact_store
from firebell.metrics.figures import member_store
from firebell.metrics.figures.member_rows import Member
from firebell.metrics.model import Progress, Scope
from firebell.metrics.presentation import wording
from firebell.metrics.presentation.results import Result
from firebell.metrics.presentation.tables import Table
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("metrics")

Reader = Annotated[Work, work(Verb.METRICS_READ)]
Rebuilder = Annotated[Work, work(Verb.METRICS_REBUILD)]
CostReader = Annotated[Work, work(Verb.COST_READ)]
RateWriter = Annotated[Work, work(Verb.COST_RATE_WRITE)]
WholeSeconds = Annotated[int | None, Field(description="seconds")]
Seconds = Annotated[float | None, Field(description="seconds")]
Ratio = Annotated[float | None, Field(description="from 0 to 1")]


class FiguresShown(ApiOutput):
    """One metric in a period; null for what it does not have, or has too few cases for.

    Medians need 5 cases, the 90% quantile 20. A quantile is also null if it is not reached: then too many cases did
    not end. `mean_s` is of the cases that ended, and moves with one long case.
    """

    metric: Annotated[str, Field(examples=["resolve"])]
    title: str
    acronym: Annotated[str | None, Field(examples=["MTTR"])]
    first_day: Annotated[str, Field(examples=["2026-10-01"])]
    last_day: Annotated[str, Field(examples=["2026-10-31"])]
    time_zone: str
    n: Annotated[int, Field(description="cases that count")]
    sample: Annotated[
        Literal["none", "too_few", "few", "enough"], Field(description="below 5, below 20, or enough")
    ]
    left_out: int
    unfinished: Annotated[
        int | None, Field(description="of `n`, those that did not end: they count as longer")
    ]
    median_s: Seconds
    p75_s: Seconds
    p90_s: Seconds
    longest_s: WholeSeconds
    mean_s: Seconds
    median_low_s: Annotated[int | None, Field(description="95% interval of the median")]
    median_high_s: WholeSeconds
    target_s: WholeSeconds
    within_target: int | None
    within_target_of: int | None
    hits: int | None
    share: Ratio
    share_low: Annotated[float | None, Field(description="95% interval of the share")]
    share_high: Ratio
    count: int | None
    count_low: Annotated[float | None, Field(description="95% interval of what chance alone gives")]
    count_high: float | None
    total_s: WholeSeconds
    customer_minutes: Annotated[
        int | None, Field(description="customers times minutes of impact, of incidents with a known number")
    ]
    beside: Annotated[int | None, Field(description="cases that are not due yet, outside the share")]
    result: Annotated[Literal["none", "too_few", "met", "missed"], Field(description="of the target")]
    before_n: Annotated[int | None, Field(description="of the period of the same length before")]
    before_median_s: Seconds
    before_share: Ratio
    before_count: int | None
    before_total_s: WholeSeconds
    before_customer_minutes: int | None
    change: Annotated[
        Literal["too_few", "none", "change"] | None, Field(description="since the period before")
    ]
    p: Annotated[float | None, Field(description="share of shufflings that differ as much")]


class GroupShown(FiguresShown):
    """The figures of one group of a split metric; `key` is blank for cases without a value."""

    by: dimensions.Dimension
    key: Annotated[str, Field(examples=["checkout"])]
    label: str


class DefinitionChangeShown(ApiOutput):
    """A version of a definition, and what is different from the version before."""

    version: int
    day: date
    text: str
    recounts: Annotated[bool, Field(description="false if earlier days follow the version before")]


class MetricShown(FiguresShown):
    """One metric with its definition and its tables, whose columns have the names in `columns`."""

    sentence: str
    starts: str
    ends: str
    population: str
    estimator: str
    definition_version: int
    definition_history: Annotated[list[DefinitionChangeShown], Field(description="oldest first")]
    notes: Annotated[
        list[str], Field(description="changes of the definition within the period or the one before")
    ]
    excluded: Annotated[dict[str, int], Field(description="cases left out, by reason")]
    by_month: list[dict[str, str | int | float | None]] | None
    table: list[dict[str, str | int | float | None]] | None


class CaseShown(ApiOutput):
    """An incident or page behind a metric; `reason` says why one does not count."""

    case: Annotated[str, Field(examples=["INC-7"])]
    title: str
    severity: int | None
    starts_at: datetime | None
    ends_at: datetime | None
    seconds: int | None
    has_ended: bool
    hit: bool | None
    counts: bool
    reason: str | None
    customers: Annotated[int | None, Field(description="how many customers it affected; null if not known")]
    customer_minutes: Annotated[int | None, Field(description="only in the metric of that name")]


class ProgressShown(ApiOutput):
    """Up to when facts follow what happened; `drifted` numbers were fixed by the last comparison that found any."""

    refreshed_at: Annotated[datetime | None, Field(description="null while all facts are computed again")]
    compared_at: datetime | None
    drifted: int
    drifted_at: datetime | None


class RateShown(ApiOutput):
    """What an hour of people on incidents costs; null if only hours are shown."""

    per_hour: Annotated[str | None, Field(examples=["90.00"])]
    currency: str | None


class GroupImpactShown(ImpactShown):
    """The business impact of a service or factor in one currency.

    An incident with several of them counts in full for each.
    """

    key: Annotated[str, Field(examples=["checkout"])]
    label: str


class CostShown(RateShown):
    """The time of people in a period and what it costs, and the business impact of the incidents."""

    hours: Annotated[str, Field(examples=["4.12"])]
    incidents: int
    amount: Annotated[
        str | None,
        Field(
            description="of the time of people, in the currency of the organization; null if none is in it",
            examples=["370.50"],
        ),
    ]
    people_costs: Annotated[list[MoneyShown], Field(description="one for each currency of the rates")]
    unpriced_hours: Annotated[str, Field(description="hours that no rate applies to", examples=["0.00"])]
    business_impact: Annotated[list[ImpactShown], Field(description="one for each currency")]
    totals: Annotated[list[MoneyShown], Field(description="time and business impact, one for each currency")]
    by_service: list[GroupImpactShown]
    by_factor: list[GroupImpactShown]


class NewRate(ApiInput):
    """What an hour costs; a blank amount removes the rate."""

    per_hour: Annotated[Text, Field(max_length=20, examples=["90.00"])]
    currency: Annotated[Text, Field(max_length=3, examples=["EUR"])] = ""


def _query(
    period: Annotated[
        Text | None, Query(description="7d, 30d, 90d, quarter, 1y or 5y up to today; default: 90d")
    ] = None,
    first_day: Annotated[
        Text | None,
        Query(alias="from", description="first day, instead of `period`", examples=["2026-10-01"]),
    ] = None,
    last_day: Annotated[Text | None, Query(alias="to", description="last day; default: today")] = None,
    team: Annotated[Text | None, Query(description="slug of a team")] = None,
    service: Annotated[Text | None, Query(description="slug of a service")] = None,
    severity: Annotated[Text | None, Query(description="highest severity, 0 to 3")] = None,
    kind: Annotated[
        Text | None, Query(alias="type", description="type of incidents; pages have none")
    ] = None,
) -> queries.Query:
    values = (period, first_day, last_day, team, service, severity, kind)
    return queries.Query(*(value or "" for value in values))


Filters = Annotated[queries.Query, Depends(_query)]


@contextmanager
def _without_private() -> Iterator[None]:
    """Read inside the block what everyone may read."""
    with private_reader.as_reader(private_reader.NO_ONE):
        yield


async def _scope(w: Work, query: queries.Query) -> Scope:
    zone = (await people.person(w.tx, w.person_id)).tz if w.person_id is not None else "UTC"
    return await queries.scope(w.tx, query, zone, w.now)


def _records(table: Table | None) -> list[dict[str, str | int | float | None]] | None:
    return table.records() if table else None


def _metric(result: Result) -> MetricShown:
    what = result.definition
    return MetricShown.model_validate(
        {
            **export.figures(result),
            "sentence": what.sentence,
            "starts": what.starts,
            "ends": what.ends,
            "population": what.population,
            "estimator": what.estimator,
            "definition_version": what.version,
            "definition_history": [DefinitionChangeShown.model_validate(one) for one in what.changes],
            "notes": [one.note for one in wording.definition_changes(result)],
            "excluded": dict(result.excluded),
            "by_month": _records(result.trend),
            "table": _records(result.table),
        }
    )


async def _all_figures(w: Work, query: queries.Query) -> list[dict[str, str | int | float | None]]:
    with _without_private():
        return [export.figures(one) for one in await queries.results(w.tx, await _scope(w, query))]


@router.get(
    "/metrics",
    summary="List all metrics of a period, compared with the one before",
    responses=problems(404, 422),
)
async def list_metrics(w: Reader, query: Filters) -> list[FiguresShown]:
    return [FiguresShown.model_validate(one) for one in await _all_figures(w, query)]


@router.get(
    "/metrics.csv",
    summary="Export all metrics of a period as CSV",
    response_class=Response,
    responses={**problems(404, 422), 200: {"content": {"text/csv": {}}}},
)
async def export_metrics(w: Reader, query: Filters, bom: QueryBool = False) -> Response:
    body = export.records_csv(export.FIGURES, await _all_figures(w, query), bom=bom)
    return Response(body, media_type="text/csv")


@router.get("/metrics-progress", summary="Get up to when metrics follow what happened")
async def get_progress(w: Reader) -> ProgressShown:
    return _progress(await fact_store.progress(w.tx))


def _progress(progress: Progress) -> ProgressShown:
    return ProgressShown(
        refreshed_at=progress.refreshed_at,
        compared_at=progress.compared_at,
        drifted=progress.drifted,
        drifted_at=progress.drifted_at,
    )


@router.post(
    "/metrics-rebuild",
    status_code=202,
    summary="Compute all facts of metrics again, in the background",
)
async def rebuild_metrics(w: Rebuilder) -> ProgressShown:
    return _progress(await projection.rebuild(w.tx, w.actor, w.now))


@router.get("/metrics-cost", summary="Get what incidents cost", responses=problems(404, 422))
async def get_cost(w: CostReader, query: Filters) -> CostShown:
    with _without_private():
        scope = await _scope(w, query)
        result = await queries.result(w.tx, "cost", scope)
    seconds = result.seconds or 0
    amounts = await impact_queries.period_cost(w.tx, scope, seconds)
    rate = amounts.rates.organization
    own = next((one.plain for one in amounts.time.amounts if rate and one.currency == rate.currency), None)
    return CostShown(
        per_hour=f"{rate.per_hour:f}" if rate else None,
        currency=rate.currency if rate else None,
        hours=f"{seconds / 3600:.2f}",
        incidents=result.n,
        amount=own,
        people_costs=[money(one) for one in amounts.time.amounts],
        unpriced_hours=f"{amounts.time.unpriced_s / 3600:.2f}",
        business_impact=[impact(one) for one in amounts.impacts],
        totals=[money(one) for one in amounts.totals],
        by_service=[_group(one) for one in amounts.by_service],
        by_factor=[_group(one) for one in amounts.by_factor],
    )


def _group(of: GroupImpact) -> GroupImpactShown:
    return GroupImpactShown(
        **money(of.money).model_dump(), incidents=of.incidents, key=of.key, label=of.label
    )


@router.put(
    "/metrics-cost/rate", summary="Set what an hour of people on incidents costs", responses=problems(422)
)
async def set_cost_rate(w: RateWriter, body: NewRate) -> RateShown:
    rate = await cost_rate.save(w.tx, w.actor, body.per_hour, body.currency, w.now)
    return RateShown(
        per_hour=f"{rate.per_hour:f}" if rate else None, currency=rate.currency if rate else None
    )


@router.get(
    "/metrics-explore",
    summary="Split a metric by a dimension",
    responses=problems(404, 422),
)
async def explore_metric(
    w: Reader,
    query: Filters,
    metric: Annotated[Text, Query(description="slug of a metric")] = dimensions.DEFAULT_METRIC,
    by: Annotated[Text, Query(description="a dimension that the metric has")] = dimensions.DEFAULT_DIMENSION,
) -> list[GroupShown]:
    """Return a row for each group, at most 100: those with the most cases. One with several services counts in each."""
    what = queries.definition(metric)
    dimension = dimensions.chosen_dimension(what, by)
    with _without_private():
        explored = await explore.explore(w.tx, what, dimension, await _scope(w, query))
    return [GroupShown.model_validate(record) for record in explored.records()]


@router.get(
    "/metrics/{metric}", summary="Get a metric with its definition and tables", responses=problems(404, 422)
)
async def get_metric(w: Reader, metric: Text, query: Filters) -> MetricShown:
    with _without_private():
        return _metric(await queries.result(w.tx, metric, await _scope(w, query)))


@router.get(
    "/metrics/{metric}/cases",
    summary="List the incidents or pages behind a metric, newest first, also those left out",
    responses=problems(404, 422),
)
async def list_cases(w: Reader, metric: Text, query: Filters, page: PageParams) -> list[CaseShown]:
    what = queries.definition(metric)
    if metric not in member_store.RULES:
        return []
    with _without_private():
        scope = await _scope(w, query)
        members = await member_store.members(w.tx, metric, scope, page.before, page.limit)
    page.link([member.id for member in members])
    return [CaseShown.model_validate(export.case_record(what, member)) for member in members]


@router.get(
    "/metrics/{metric}/cases.csv",
    summary="Export the incidents or pages behind a metric as CSV",
    response_class=Response,
    responses={**problems(404, 422), 200: {"content": {"text/csv": {}}}},
)
async def export_cases(w: Reader, metric: Text, query: Filters, bom: QueryBool = False) -> Response:
    what = queries.definition(metric)
    members: Sequence[Member] = []
    if metric in member_store.RULES:
        with _without_private():
            scope = await _scope(w, query)
            members = await member_store.members(w.tx, metric, scope, limit=export.MAX_CASES)
    text = await DOCUMENTS.run(lambda: export.cases_csv(what, members, bom=bom))
    return Response(text, media_type="text/csv")
