"""The SQL of who wants to know when an incident can be closed."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx


async def add(tx: Tx, incident_id: int, person_id: int, now: datetime) -> None:
    """Notify a person when an incident can be closed. Idempotent."""
    await tx.execute(
        """
        insert into closing_watch (incident_id, person_id, since)
        values ($1, $2, $3)
        on conflict do nothing
        """,
        incident_id,
        person_id,
        now,
    )


async def remove(tx: Tx, incident_id: int, person_id: int) -> None:
    """Stop notifying a person. Idempotent."""
    await tx.execute(
        """
        delete from closing_watch
        where incident_id = $1
            and person_id = $2
        """,
        incident_id,
        person_id,
    )


async def is_watching(tx: Tx, incident_id: int, person_id: int) -> bool:
    """Return True if a person is notified when an incident can be closed."""
    return bool(
        await tx.value(
            """
            select exists (
                select
                from closing_watch
                where incident_id = $1
                    and person_id = $2
            )
            """,
            incident_id,
            person_id,
        )
    )


async def not_notified(tx: Tx, incident_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return the people by incident who do not know yet that it can be closed."""
    rows = await tx.fetch(
        """
        select incident_id, person_id
        from closing_watch
        where incident_id = any($1::bigint[])
            and notified_at is null
        order by incident_id, person_id
        """,
        list(incident_ids),
    )
    watchers: dict[int, list[int]] = {}
    for row in rows:
        watchers.setdefault(row["incident_id"], []).append(row["person_id"])
    return watchers


async def mark_notified(tx: Tx, incident_id: int, notified_at: datetime | None) -> None:
    """Record when everyone was notified; None for an incident that can't be closed anymore."""
    await tx.execute(
        """
        update closing_watch
        set notified_at = $2
        where incident_id = $1
        """,
        incident_id,
        notified_at,
    )


async def end(tx: Tx, incident_id: int) -> list[int]:
    """End the notifications of an incident and return who had asked for them."""
    rows = await tx.fetch(
        """
        delete from closing_watch
        where incident_id = $1
        returning person_id
        """,
        incident_id,
    )
    return sorted(row["person_id"] for row in rows)
