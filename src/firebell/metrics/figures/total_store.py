"""The SQL of totals: impact per service, incidents and durations per month, pages per hour, rule and night."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.metrics.figures import page_month_store, page_totals, scope_store
from firebell.metrics.figures.page_totals import PageGroup, PageTotals
from firebell.metrics.figures.scope_store import Conditions
from firebell.metrics.model import Scope


@dataclass(frozen=True, slots=True)
class ServiceTotal:
    """The impact on a service in seconds, and its failures; `at_least` if the start of an impact is not known."""

    name: str
    slug: str
    impact_s: int
    recorded_s: int
    failures: int
    at_least: bool
    team: str
    team_slug: str


@dataclass(frozen=True, slots=True)
class MonthQuantiles:
    """The durations of a month: how many, and the 10%, 50% and 90% of them in seconds."""

    month: int
    n: int
    p10: float
    median: float
    p90: float


async def services(tx: Tx, scope: Scope, worst_severity: int, *, before: bool = False) -> list[ServiceTotal]:
    """Return the union of impacts and the failures of each service, the longest impact first.

    An impact without a known start counts from its detection, one without an end up to now. Services that had neither
    are missing. A service counts from its creation, or from its first impact if that was entered for a time before.
    """
    conditions = Conditions()
    start, end = scope.window.before if before else (scope.window.start, scope.window.end)
    a, b = (f"{conditions.value(at)}::timestamptz" for at in (start, min(end, max(scope.now, start))))
    now = f"{conditions.value(scope.now)}::timestamptz"
    worst = f"{conditions.value(worst_severity)}::smallint"
    scope_store.filters(scope, conditions)
    service = f"{conditions.value(scope.service_id)}::bigint"
    team = f"{conditions.value(scope.team_id)}::bigint"
    rows = await tx.fetch(
        f"""
        with touching as materialized (
            select
                incident_fact.id,
                incident_fact.impact_start is null as at_least,
                incident_fact.declared_at >= {a} and incident_fact.declared_at < {b} as is_failure,
                greatest(coalesce(incident_fact.impact_start, incident_fact.detected_at), {a}) as low,
                least(coalesce(incident_fact.impact_end, incident_fact.closed_at, {now}), {b}) as high
            from incident_fact
            where incident_fact.excluded is null
                and incident_fact.severity_max <= {worst}
                and (
                    incident_fact.declared_at >= {a} and incident_fact.declared_at < {b}
                    or coalesce(incident_fact.impact_start, incident_fact.detected_at) < {b}
                    and coalesce(incident_fact.impact_end, incident_fact.closed_at, {now}) > {a}
                )
                and {conditions.sql}
        ),
        affected as (
            select
                fact.service_id,
                range_agg(tstzrange(touching.low, touching.high))
                    filter (where touching.low < touching.high) as impact,
                count(*) filter (where touching.is_failure) as failures,
                coalesce(
                    bool_or(touching.at_least) filter (where touching.low < touching.high), false
                ) as at_least,
                min(touching.low) as first_at
            from touching
            join incident_fact_service fact on fact.incident_id = touching.id
            group by fact.service_id
        )
        select
            service.name,
            service.slug,
            coalesce(
                (
                    select sum(extract(epoch from upper(span) - lower(span)))
                    from unnest(affected.impact) span
                ),
                0
            )::bigint as impact_s,
            extract(
                epoch from {b} - greatest({a}, least({b}, service.created_at, affected.first_at))
            )::bigint as recorded_s,
            affected.failures,
            affected.at_least,
            team.name as team,
            team.slug as team_slug
        from affected
        join service on service.id = affected.service_id
        join team on team.id = service.team_id
        where ({service} is null or service.id = {service})
            and ({team} is null or service.team_id = {team})
        order by impact_s desc, service.name
        """,
        *conditions.values,
    )
    return [ServiceTotal(**dict(row)) for row in rows]


async def recorded_since(tx: Tx, team_id: int | None, service_id: int | None, now: datetime) -> datetime:
    """Return when the first of all services, or of those of a team, was created; `now` if there is none."""
    since: datetime = await tx.value(
        """
        select coalesce(min(created_at), $3)
        from service
        where ($1::bigint is null or id = $1)
            and ($2::bigint is null or team_id = $2)
        """,
        service_id,
        team_id,
        now,
    )
    return since


async def services_in_scope(tx: Tx, scope: Scope) -> int:
    """Return the number of services of the scope."""
    number: int = await tx.value(
        """
        select count(*)
        from service
        where deleted_at is null
            and ($1::bigint is null or id = $1)
            and ($2::bigint is null or team_id = $2)
        """,
        scope.service_id,
        scope.team_id,
    )
    return number


def _month(column: str, starts: str) -> str:
    return f"width_bucket({column}, {starts}::timestamptz[]) - 1"


async def factors(tx: Tx, scope: Scope, *, before: bool = False) -> dict[str, int]:
    """Return how many incidents that were declared in the period had each contributing factor."""
    conditions = Conditions()
    scope_store.declared(scope, conditions, before=before)
    rows = await tx.fetch(
        f"""
        select factor, count(distinct incident_fact.id) as incidents
        from incident_fact
        cross join unnest(incident_fact.factors) factor
        where {conditions.sql}
            and incident_fact.excluded is null
        group by factor
        """,
        *conditions.values,
    )
    return {row["factor"]: row["incidents"] for row in rows}


async def declared_by_month(tx: Tx, scope: Scope, starts: Sequence[datetime]) -> dict[tuple[int, int], int]:
    """Return how many incidents were declared by (number of the month, severity), in the period of the scope."""
    conditions = Conditions()
    scope_store.declared(scope, conditions)
    month = _month("incident_fact.declared_at", conditions.value(list(starts)))
    rows = await tx.fetch(
        f"""
        select {month} as month, incident_fact.severity_max, count(*) as incidents
        from incident_fact
        where {conditions.sql}
            and incident_fact.excluded is null
        group by 1, 2
        """,
        *conditions.values,
    )
    return {(row["month"], row["severity_max"]): row["incidents"] for row in rows}


_BY_MONTH = {
    "detect": ("incident_fact.detect_s", 3),
    "engage": ("incident_fact.engage_s", 1),
    "mitigate": ("incident_fact.mitigate_s", 2),
    "resolve": ("incident_fact.resolve_s", 3),
}
"""The column and the least severe incidents of each duration."""


async def quantiles_by_month(
    tx: Tx, slug: str, scope: Scope, starts: Sequence[datetime]
) -> list[MonthQuantiles]:
    """Return the quantiles of a duration by month, of what ended; months without any are missing."""
    conditions = Conditions()
    if slug == "acknowledge":
        scope_store.triggered(scope, conditions)
        column, at, table = "page_fact.ack_s", "page_fact.triggered_at", "page_fact"
        conditions.add("page_fact.excluded is null")
    else:
        column, worst = _BY_MONTH[slug]
        scope_store.closed(scope, conditions)
        conditions.add(f"incident_fact.severity_max <= {worst} and incident_fact.excluded is null")
        conditions.add("incident_fact.closed_at is not null")
        at, table = "incident_fact.closed_at", "incident_fact"
    conditions.add(f"{column} >= 0")
    month = _month(at, conditions.value(list(starts)))
    rows = await tx.fetch(
        f"""
        select
            {month} as month,
            count(*) as n,
            percentile_cont(array[0.1, 0.5, 0.9]) within group (order by {column}) as quantiles
        from {table}
        where {conditions.sql}
        group by 1
        order by 1
        """,
        *conditions.values,
    )
    return [MonthQuantiles(row["month"], row["n"], *row["quantiles"]) for row in rows]


async def pages_by_hour_and_rule(tx: Tx, scope: Scope) -> PageTotals:
    """Return the pages by hour of the week and by rule."""
    if _is_everything(scope):
        return await page_month_store.by_hour_and_rule(tx, scope.window.start, scope.window.end)
    conditions = Conditions()
    scope_store.triggered(scope, conditions)
    rows = await tx.fetch(
        f"""
        select {page_month_store.GROUP_COLUMNS}
        from page_fact
        where {conditions.sql}
            and page_fact.excluded is null
        {page_month_store.GROUPED}
        """,
        *conditions.values,
    )
    return page_totals.by_hour_and_rule([], [PageGroup(**dict(row)) for row in rows])


def _is_everything(scope: Scope) -> bool:
    """Return True if no filter leaves out a page, so that whole months can be counted at once."""
    return scope.severity is None and scope.team_id is None and scope.service_id is None


async def nights(tx: Tx, scope: Scope, *, before: bool = False) -> dict[int, int]:
    """Return how many nights of a person had each number of pages that woke them."""
    if _is_everything(scope):
        window = scope.window
        return await page_month_store.nights(tx, *(window.before if before else (window.start, window.end)))
    conditions = Conditions()
    scope_store.triggered(scope, conditions, before=before)
    rows = await tx.fetch(
        f"""
        with night as (
            select woken.person_id, page_fact.night, count(*) as pages
            from page_fact
            cross join unnest(page_fact.woken) woken (person_id)
            where {conditions.sql}
                and page_fact.night is not null
                and page_fact.excluded is null
            group by 1, 2
        )
        select pages, count(*) as nights
        from night
        group by 1
        """,
        *conditions.values,
    )
    return {row["pages"]: row["nights"] for row in rows}


async def levels(tx: Tx, scope: Scope) -> dict[int | None, int]:
    """Return the number of urgent pages by the level at which a person acknowledged; None for never."""
    conditions = Conditions()
    scope_store.triggered(scope, conditions)
    rows = await tx.fetch(
        f"""
        select
            case
                when page_fact.ack_s is not null and not page_fact.is_exhausted then page_fact.level
            end as level,
            count(*) as pages
        from page_fact
        where {conditions.sql}
            and page_fact.excluded is null
        group by 1
        """,
        *conditions.values,
    )
    return {row["level"]: row["pages"] for row in rows}


async def people_minutes(tx: Tx, scope: Scope, *, before: bool = False) -> tuple[int, int]:
    """Return the minutes that people spent on incidents closed in the period, and the number of these."""
    conditions = scope_store.closed_and_counted(scope, before=before)
    row = await tx.row(
        f"""
        select coalesce(sum(incident_fact.person_minutes), 0)::bigint as minutes, count(*) as incidents
        from incident_fact
        where {conditions.sql}
        """,
        *conditions.values,
    )
    assert row
    return row["minutes"], row["incidents"]
