"""The SQL of a metric split by a dimension: one statement for all groups."""

from collections.abc import Sequence
from dataclasses import dataclass

from firebell.kit.db.database import Tx
from firebell.metrics import windows
from firebell.metrics.definitions import DEFINITIONS, Kind
from firebell.metrics.dimensions import Dimension
from firebell.metrics.figures import member_store, scope_store
from firebell.metrics.figures.scope_store import Conditions
from firebell.metrics.model import Scope
from firebell.metrics.statistics.kaplan_meier import Step

GROUPS_MAX = 100


@dataclass(frozen=True, slots=True)
class GroupTotals:
    """The facts of one group; `key` and `label` are blank for those without a value."""

    key: str
    label: str
    durations: Sequence[Step]
    n: int
    parts: int
    hits: int
    total_s: int
    excluded: dict[str, int]


INCIDENT_JOINS = {
    Dimension.SERVICE: """
        left join lateral (
            select service.slug as key, service.name as label
            from incident_fact_service affected
            join service on service.id = affected.service_id
            where affected.incident_id = incident_fact.id
        ) dimension on true
    """,
    Dimension.TEAM: """
        left join lateral (
            select distinct team.slug as key, team.name as label
            from incident_fact_service affected
            join service on service.id = affected.service_id
            join team on team.id = service.team_id
            where affected.incident_id = incident_fact.id
        ) dimension on true
    """,
    Dimension.FACTOR: """
        left join lateral (
            select factor as key, null::text as label
            from unnest(incident_fact.factors) factor
        ) dimension on true
    """,
}
"""The join that gives an incident its services, teams or factors as `dimension.key`, with `dimension.label`."""
_PAGE_JOINS = {
    Dimension.SERVICE: """
        left join lateral (
            select service.slug as key, service.name as label
            from service
            where service.id = page_fact.service_id
        ) dimension on true
    """,
    Dimension.TEAM: """
        left join lateral (
            select team.slug as key, team.name as label
            from team
            where team.id = page_fact.team_id
        ) dimension on true
    """,
}


def _key(slug: str, by: Dimension, scope: Scope, conditions: Conditions) -> tuple[str, str]:
    """Return the expression of the key of a group, and the join that it needs."""
    rule = member_store.RULES[slug]
    is_page = rule.within is scope_store.triggered
    table = "page_fact" if is_page else "incident_fact"
    match by:
        case Dimension.SEVERITY:
            return f"{table}.severity{'' if is_page else '_max'}::text", ""
        case Dimension.TYPE:
            return "incident_fact.type", ""
        case Dimension.RULE:
            return "page_fact.rule", ""
        case Dimension.WEEKDAY:
            day = (
                "extract(isodow from page_fact.night)::int - 1" if slug == "nights" else "page_fact.hour / 24"
            )
            return f"({day})::text", ""
        case Dimension.MONTH:
            at = "page_fact.triggered_at" if is_page else "incident_fact.declared_at"
            if rule.within is scope_store.closed:
                at = f"coalesce(incident_fact.closed_at, {conditions.value(scope.now)}::timestamptz)"
            window = scope.window
            months = windows.months(window.first_day, window.last_day, window.zone)
            names = conditions.value([f"{month:%Y-%m}" for month, _ in months])
            starts = conditions.value([start for _, start in months])
            return f"({names}::text[])[width_bucket({at}, {starts}::timestamptz[])]", ""
        case _:
            return "dimension.key", (_PAGE_JOINS if is_page else INCIDENT_JOINS)[by]


def only_filtered(join: str, by: Dimension, scope: Scope, conditions: Conditions) -> str:
    """Return the condition that keeps only the services or teams that match the filters of a scope."""
    if join and by is Dimension.SERVICE and scope.service_id is not None:
        return f"""
            and dimension.key = (select slug from service where id = {conditions.value(scope.service_id)}::bigint)
        """
    if join and by is Dimension.TEAM and scope.team_id is not None:
        return f"""
            and dimension.key = (select slug from team where id = {conditions.value(scope.team_id)}::bigint)
        """
    if join == INCIDENT_JOINS[Dimension.SERVICE] and scope.team_id is not None:
        return f"""
            and dimension.key in (select slug from service where team_id = {conditions.value(scope.team_id)}::bigint)
        """
    return ""


async def nights(tx: Tx, scope: Scope, by: Dimension) -> list[GroupTotals]:
    """Return the interrupted nights of people in each group, at most `GROUPS_MAX`: those with the most of them.

    A night counts once in a group, however many pages it had, and in each group that one of its pages belongs to.
    """
    conditions = Conditions()
    scope_store.triggered(scope, conditions)
    conditions.add("page_fact.night is not null and page_fact.excluded is null")
    key, join = _key("nights", by, scope, conditions)
    label = "dimension.label" if join else "null::text"
    rows = await tx.fetch(
        f"""
        select
            coalesce({key}, '') as key,
            coalesce({label}, '') as label,
            count(distinct (woken.person_id, page_fact.night)) as nights
        from page_fact
        cross join unnest(page_fact.woken) woken (person_id)
        {join}
        where {conditions.sql}
            {only_filtered(join, by, scope, conditions)}
        group by 1, 2
        order by nights desc, 1
        limit {GROUPS_MAX}
        """,
        *conditions.values,
    )
    return [GroupTotals(row["key"], row["label"], [], row["nights"], row["nights"], 0, 0, {}) for row in rows]


async def groups(
    tx: Tx, slug: str, scope: Scope, by: Dimension, limit: int = GROUPS_MAX
) -> list[GroupTotals]:
    """Return the totals of the groups with the most facts, at most `limit`.

    A fact with several services or teams counts once in each. Durations are shortest first.
    """
    conditions = Conditions()
    columns, table = member_store.columns_and_table(slug, scope, conditions)
    key, join = _key(slug, by, scope, conditions)
    label = "dimension.label" if join else "null::text"
    service_filter = only_filtered(join, by, scope, conditions)
    is_duration = DEFINITIONS[slug].kind is Kind.DURATION
    rows = await tx.fetch(
        f"""
        with member as (
            select coalesce({key}, '') as key, coalesce({label}, '') as label, {columns}
            {table}
            {join}
            where {conditions.sql}
            {service_filter}
        ),
        largest as (
            select key
            from member
            group by key
            order by count(*) filter (where reason is null) desc, key
            limit {limit}
        )
        select
            key,
            label,
            reason,
            case when reason is null and {"true" if is_duration else "false"} then seconds end as seconds,
            count(*) as n,
            count(*) filter (where has_ended) as ended,
            coalesce(sum(parts), 0)::bigint as parts,
            coalesce(sum(hits), 0)::bigint as hits,
            coalesce(sum(seconds), 0)::bigint as total_s
        from member
        join largest using (key)
        group by 1, 2, 3, 4
        order by 1, 4
        """,
        *conditions.values,
    )
    by_key: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        by_key.setdefault(row["key"], []).append(index)
    totals = []
    for value, indexes in by_key.items():
        of_key = [rows[index] for index in indexes]
        counted = [row for row in of_key if row["reason"] is None]
        totals.append(
            GroupTotals(
                value,
                of_key[0]["label"],
                [
                    Step(row["seconds"], row["ended"], row["n"] - row["ended"])
                    for row in counted
                    if row["seconds"] is not None
                ],
                sum(row["n"] for row in counted),
                sum(row["parts"] for row in counted),
                sum(row["hits"] for row in counted),
                sum(row["total_s"] for row in counted),
                {row["reason"]: row["n"] for row in of_key if row["reason"] is not None},
            )
        )
    return totals
