"""The SQL that reads alerts and their groups for people; that of ingest is in `batches.store`."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from firebell.alerts.batches.group_titles import SEVERITIES
from firebell.alerts.cleaning import FARTHEST_AHEAD, OLDEST
from firebell.alerts.flap import Flap
from firebell.alerts.model import TEST_KEY_PREFIX, Alert, AlertFilter, Group, LabeledAlert, StoredMessage
from firebell.alerts.time_range import TimeRange
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.text import MAX_ID

ALERT_COLUMNS = (
    "id, integration_id, dedup_key, group_id, status, title, body, severity, labels, annotations, links,"
    " starts_at, ends_at, last_seen, hi_at, hi_rank, ended_by, count, hi_seen, late_at, late_rank, missed,"
    " message_ids, routed_service_id, rule_id, routing_version_id, is_fallback, flap"
)
_ALERT_FIELDS = ALERT_COLUMNS.split(", ")
GROUP_COLUMNS = (
    "id, integration_id, service_id, key, title, urgency, opened_at, closed_at, last_at, alerts, firing,"
    " events, lead_key, lead_severity"
)

NOT_FIRING = 9
_SEVERITY_RANK = (
    f"coalesce(array_position(array{list(SEVERITIES)}, coalesce(severity, '')), {len(SEVERITIES) + 1})"
)
LISTED = f"(case when status <> 'firing' then {NOT_FIRING} else {_SEVERITY_RANK} end)"
"""The rank of an alert in its group, as the index `alert_listed` has it: firing ones by severity, then the others."""


_OVERTAKEN = timedelta(minutes=5)
"""How much later than another one an alert with a lower id is stored at most."""

_NEIGHBORS = 1_000
"""Alerts on each side of an instant whose ids are compared."""

# looked up for each alert; with `exists` the planner may read the whole table
MUTED = "and (select true from muted_alert where muted_alert.alert_id = alert.id)"


def alert_from_row(row: Row) -> Alert:
    """Return the alert in a row that has `ALERT_COLUMNS`, and perhaps others."""
    fields = {name: row[name] for name in _ALERT_FIELDS}
    flap = msgspec.convert(row["flap"], Flap) if row["flap"] else None
    return Alert(**{**fields, "message_ids": tuple(row["message_ids"]), "flap": flap})


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
            order by {LISTED}, id desc
            limit $2
        ) listed
        """,
        list(ids),
        limit_each,
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


def started(wanted: AlertFilter, values: list[object]) -> str:
    """Return the condition that an alert began in the range of a filter, and append what it needs to `values`."""
    conditions = []
    if wanted.above_id:
        values.append(wanted.above_id)
        conditions.append(f"and id > ${len(values)}::bigint")
    if wanted.started.start is not None:
        values.append(wanted.started.start)
        conditions.append(f"and starts_at >= ${len(values)}::timestamptz")
    if wanted.started.end is not None:
        values.append(wanted.started.end)
        conditions.append(f"and starts_at < ${len(values)}::timestamptz")
    return " ".join(conditions)


def newest_alerts(columns: str, before: int, limit: int, wanted: AlertFilter) -> tuple[str, list[object]]:
    """Return the statement for the newest alerts with an id below `before`, of all services or of one, and its values.

    A service has the alerts that its keys received, also those that a rule sent elsewhere, and those sent to it.
    """
    values: list[object] = [before, limit]
    if wanted.service_id is not None:
        values.append(wanted.service_id)
    in_range = started(wanted, values)
    # a literal status lets the planner use the partial index of firing alerts
    status = "and status = 'firing'" if wanted.is_firing else ""
    if wanted.is_muted and wanted.is_firing:
        # of the alerts that maintenance ever muted, few fire
        status = f"{status} {MUTED}"
    elif wanted.is_muted:
        statement = f"""
            select {columns}
            from muted_alert
            join alert on alert.id = muted_alert.alert_id
            where muted_alert.alert_id < $1
                {"and muted_alert.service_id = $3" if wanted.service_id is not None else ""}
                {in_range}
            order by muted_alert.alert_id desc
            limit $2
        """
        return statement, values
    if wanted.service_id is None:
        statement = f"""
            select {columns}
            from alert
            where id < $1
                {in_range}
                {status}
            order by id desc
            limit $2
        """
        return statement, values
    # with an equality instead of this range the planner may scan the alerts of all services backward
    values.append(wanted.above_id)
    statement = f"""
        select *
        from (
            select newest.*
            from integration
            cross join lateral (
                select {columns}
                from alert
                where (integration_id, id) > (integration.id, ${len(values)}::bigint)
                    and (integration_id, id) < (integration.id, $1::bigint)
                    {in_range}
                    {status}
                order by integration_id desc, id desc
                limit $2
            ) newest
            where integration.service_id = $3
            union all
            (
                select {columns}
                from alert
                where routed_service_id = $3
                    and id < $1
                    {in_range}
                    {status}
                order by id desc
                limit $2
            )
        ) newest
        order by id desc
        limit $2
    """
    return statement, values


async def ids_of_range(tx: Reads, started: TimeRange) -> tuple[int, int]:
    """Return an id below and one above those of all alerts that began in an interval.

    Alerts get their ids as they are received, and each began at most `OLDEST` before and `FARTHEST_AHEAD` after that.
    While the clock was wrong, their times do not follow their ids: an alert bounds the interval only if its id is on
    the right side of those of `_NEIGHBORS` alerts on the other side of its time.
    """
    margin = OLDEST + FARTHEST_AHEAD + _OVERTAKEN
    row = await tx.row(
        """
        select
            (
                select max(id)
                from (
                    select id
                    from alert
                    where starts_at < $1::timestamptz
                    order by starts_at desc, id desc
                    limit $3
                ) earlier
                where id < coalesce(
                    (
                        select min(id)
                        from (
                            select id
                            from alert
                            where starts_at >= $1::timestamptz
                            order by starts_at, id
                            limit $3
                        ) later
                    ),
                    $4
                )
            ) as below,
            (
                select min(id)
                from (
                    select id
                    from alert
                    where starts_at > $2::timestamptz
                    order by starts_at, id
                    limit $3
                ) later
                where id > coalesce(
                    (
                        select max(id)
                        from (
                            select id
                            from alert
                            where starts_at <= $2::timestamptz
                            order by starts_at desc, id desc
                            limit $3
                        ) earlier
                    ),
                    0
                )
            ) as above
        """,
        started.start and started.start - margin,
        started.end and started.end + margin,
        _NEIGHBORS,
        MAX_ID,
    )
    assert row
    return row["below"] or 0, row["above"] or MAX_ID


async def newest(tx: Tx, limit: int, wanted: AlertFilter) -> list[Alert]:
    """Return the newest alerts."""
    statement, values = newest_alerts(ALERT_COLUMNS, MAX_ID, limit, wanted)
    return [alert_from_row(row) for row in await tx.fetch(statement, *values)]


async def alerts_by_id(tx: Reads, ids: Sequence[int]) -> list[Alert]:
    """Return the alerts with these ids, newest first."""
    rows = await tx.fetch(
        f"""
        select {ALERT_COLUMNS}
        from alert
        where id = any($1::bigint[])
        order by id desc
        """,
        list(ids),
    )
    return [alert_from_row(row) for row in rows]


async def earlier_alerts(tx: Reads, alert: Alert, since: datetime, limit: int) -> list[Alert]:
    """Return the alerts of the same key before an alert that began since an instant, newest first."""
    rows = await tx.fetch(
        f"""
        select *
        from (
            select {ALERT_COLUMNS}
            from alert
            where integration_id = $1
                and dedup_key = $2
                and id < $3
            order by id desc
            limit $4
        ) earlier
        where starts_at >= $5
        """,
        alert.integration_id,
        alert.dedup_key,
        alert.id,
        limit,
        since,
    )
    return [alert_from_row(row) for row in rows]


async def firing_of_integration(tx: Reads, integration_id: int, limit: int) -> list[Alert]:
    """Return up to `limit` firing alerts of an integration, newest first."""
    rows = await tx.fetch(
        f"""
        select {ALERT_COLUMNS}
        from (
            select *
            from alert
            where integration_id = $1
                and status = 'firing'
            order by dedup_key
            limit $2
        ) firing
        order by id desc
        """,
        integration_id,
        limit,
    )
    return [alert_from_row(row) for row in rows]


async def newest_of_integration(tx: Reads, integration_id: int) -> Alert | None:
    """Return the newest alert of an integration, if there is one; test alerts do not count."""
    row = await tx.row(
        f"""
        select {ALERT_COLUMNS}
        from alert
        where integration_id >= $1
            and (integration_id, id) < ($1 + 1, 0)
            and not starts_with(dedup_key, $2)
        order by integration_id desc, id desc
        limit 1
        """,
        integration_id,
        TEST_KEY_PREFIX,
    )
    return alert_from_row(row) if row else None


async def firing_test(tx: Reads, integration_id: int) -> Alert | None:
    """Return the test alert of an integration that fires, if there is one."""
    # the prefix is a literal, so that the planner can use the partial index `alert_test`
    row = await tx.row(
        f"""
        select {ALERT_COLUMNS}
        from alert
        where integration_id = $1
            and status = 'firing'
            and starts_with(dedup_key, '{TEST_KEY_PREFIX}')
        limit 1
        """,
        integration_id,
    )
    return alert_from_row(row) if row else None


async def firing_alerts(tx: Reads, limit: int) -> list[Alert]:
    """Return up to `limit` firing alerts, newest first."""
    rows = await tx.fetch(
        f"""
        select {ALERT_COLUMNS}
        from alert
        where status = 'firing'
        order by id desc
        limit $1
        """,
        limit,
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


async def alert_counts(tx: Tx, start: datetime, end: datetime) -> dict[datetime, int]:
    """Return the number of alerts by the quarter of an hour in `[start, end)` in which they started."""
    rows = await tx.fetch(
        """
        select quarter, sum(alerts)::int as alerts
        from alert_count
        where quarter >= $1
            and quarter < $2
        group by quarter
        """,
        start,
        end,
    )
    return {row["quarter"]: row["alerts"] for row in rows}


async def labeled_alerts(tx: Reads, since: datetime, limit: int) -> list[LabeledAlert]:
    """Return those of the newest `limit` alerts that began since an instant, newest first."""
    rows = await tx.fetch(
        """
        select newest.id, newest.title, newest.severity, newest.labels, newest.starts_at,
            newest.links ->> 'runbook' as runbook_url, service.slug as service
        from (
            select id, integration_id, routed_service_id, title, severity, labels, links, starts_at
            from alert
            order by id desc
            limit $2
        ) newest
        join integration on integration.id = newest.integration_id
        join service on service.id = coalesce(newest.routed_service_id, integration.service_id)
        where newest.starts_at >= $1
        order by newest.id desc
        """,
        since,
        limit,
    )
    return [
        LabeledAlert(
            row["id"],
            row["service"],
            row["title"],
            row["severity"] or "",
            row["labels"],
            row["runbook_url"] or "",
            row["starts_at"],
        )
        for row in rows
    ]
