"""The SQL that searches services."""

from firebell.kit.db.database import Reads


async def service_ids(tx: Reads, tsquery: str, limit: int) -> list[int]:
    """Return the ids of services that match: by name or slug first, then by description."""
    rows = await tx.fetch(
        """
        select id
        from service
        where deleted_at is null
            and search_vector(name || ' ' || slug || ' ' || description) @@ to_tsquery('simple', $1)
        order by search_vector(name || ' ' || slug) @@ to_tsquery('simple', $1) desc, name, id
        limit $2
        """,
        tsquery,
        limit,
    )
    return [row["id"] for row in rows]
