"""The SQL that searches incidents."""

from firebell.incidents.model import OPEN
from firebell.incidents.visibility_store import Values, readable
from firebell.kit.db.database import Reads, Row

RECENT_INCIDENTS = 1000
"""Number of newest incidents that are searched before the index, so that common words are found quickly."""


async def incident_ids(tx: Reads, tsquery: str, limit: int) -> list[int]:
    """Return the readable incidents whose title or summary matches: open ones first, the newest of each first.

    The work is bounded for common words and for rare ones, as that of `paging.search_store.page_ids`.
    """
    values = Values(tsquery, list(OPEN), limit)
    rows = await tx.fetch(
        f"""
        select id
        from incident
        where search_vector(title || ' ' || summary) @@ to_tsquery('simple', $1)
            and phase = any($2::text[])
            and {readable(values.add)}
        order by id + 0 desc
        limit $3
        """,
        *values.values,
    )
    if len(rows) < limit:
        rows += await _recent(tx, tsquery, limit - len(rows))
    if len(rows) < limit:
        values = Values(tsquery, list(OPEN), limit)
        rows += await tx.fetch(
            f"""
            select id
            from incident
            where search_vector(title || ' ' || summary) @@ to_tsquery('simple', $1)
                and phase <> all($2::text[])
                and {readable(values.add)}
            order by id + 0 desc
            limit $3
            """,
            *values.values,
        )
    return list(dict.fromkeys(row["id"] for row in rows))[:limit]


async def _recent(tx: Reads, tsquery: str, limit: int) -> list[Row]:
    values = Values(tsquery, list(OPEN), limit, RECENT_INCIDENTS)
    return await tx.fetch(
        f"""
        select id
        from (
            select id, title, summary, phase, visibility
            from incident
            order by id desc
            limit $4
        ) incident
        where search_vector(title || ' ' || summary) @@ to_tsquery('simple', $1)
            and phase <> all($2::text[])
            and {readable(values.add)}
        order by id desc
        limit $3
        """,
        *values.values,
    )


async def existing_id(tx: Reads, incident_id: int) -> int | None:
    """Return the id if there is such an incident that may be read, else None."""
    values = Values(incident_id)
    existing: int | None = await tx.value(
        f"""
        select id
        from incident
        where id = $1
            and {readable(values.add)}
        """,
        *values.values,
    )
    return existing
