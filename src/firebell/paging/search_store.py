"""The SQL that searches pages and escalation policies."""

from firebell.kit.db.database import Reads, Row
from firebell.paging.model import OPEN, PageState

RECENT = 1000
"""Number of the newest pages that are searched before the index: a common word is found among them."""


async def page_ids(tx: Reads, tsquery: str, limit: int) -> list[int]:
    """Return the pages whose title matches, open ones first, newest first.

    The work is bounded for common and rare words: the index is not ordered, so it would read every match of a
    common word, and a rare word may not be in the newest pages. `id + 0` keeps the planner from scanning by id.
    """
    rows = await tx.fetch(
        """
        select id
        from page
        where search_vector(title) @@ to_tsquery('simple', $1)
            and state = any($2::text[])
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
            from page
            where search_vector(title) @@ to_tsquery('simple', $1)
                and state = $2
            order by id + 0 desc
            limit $3
            """,
            tsquery,
            PageState.RESOLVED,
            limit,
        )
    return list(dict.fromkeys(row["id"] for row in rows))[:limit]


async def _recent(tx: Reads, tsquery: str, limit: int) -> list[Row]:
    return await tx.fetch(
        """
        select id
        from (
            select id, title, state
            from page
            order by id desc
            limit $4
        ) recent
        where search_vector(title) @@ to_tsquery('simple', $1)
            and state = $2
        order by id desc
        limit $3
        """,
        tsquery,
        PageState.RESOLVED,
        limit,
        RECENT,
    )


async def policy_ids(tx: Reads, tsquery: str, limit: int) -> list[int]:
    """Return the escalation policies whose name matches, by name."""
    rows = await tx.fetch(
        """
        select id
        from policy
        where search_vector(name) @@ to_tsquery('simple', $1)
        order by name, id
        limit $2
        """,
        tsquery,
        limit,
    )
    return [row["id"] for row in rows]


async def open_pages(tx: Reads, service_ids: list[int]) -> dict[int, int]:
    """Return the number of open pages of each service that has one."""
    rows = await tx.fetch(
        """
        select service_id, count(*) as pages
        from page
        where state = any($2::text[])
            and service_id = any($1::bigint[])
        group by service_id
        """,
        service_ids,
        list(OPEN),
    )
    return {row["service_id"]: row["pages"] for row in rows}
