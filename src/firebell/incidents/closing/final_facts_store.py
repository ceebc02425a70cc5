"""The SQL of the final facts of incidents."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents.closing.final_facts import FinalFacts
from firebell.kit.db.database import Tx


async def final_facts(tx: Tx, incident_id: int) -> FinalFacts:
    """Return the recorded facts of an incident, blank ones if there are none."""
    row = await tx.row(
        """
        select affected, cause, cause_category, customers
        from incident_final_facts
        where incident_id = $1
        """,
        incident_id,
    )
    return FinalFacts(**dict(row)) if row else FinalFacts()


async def customers_of(tx: Tx, incident_ids: Sequence[int]) -> dict[int, int]:
    """Return the number of affected customers of each incident, where it is known."""
    rows = await tx.fetch(
        """
        select incident_id, customers
        from incident_final_facts
        where incident_id = any($1::bigint[])
            and customers is not null
        """,
        list(incident_ids),
    )
    return {row["incident_id"]: row["customers"] for row in rows}


async def move_customers(tx: Tx, incident_id: int, into_id: int, now: datetime) -> int | None:
    """Give an incident the number of customers of one that was merged into it and return that; None if it has one."""
    moved: int | None = await tx.value(
        """
        insert into incident_final_facts (incident_id, customers, recorded_at, recorded_by, actor)
        select $2, customers, $3, recorded_by, actor
        from incident_final_facts
        where incident_id = $1
            and customers is not null
        on conflict (incident_id) do update
        set customers = excluded.customers
        where incident_final_facts.customers is null
        returning customers
        """,
        incident_id,
        into_id,
        now,
    )
    return moved


async def save(
    tx: Tx, incident_id: int, facts: FinalFacts, person_id: int | None, actor: str, now: datetime
) -> None:
    """Store the facts of an incident; the timeline has what they were before."""
    await tx.execute(
        """
        insert into incident_final_facts (
            incident_id, affected, cause, cause_category, customers, recorded_at, recorded_by, actor
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        on conflict (incident_id) do update
        set affected = excluded.affected,
            cause = excluded.cause,
            cause_category = excluded.cause_category,
            customers = excluded.customers,
            recorded_at = excluded.recorded_at,
            recorded_by = excluded.recorded_by,
            actor = excluded.actor
        """,
        incident_id,
        facts.affected,
        facts.cause,
        facts.cause_category,
        facts.customers,
        now,
        person_id,
        actor,
    )
