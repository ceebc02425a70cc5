"""The SQL that reads alerts and their groups for people; `store` has the SQL of ingest."""

from collections.abc import Sequence
from datetime import datetime

from firebell.alerts.model import Alert, Group, StoredMessage
from firebell.alerts.titles import SEVERITIES
from firebell.kit.db.database import Row, Tx
from firebell.kit.text import MAX_ID

ALERT_COLUMNS = (
    "id, integration_id, dedup_key, group_id, status, title, body, severity, labels, annotations, links,"
    " starts_at, ends_at, last_seen, hi_at, hi_rank, ended_by, count, hi_seen, late_at, late_rank, missed,"
    " message_ids"
)
GROUP_COLUMNS = (
    "id, integration_id, service_id, key, title, urgency, opened_at, closed_at, last_at, alerts, firing,"
    " events, lead_key, lead_severity"
)


def alert_from_row(row: Row) -> Alert:
    return Alert(**{**dict(row), "message_ids": tuple(row["message_ids"])})


def group_from_row(row: Row) -> Group:
    return Group(**dict(row))


async def groups_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Group]:
    rows = await tx.fetch(
        f"""
        select {GROUP_COLUMNS}
        from alert_group
        where id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["id"]: group_from_row(row) for row in rows}


async def alerts_of_groups(tx: Tx, ids: Sequence[int], limit_each: int) -> dict[int, list[Alert]]:
    """Return up to `limit_each` alerts of each group: firing ones by severity, then the others, newest first."""
    rows = await tx.fetch(
        f"""
        select listed.*
        from unnest($1::bigint[]) as wanted (group_id)
        cross join lateral (
            select {ALERT_COLUMNS}
            from alert
            where group_id = wanted.group_id
            order by status = 'firing' desc,
                case when status = 'firing'
                    then coalesce(array_position($3::text[], coalesce(severity, '')), $4)
                end,
                id desc
            limit $2
        ) listed
        """,
        list(ids),
        limit_each,
        SEVERITIES,
        len(SEVERITIES) + 1,
    )
    alerts_by_group: dict[int, list[Alert]] = {group_id: [] for group_id in ids}
    for row in rows:
        alerts_by_group[row["group_id"]].append(alert_from_row(row))
    return alerts_by_group


async def alert(tx: Tx, alert_id: int) -> Alert | None:
    row = await tx.row(
        f"""
        select {ALERT_COLUMNS}
        from alert
        where id = $1
        """,
        alert_id,
    )
    return alert_from_row(row) if row else None


async def alerts(
    tx: Tx,
    query: str,
    before: int | None,
    limit: int,
    *,
    service_id: int | None = None,
    firing: bool = False,
) -> list[Alert]:
    """Return alerts whose title contains `query` or whose key is `query`, newest first, of one service or all."""
    # a literal status lets the planner use the partial index of firing alerts
    matching = f"""
        ($1 = '' or position(lower($1) in lower(title)) > 0 or dedup_key = $1)
            {"and status = 'firing'" if firing else ""}
    """
    if service_id is None:
        rows = await tx.fetch(
            f"""
            select {ALERT_COLUMNS}
            from alert
            where {matching}
                and ($2::bigint is null or id < $2)
            order by id desc
            limit $3
            """,
            query,
            before,
            limit,
        )
    else:
        # with an equality instead of this range the planner may scan the alerts of all services backward
        rows = await tx.fetch(
            f"""
            select newest.*
            from integration
            cross join lateral (
                select {ALERT_COLUMNS}
                from alert
                where integration_id >= integration.id
                    and (integration_id, id) < (integration.id, $2::bigint)
                    and {matching}
                order by integration_id desc, id desc
                limit $3
            ) newest
            where integration.service_id = $4
            order by newest.id desc
            limit $3
            """,
            query,
            MAX_ID if before is None else before,
            limit,
            service_id,
        )
    return [alert_from_row(row) for row in rows]


async def messages(
    tx: Tx, integration_id: int, ids: Sequence[int], limit: int | None = None
) -> list[StoredMessage]:
    """Return these messages of an integration, oldest first, with the first `limit` bytes of each or all."""
    rows = await tx.fetch(
        """
        select
            message.id,
            message.received_at,
            message.source,
            case when $3::int is null then body else substring(body from 1 for $3) end as body,
            octet_length(body) as size,
            message.error,
            integration.key
        from event as message
        join integration on integration.id = message.integration_id
        where message.id = any($1::bigint[])
            and message.integration_id = $2
        order by message.id
        """,
        list(ids),
        integration_id,
        limit,
    )
    return [StoredMessage(**dict(row)) for row in rows]


async def alert_times(tx: Tx, since: datetime) -> list[datetime]:
    """Return the start times of alerts since then, newest first, at most 5,000."""
    rows = await tx.fetch(
        """
        select starts_at
        from alert
        where starts_at >= $1
            and count > 0
        order by id desc
        limit 5000
        """,
        since,
    )
    return [row["starts_at"] for row in rows]
