"""The SQL of single values: how each incident or page counts in a metric, one statement for figures and lists.

A member has a time in seconds and whether it ended by then, or a hit, or the reason for which it is left out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.metrics.definitions import DEFINITIONS
from firebell.metrics.figures import scope_store
from firebell.metrics.figures.member_rows import Counted, Member
from firebell.metrics.figures.scope_store import Conditions
from firebell.metrics.model import Scope
from firebell.metrics.statistics.kaplan_meier import Step

MEMBERS_PER_PAGE = 50
POSTMORTEM_WITHIN = "interval '48 hours'"


@dataclass(frozen=True, slots=True)
class Rule:
    """How a metric reads a fact: `seconds`, `ended`, `hit` and `reason` are expressions of SQL.

    `{now}` stands for the present. `parts` and `hits` count more than one for an incident, such as its updates
    or its customer minutes.
    """

    within: Callable[..., None]
    starts_at: str
    ends_at: str
    seconds: str = "null::int"
    ended: str = "true"
    hit: str = "null::boolean"
    reason: str = "null::text"
    parts: str = "1"
    hits: str = ""
    only: str = ""


def _since(column: str) -> str:
    return f"extract(epoch from {{now}} - {column})::int"


def _timed(start: str, end: str, column: str, *, is_start_known: bool = True) -> Rule:
    """Return the rule of a duration of incidents; one that is open counts as running."""
    no_start = "" if is_start_known else f"when incident_fact.{start} is null then 'no_start'"
    return Rule(
        scope_store.closed,
        f"incident_fact.{start}",
        f"incident_fact.{end}",
        seconds=f"coalesce(incident_fact.{column}, {_since(f'incident_fact.{start}')})",
        ended=f"incident_fact.{column} is not null",
        reason=f"""case
            when incident_fact.excluded is not null then incident_fact.excluded
            {no_start}
            when incident_fact.{column} < 0 then 'negative'
            when incident_fact.{column} is null and incident_fact.closed_at is not null then 'no_end'
        end""",
    )


_EXCLUDED = "incident_fact.excluded"
_IMPACT_S = """extract(
            epoch from coalesce(incident_fact.impact_end, incident_fact.closed_at, {now})
                - coalesce(incident_fact.impact_start, incident_fact.detected_at)
        )::bigint"""
RULES = {
    "customer-minutes": Rule(
        scope_store.closed,
        "coalesce(incident_fact.impact_start, incident_fact.detected_at)",
        "coalesce(incident_fact.impact_end, incident_fact.closed_at)",
        seconds=_IMPACT_S,
        ended="coalesce(incident_fact.impact_end, incident_fact.closed_at) is not null",
        reason=f"""case
            when incident_fact.excluded is not null then incident_fact.excluded
            when incident_fact.customers is null then 'no_customers'
            when {_IMPACT_S} < 0 then 'negative'
        end""",
        hits=f"round(incident_fact.customers::numeric * {_IMPACT_S} / 60)",
    ),
    "detect": _timed("impact_start", "detected_at", "detect_s", is_start_known=False),
    "engage": Rule(
        scope_store.closed,
        "incident_fact.declared_at",
        "incident_fact.engaged_at",
        seconds="""coalesce(
            incident_fact.engage_s,
            extract(epoch from coalesce(incident_fact.closed_at, {now}) - incident_fact.declared_at)::int
        )""",
        ended="incident_fact.engage_s is not null",
        reason=_EXCLUDED,
    ),
    "mitigate": _timed("detected_at", "impact_end", "mitigate_s"),
    "resolve": _timed("detected_at", "resolved_at", "resolve_s"),
    "acknowledge": Rule(
        scope_store.triggered,
        "page_fact.triggered_at",
        "page_fact.triggered_at + make_interval(secs => coalesce(page_fact.ack_s, page_fact.censored_s))",
        seconds=f"coalesce(page_fact.ack_s, page_fact.censored_s, {_since('page_fact.triggered_at')})",
        ended="page_fact.ack_s is not null",
        reason="page_fact.excluded",
    ),
    "noise": Rule(
        scope_store.triggered,
        "page_fact.triggered_at",
        "null::timestamptz",
        hit="page_fact.is_noise",
        reason="page_fact.excluded",
    ),
    "levels": Rule(
        scope_store.triggered,
        "page_fact.triggered_at",
        "null::timestamptz",
        hit="page_fact.ack_s is not null and page_fact.level = 0 and not page_fact.is_exhausted",
        reason="page_fact.excluded",
    ),
    "nights": Rule(
        scope_store.triggered,
        "page_fact.triggered_at",
        "null::timestamptz",
        hit="true",
        reason="page_fact.excluded",
        only="page_fact.night is not null",
    ),
    "severity": Rule(
        scope_store.closed,
        "incident_fact.declared_at",
        "incident_fact.closed_at",
        hit="incident_fact.severity_first = incident_fact.severity_max",
        reason=_EXCLUDED,
        only="incident_fact.closed_at is not null",
    ),
    "updates": Rule(
        scope_store.closed,
        "incident_fact.declared_at",
        "incident_fact.resolved_at",
        hit="incident_fact.updates_on_time = incident_fact.updates_due",
        reason=_EXCLUDED,
        parts="incident_fact.updates_due",
        hits="incident_fact.updates_on_time",
        only="incident_fact.closed_at is not null and incident_fact.updates_due > 0",
    ),
    "postmortems": Rule(
        scope_store.closed,
        "incident_fact.closed_at",
        "incident_fact.postmortem_published_at",
        hit=f"""coalesce(
            incident_fact.postmortem_published_at <= incident_fact.closed_at + {POSTMORTEM_WITHIN},
            false
        )""",
        reason=f"""case
            when incident_fact.excluded is not null then incident_fact.excluded
            when incident_fact.postmortem_published_at is null
                and incident_fact.closed_at + {POSTMORTEM_WITHIN} > {{now}} then 'not_due'
        end""",
        only="incident_fact.closed_at is not null and incident_fact.postmortem_required",
    ),
    "repeats": Rule(
        scope_store.declared,
        "incident_fact.declared_at",
        "null::timestamptz",
        hit="incident_fact.repeat_of is not null",
        reason=_EXCLUDED,
    ),
    "preventable": Rule(
        scope_store.declared,
        "incident_fact.declared_at",
        "null::timestamptz",
        hit="""exists (
            select
            from action_question question
            where question.incident_id = incident_fact.id
                and question.answer in ('prevented', 'shortened')
        )""",
        reason=_EXCLUDED,
        only="""exists (
            select
            from action_question question
            where question.incident_id = incident_fact.id
                and question.answer is not null
        )""",
    ),
    "frequency": Rule(
        scope_store.declared,
        "incident_fact.declared_at",
        "incident_fact.closed_at",
        hit="true",
        reason=_EXCLUDED,
    ),
    "mtbf": Rule(
        scope_store.declared,
        "incident_fact.declared_at",
        "incident_fact.closed_at",
        hit="true",
        reason=_EXCLUDED,
    ),
    "cost": Rule(
        scope_store.closed,
        "incident_fact.declared_at",
        "incident_fact.closed_at",
        seconds="incident_fact.person_minutes * 60",
        reason=_EXCLUDED,
        only="incident_fact.closed_at is not null",
    ),
}
"""By the address of the metric."""


def columns_and_table(
    slug: str, scope: Scope, conditions: Conditions, *, before: bool = False
) -> tuple[str, str]:
    """Return the columns of members and the rest of their statement."""
    rule, definition = RULES[slug], DEFINITIONS[slug]
    is_page = rule.within is scope_store.triggered
    rule.within(scope, conditions, before=before)
    if definition.worst_severity < 3 and not is_page:
        conditions.add(f"incident_fact.severity_max <= {definition.worst_severity}")
    if rule.only:
        conditions.add(rule.only)
    uses_now = "{now}" in rule.seconds + rule.reason + rule.hits
    now = f"{conditions.value(scope.now)}::timestamptz" if uses_now else ""
    table = "page_fact" if is_page else "incident_fact"
    columns = f"""
            {rule.seconds.replace("{now}", now)} as seconds,
            {rule.ended} as has_ended,
            {rule.hit} as hit,
            ({rule.parts})::int as parts,
            ({rule.hits.replace("{now}", now) or f"({rule.hit})::int"})::bigint as hits,
            {rule.reason.replace("{now}", now)} as reason
    """
    return columns, f"from {table}"


async def steps(
    tx: Tx, slug: str, scope: Scope, *, before: bool = False
) -> tuple[list[Step], dict[str, int]]:
    """Return the durations of a metric, shortest first, and how many facts are left out by reason."""
    conditions = Conditions()
    columns, table = columns_and_table(slug, scope, conditions, before=before)
    rows = await tx.fetch(
        f"""
        with member as (
            select {columns}
            {table}
            where {conditions.sql}
        )
        select
            reason,
            case when reason is null then seconds end as seconds,
            count(*) filter (where has_ended) as ended,
            count(*) filter (where not has_ended) as censored
        from member
        group by 1, 2
        order by 2
        """,
        *conditions.values,
    )
    excluded = {row["reason"]: row["ended"] + row["censored"] for row in rows if row["reason"] is not None}
    counted = [
        Step(row["seconds"], row["ended"], row["censored"])
        for row in rows
        if row["reason"] is None and row["seconds"] is not None
    ]
    return counted, excluded


async def count(tx: Tx, slug: str, scope: Scope, *, before: bool = False) -> Counted:
    """Return how many facts count in a metric, the hits among them, and how many are left out by reason."""
    conditions = Conditions()
    columns, table = columns_and_table(slug, scope, conditions, before=before)
    rows = await tx.fetch(
        f"""
        with member as (
            select {columns}
            {table}
            where {conditions.sql}
        )
        select reason, count(*) as n, sum(parts)::int as parts, sum(hits)::bigint as hits
        from member
        group by 1
        """,
        *conditions.values,
    )
    excluded = {row["reason"]: row["n"] for row in rows if row["reason"] is not None}
    row = next((row for row in rows if row["reason"] is None), None)
    return Counted(row["parts"], row["hits"] or 0, excluded) if row else Counted(0, 0, excluded)


_PLACEHOLDER = re.compile(r"\$(\d+)")


def statement(slug: str, scope: Scope) -> str:
    """Return the SQL that counts a metric, with its values in it, for people to read; it names no private incident."""
    conditions = Conditions()
    columns, table = columns_and_table(slug, replace(scope, hidden=()), conditions)
    text = f"select {columns} {table} where {conditions.sql}"
    text = _PLACEHOLDER.sub(lambda match: _literal(conditions.values[int(match[1]) - 1]), text)
    text = " ".join(text.split())
    for word in ("from", "where", "and"):
        text = re.sub(rf" ({word} (?:page_fact|incident_fact|\())", r"\n\1", text)
    return text


def _literal(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, datetime):
        return f"'{value.isoformat()}'"
    return f"'{value}'" if isinstance(value, str) else str(value)


async def members(
    tx: Tx, slug: str, scope: Scope, after: int | None = None, limit: int = MEMBERS_PER_PAGE + 1
) -> list[Member]:
    """Return the incidents or pages behind a metric, newest first, also those that are left out."""
    conditions = Conditions()
    columns, table = columns_and_table(slug, scope, conditions)
    rule = RULES[slug]
    if rule.within is scope_store.triggered:
        cursor = ""
        if after is not None:
            cursor = f"""
            and (page_fact.triggered_at, page_fact.id) < (
                select last.triggered_at, last.id
                from page_fact last
                where last.id = {conditions.value(after)}::bigint
            )"""
        source = "left join page on page.id = page_fact.id"
        named = """
            page_fact.id, coalesce(page.title, page_fact.rule) as title, page_fact.severity, null::bigint as customers
        """
        order = "page_fact.triggered_at desc, page_fact.id desc"
    else:
        cursor = "" if after is None else f"and incident_fact.id < {conditions.value(after)}::bigint"
        source = "join incident on incident.id = incident_fact.id"
        named = """
            incident_fact.id, incident.title, incident_fact.severity_max as severity, incident_fact.customers
        """
        order = "incident_fact.id desc"
    rows = await tx.fetch(
        f"""
        select
            {named},
            {rule.starts_at} as starts_at,
            {rule.ends_at} as ends_at,
            {columns}
        {table}
        {source}
        where {conditions.sql}
            {cursor}
        order by {order}
        limit {conditions.value(limit)}
        """,
        *conditions.values,
    )
    return [Member(**dict(row)) for row in rows]
