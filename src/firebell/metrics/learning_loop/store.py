"""The SQL of the learning loop of an incident: its fact, and the incidents that repeat it."""

from collections.abc import Sequence

from firebell.kit.db.database import Tx
from firebell.metrics.learning_loop.model import LoopIncident

REPEATS_MAX = 20

_COLUMNS = """
    fact.id,
    incident.title,
    fact.severity_max as severity,
    fact.declared_at,
    fact.closed_at,
    extract(epoch from fact.impact_end - coalesce(fact.impact_start, fact.detected_at))::int as impact_s,
    fact.resolve_s,
    fact.people,
    fact.person_minutes
"""


async def incident(tx: Tx, incident_id: int) -> LoopIncident | None:
    """Return what metrics know about an incident, None before its fact is computed."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from incident_fact fact
        join incident on incident.id = fact.id
        where fact.id = $1
        """,
        incident_id,
    )
    return LoopIncident(**dict(row)) if row else None


async def repeats(tx: Tx, incident_id: int, hidden: Sequence[int]) -> list[LoopIncident]:
    """Return the incidents that repeat one, and those that repeat these, oldest first, without the hidden ones."""
    rows = await tx.fetch(
        f"""
        with recursive repeat (id) as (
            select id
            from incident_fact
            where repeat_of = $1
            union
            select later.id
            from repeat
            join incident_fact later on later.repeat_of = repeat.id
        )
        select {_COLUMNS}
        from repeat
        join incident_fact fact on fact.id = repeat.id
        join incident on incident.id = fact.id
        where fact.excluded is null
            and fact.id <> all($2::bigint[])
        order by fact.declared_at, fact.id
        limit $3
        """,
        incident_id,
        list(hidden),
        REPEATS_MAX,
    )
    return [LoopIncident(**dict(row)) for row in rows]


async def repeated_by(tx: Tx, incident_ids: Sequence[int]) -> dict[int, int]:
    """Return the incident that each of these repeats, for those that repeat one."""
    rows = await tx.fetch(
        """
        select id, repeat_of
        from incident_fact
        where id = any($1::bigint[])
            and repeat_of is not null
            and excluded is null
        """,
        list(incident_ids),
    )
    return {row["id"]: row["repeat_of"] for row in rows}
