"""The SQL of incidents that belong together: linked, child and merged ones."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents.model import Relation
from firebell.kit.db.database import Tx


async def add(
    tx: Tx, incident_id: int, other_id: int, kind: str, created_by: int | None, now: datetime
) -> bool:
    """Insert a relation and return True; return False if the two are related or `other_id` has a parent."""
    changed = await tx.changed(
        """
        insert into incident_relation (incident_id, other_id, kind, created_at, created_by)
        values ($1, $2, $3, $4, $5)
        on conflict do nothing
        """,
        incident_id,
        other_id,
        kind,
        now,
        created_by,
    )
    return changed == 1


async def remove(tx: Tx, one_id: int, other_id: int) -> bool:
    """Delete the relation of two incidents and return True; return False if there is none."""
    changed = await tx.changed(
        """
        delete from incident_relation
        where (incident_id = $1 and other_id = $2)
            or (incident_id = $2 and other_id = $1)
        """,
        one_id,
        other_id,
    )
    return changed > 0


async def relations(tx: Tx, incident_id: int) -> list[Relation]:
    """Return the relations of an incident as it sees them, and what was merged into it, in order of their ids."""
    rows = await tx.fetch(
        """
        select other_id incident_id, kind
        from incident_relation
        where incident_id = $1
        union all
        select incident_id, case kind when 'child' then 'parent' else kind end
        from incident_relation
        where other_id = $1
        union all
        select id, 'merged'
        from incident
        where merged_into = $1
        order by incident_id
        """,
        incident_id,
    )
    return [Relation(row["incident_id"], row["kind"]) for row in rows]


async def ancestors(tx: Tx, incident_id: int) -> Sequence[int]:
    """Return the ids of the parents of an incident, up to the topmost."""
    rows = await tx.fetch(
        """
        with recursive ancestor (id) as (
            select incident_id
            from incident_relation
            where other_id = $1
                and kind = 'child'
            union
            select incident_relation.incident_id
            from incident_relation
            join ancestor on incident_relation.other_id = ancestor.id
            where incident_relation.kind = 'child'
        )
        select id
        from ancestor
        """,
        incident_id,
    )
    return [row["id"] for row in rows]


async def move_reports(tx: Tx, incident_id: int, into_id: int) -> None:
    """Give the customer reports of a merged incident to the one it was merged into."""
    await tx.execute(
        """
        update customer_report
        set incident_id = $2
        where incident_id = $1
        """,
        incident_id,
        into_id,
    )
