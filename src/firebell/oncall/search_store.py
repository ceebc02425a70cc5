"""The SQL of schedule search."""

from firebell.kit.db.database import Reads


async def schedule_ids(tx: Reads, tsquery: str, limit: int) -> list[int]:
    """Return the schedules whose name matches, by name."""
    rows = await tx.fetch(
        """
        select id
        from schedule
        where search_vector(name) @@ to_tsquery('simple', $1)
            and archived_at is null
        order by name, id
        limit $2
        """,
        tsquery,
        limit,
    )
    return [row["id"] for row in rows]
