"""The SQL of business impacts: of one incident, and added up by currency."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.metrics.business_impact.model import BusinessImpact, GroupImpact, ImpactTotal
from firebell.metrics.dimensions import Dimension
from firebell.metrics.figures import scope_store
from firebell.metrics.figures.dimension_store import INCIDENT_JOINS, only_filtered
from firebell.metrics.model import Scope
from firebell.metrics.money import Money

GROUPS_MAX = 100
"""How many groups of one currency are listed."""


async def of_incident(tx: Tx, incident_id: int) -> BusinessImpact | None:
    """Return the business impact of an incident, None if no one entered it."""
    row = await tx.row(
        """
        select amount, currency, source, recorded_at, actor
        from business_impact
        where incident_id = $1
        """,
        incident_id,
    )
    if row is None:
        return None
    return BusinessImpact(
        Money(row["amount"], row["currency"]), row["source"], row["recorded_at"], row["actor"]
    )


async def save(
    tx: Tx, incident_id: int, money: Money, source: str, person_id: int | None, actor: str, now: datetime
) -> None:
    """Store the business impact of an incident instead of what was stored before."""
    await tx.execute(
        """
        insert into business_impact (incident_id, amount, currency, source, recorded_at, recorded_by, actor)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (incident_id) do update
        set amount = excluded.amount,
            currency = excluded.currency,
            source = excluded.source,
            recorded_at = excluded.recorded_at,
            recorded_by = excluded.recorded_by,
            actor = excluded.actor
        """,
        incident_id,
        money.amount,
        money.currency,
        source,
        now,
        person_id,
        actor,
    )


async def delete(tx: Tx, incident_id: int) -> None:
    """Delete the business impact of an incident."""
    await tx.execute("delete from business_impact where incident_id = $1", incident_id)


async def move(tx: Tx, incident_id: int, into_id: int) -> BusinessImpact | None:
    """Move the business impact of an incident to another one; return it, None if nothing was moved."""
    moved = await tx.changed(
        """
        update business_impact
        set incident_id = $2
        where incident_id = $1
            and not exists (
                select
                from business_impact other
                where other.incident_id = $2
            )
        """,
        incident_id,
        into_id,
    )
    return await of_incident(tx, into_id) if moved else None


async def totals(tx: Tx, scope: Scope, *, before: bool = False) -> list[ImpactTotal]:
    """Return the business impact of the incidents of a scope by currency."""
    conditions = scope_store.closed_and_counted(scope, before=before)
    rows = await tx.fetch(
        f"""
        select impact.currency, sum(impact.amount) as amount, count(*) as incidents
        from incident_fact
        join business_impact impact on impact.incident_id = incident_fact.id
        where {conditions.sql}
        group by impact.currency
        order by impact.currency
        """,
        *conditions.values,
    )
    return [ImpactTotal(Money(row["amount"], row["currency"]), row["incidents"]) for row in rows]


async def split(tx: Tx, scope: Scope, by: Dimension) -> list[GroupImpact]:
    """Return the business impact by service or contributing factor, and currency.

    Currencies with the most incidents come first; within a currency, the largest amounts do. An incident with several
    services or factors counts in full for each. With a filter, only services that match it are listed.
    """
    conditions = scope_store.closed_and_counted(scope)
    join = INCIDENT_JOINS[by]
    service_filter = only_filtered(join, by, scope, conditions)
    rows = await tx.fetch(
        f"""
        with total as (
            select
                dimension.key,
                coalesce(dimension.label, dimension.key) as label,
                impact.currency,
                sum(impact.amount) as amount,
                count(*) as incidents
            from incident_fact
            join business_impact impact on impact.incident_id = incident_fact.id
            {join}
            where {conditions.sql}
                and dimension.key is not null
                {service_filter}
            group by 1, 2, 3
        ),
        ranked as (
            select
                total.*,
                sum(incidents) over (partition by currency) as of_currency,
                row_number() over (partition by currency order by amount desc, key) as place
            from total
        )
        select key, label, currency, amount, incidents
        from ranked
        where place <= {GROUPS_MAX}
        order by of_currency desc, currency, place
        """,
        *conditions.values,
    )
    return [
        GroupImpact(row["key"], row["label"], Money(row["amount"], row["currency"]), row["incidents"])
        for row in rows
    ]
