"""The SQL that searches alerts by the words of their titles, or by a whole deduplication key."""

from firebell.alerts.model import AlertFilter
from firebell.alerts.read_store import MUTED, newest_alerts
from firebell.kit.db.database import Tx
from firebell.kit.search_terms import NEWEST_SEARCHED


async def ids_by_key(tx: Tx, key: str, before: int, limit: int, wanted: AlertFilter) -> list[int]:
    """Return the newest alerts with this deduplication key, from the index of each integration."""
    rows = await tx.fetch(
        f"""
        select of_key.id
        from integration
        cross join lateral (
            select alert.id, alert.routed_service_id
            from alert
            where integration_id = integration.id
                and dedup_key = $1
                and alert.id < $2
                {"and status = 'firing'" if wanted.is_firing else ""}
                {MUTED if wanted.is_muted else ""}
            order by alert.id desc
            limit $3
        ) of_key
        where $4::bigint is null
            or $4 in (integration.service_id, of_key.routed_service_id)
        order by of_key.id desc
        limit $3
        """,
        key,
        before,
        limit,
        wanted.service_id,
    )
    return [row["id"] for row in rows]


async def ids_by_title(tx: Tx, tsquery: str, before: int, limit: int, wanted: AlertFilter) -> list[int]:
    """Return the newest alerts whose titles match, in bounded time for common and for rare words."""
    ids = await _newest_ids(tx, tsquery, before, limit, wanted)
    if len(ids) == limit:
        return ids
    # `id + 0` keeps the planner from reading all alerts in the order of their ids
    rows = await tx.fetch(
        f"""
        select id
        from alert
        where search_vector(title) @@ to_tsquery('simple', $1)
            and id < $2
            {"and status = 'firing'" if wanted.is_firing else ""}
            {MUTED if wanted.is_muted else ""}
            and (
                $4::bigint is null
                or routed_service_id = $4
                or integration_id in (select id from integration where service_id = $4)
            )
        order by id + 0 desc
        limit $3
        """,
        tsquery,
        before,
        limit,
        wanted.service_id,
    )
    return [row["id"] for row in rows]


async def _newest_ids(tx: Tx, tsquery: str, before: int, limit: int, wanted: AlertFilter) -> list[int]:
    values: list[object] = [before, NEWEST_SEARCHED]
    values += [] if wanted.service_id is None else [wanted.service_id]
    newest = newest_alerts("id, title", wanted)
    rows = await tx.fetch(
        f"""
        select id
        from (
            {newest}
        ) searched
        where search_vector(title) @@ to_tsquery('simple', ${len(values) + 1})
        order by id desc
        limit ${len(values) + 2}
        """,
        *values,
        tsquery,
        limit,
    )
    return [row["id"] for row in rows]
