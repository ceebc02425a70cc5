"""The SQL that searches incidents."""

from firebell.incidents.model import OPEN
from firebell.kit.db.database import Reads, Row

RECENT_INCIDENTS = 1000
"""Number of newest incidents that are searched before the index, so that common words are found quickly."""


async def incident_ids(tx: Reads, tsquery: str, limit: int) -> list[int]:
    """Return the incidents whose title or summary matches: open ones first, the newest of each first.

    The work is bounded for common words and for rare ones, as that of `paging.search_store.page_ids`.
    """
    rows = await tx.fetch(
        """
        select id
        from incident
        where search_vector(title || ' ' || summary) @@ to_tsquery('simple', $1)
            and phase = any($2::text[])
        order by id + 0 desc
        limit $3
        """,
        tsquery,
        list(OPEN),
        limit,
    )
    if len(rows) < limit:
        rows += await _recent(tx, tsquery, limit - len(rows))
    if len(rows) < limit:
        rows += await tx.fetch(
            """
            select id
            from incident
            where search_vector(title || ' ' || summary) @@ to_tsquery('simple', $1)
                and phase <> all($2::text[])
            order by id + 0 desc
            limit $3
            """,
            tsquery,
            list(OPEN),
            limit,
        )
    return list(dict.fromkeys(row["id"] for row in rows))[:limit]


async def _recent(tx: Reads, tsquery: str, limit: int) -> list[Row]:
    return await tx.fetch(
        """
        select id
        from (
            select id, title, summary, phase
            from incident
            order by id desc
            limit $4
        ) recent
        where search_vector(title || ' ' || summary) @@ to_tsquery('simple', $1)
            and phase <> all($2::text[])
        order by id desc
        limit $3
        """,
        tsquery,
        list(OPEN),
        limit,
        RECENT_INCIDENTS,
    )


async def existing_id(tx: Reads, incident_id: int) -> int | None:
    """Return the id if there is such an incident, else None."""
    existing: int | None = await tx.value("select id from incident where id = $1", incident_id)
    return existing
