"""The SQL of the pages of one service."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.text import MAX_ID
from firebell.paging import store
from firebell.paging.model import OPEN, OpenPages, Page, PageState


async def open_pages(tx: Tx, service_ids: Collection[int] | None) -> list[OpenPages]:
    """Return the open pages of these services by state, without those of drills; None means all services."""
    among = "" if service_ids is None else "and service_id = any($2::bigint[])"
    rows = await tx.fetch(
        f"""
        select service_id, state, count(*) as count, min(id) as oldest_id
        from page
        where state = any($1::text[])
            and service_id is not null
            and not coalesce((plan ->> 'is_drill')::boolean, false)
            {among}
        group by service_id, state
        """,
        [str(state) for state in OPEN],
        *([] if service_ids is None else [list(service_ids)]),
    )
    return [OpenPages(r["service_id"], PageState(r["state"]), r["count"], r["oldest_id"]) for r in rows]


async def pages(tx: Tx, service_id: int, states: Sequence[str], limit: int) -> list[Page]:
    """Return the newest pages of a service in these states, newest first."""
    # ranges, because with equalities the planner may scan the pages of all services backward
    rows = await tx.fetch(
        """
        select newest.id
        from unnest($2::text[]) section (state)
        cross join lateral (
            select id
            from page
            where (service_id, state) >= ($1, section.state)
                and (service_id, state, id) <= ($1, section.state, $4::bigint)
            order by service_id desc, state desc, id desc
            limit $3
        ) newest
        order by newest.id desc
        limit $3
        """,
        service_id,
        list(states),
        limit,
        MAX_ID,
    )
    by_id = await store.pages_by_id(tx, [row["id"] for row in rows])
    return [by_id[row["id"]] for row in rows]


async def last_resolved_at(tx: Tx, service_id: int) -> datetime | None:
    """Return when a page of a service was last resolved, None if never."""
    resolved_at: datetime | None = await tx.value(
        """
        select resolved_at
        from page
        where service_id = $1
            and state = 'resolved'
            and resolved_at is not null
        order by resolved_at desc
        limit 1
        """,
        service_id,
    )
    return resolved_at
