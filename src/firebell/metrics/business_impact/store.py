"""The SQL of business impacts: of one incident, and added up by currency."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.metrics import scope_store
from firebell.metrics.business_impact.model import BusinessImpact, GroupImpact, ImpactTotal
from firebell.metrics.dimension_store import INCIDENT_JOINS
from firebell.metrics.dimensions import Dimension
from firebell.metrics.model import Scope
from firebell.metrics.money import Money
from firebell.metrics.scope_store import Conditions

GROUPS_MAX = 100


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


def _closed(scope: Scope, *, before: bool = False) -> Conditions:
    """Return the conditions of the incidents that the cost of people counts: closed in the period, and not excluded."""
    conditions = Conditions()
    scope_store.closed(scope, conditions, before=before)
    conditions.add("incident_fact.closed_at is not null")
    conditions.add("incident_fact.excluded is null")
    return conditions


async def totals(tx: Tx, scope: Scope, *, before: bool = False) -> list[ImpactTotal]:
    """Return the business impact of the incidents of a scope by currency."""
    conditions = _closed(scope, before=before)
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
    """Return the business impact by service or contributing factor, and currency, the largest amounts first.

    An incident with several of them counts in full for each.
    """
    conditions = _closed(scope)
    rows = await tx.fetch(
        f"""
        select
            dimension.key,
            coalesce(dimension.label, dimension.key) as label,
            impact.currency,
            sum(impact.amount) as amount,
            count(*) as incidents
        from incident_fact
        join business_impact impact on impact.incident_id = incident_fact.id
        {INCIDENT_JOINS[by]}
        where {conditions.sql}
            and dimension.key is not null
        group by 1, 2, 3
        order by 4 desc, 1, 3
        limit {GROUPS_MAX}
        """,
        *conditions.values,
    )
    return [
        GroupImpact(row["key"], row["label"], Money(row["amount"], row["currency"]), row["incidents"])
        for row in rows
    ]
