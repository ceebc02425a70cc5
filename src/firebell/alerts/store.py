"""The SQL of events, alerts and groups; a batch is a handful of set-based statements."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.alerts.model import InboundRequest
from firebell.alerts.read_store import ALERT_COLUMNS, GROUP_COLUMNS, alert_from_row, group_from_row
from firebell.alerts.rules import (
    LATE_WINDOW,
    STORM_GROUPS,
    AlertState,
    Batch,
    GroupState,
    alert_state,
    group_state,
)
from firebell.alerts.titles import SEVERITIES
from firebell.kit.db.database import Tx
from firebell.kit.text import MAX_ID

PRUNE_ROWS = 20_000
"""Number of rows that one call to `prune` deletes from a table at most, so that it holds locks only briefly."""


async def insert_events(tx: Tx, requests: Sequence[InboundRequest], now: datetime) -> list[InboundRequest]:
    """Store requests as received and return them with the ids of their stored messages."""
    rows = await tx.fetch(
        """
        insert into event (integration_id, received_at, source, body, alerts, error)
        select integration_id, $2, source, body, alerts, error
        from unnest($1::bigint[], $3::text[], $4::bytea[], $5::int[], $6::text[])
            as message (integration_id, source, body, alerts, error)
        returning id
        """,
        [r.integration_id for r in requests],
        now,
        [r.source for r in requests],
        [r.body for r in requests],
        [len(r.incoming) for r in requests],
        [r.error for r in requests],
    )
    # insert ... select assigns and returns ids in the order of the arrays
    return [replace(r, message_id=row["id"]) for r, row in zip(requests, rows, strict=True)]


async def new_ids(tx: Tx, ids: Sequence[bytes], now: datetime) -> set[bytes]:
    """Record event ids and return those that were not seen within the last 60 seconds (spec 3.2)."""
    rows = await tx.fetch(
        """
        insert into seen_event as known (id, at)
        select distinct id, $2::timestamptz
        from unnest($1::bytea[]) as received (id)
        order by id
        on conflict (id) do update set at = excluded.at
        where known.at not between excluded.at - $3::interval and excluded.at + $3::interval
        returning id
        """,
        ids,
        now,
        LATE_WINDOW,
    )
    return {row["id"] for row in rows}


async def load(tx: Tx, alert_keys: Sequence[tuple[int, str]], group_keys: Sequence[tuple[int, str]]) -> Batch:
    """Return the latest alert of each (integration, deduplication key) and the open groups it may join.

    Rows are compared so that only the index of keys has their order: the one of an integration's alerts looks as
    cheap to the planner, but reads all of them for a key that is new.
    """
    alert_rows = await tx.fetch(
        f"""
        select latest.*
        from unnest($1::bigint[], $2::text[]) as wanted (integration_id, dedup_key)
        cross join lateral (
            select {ALERT_COLUMNS}
            from alert
            where (alert.integration_id, alert.dedup_key, alert.id)
                <= (wanted.integration_id, wanted.dedup_key, $3)
            order by alert.integration_id desc, alert.dedup_key desc, alert.id desc
            limit 1
        ) latest
        where latest.integration_id = wanted.integration_id
            and latest.dedup_key = wanted.dedup_key
        """,
        [integration_id for integration_id, _ in alert_keys],
        [dedup_key for _, dedup_key in alert_keys],
        MAX_ID,
    )
    group_rows = await tx.fetch(
        f"""
        select by_key.*
        from unnest($1::bigint[], $2::text[]) as wanted (service_id, key)
        cross join lateral (
            select {GROUP_COLUMNS}
            from alert_group
            where service_id = wanted.service_id
                and key = wanted.key
                and closed_at is null
            limit 1
        ) by_key
        union
        select by_id.*
        from unnest($3::bigint[]) as wanted (id)
        cross join lateral (
            select {GROUP_COLUMNS}
            from alert_group
            where id = wanted.id
                and closed_at is null
            limit 1
        ) by_id
        """,
        [service_id for service_id, _ in group_keys],
        [key for _, key in group_keys],
        [row["group_id"] for row in alert_rows if row["group_id"] and row["status"] == "firing"],
    )
    batch = Batch()
    groups_by_id = {}
    for row in group_rows:
        group = group_state(group_from_row(row))
        groups_by_id[row["id"]] = group
        if group.key is not None:
            batch.open_groups[group.service_id, group.key] = group
        batch.groups.append(group)
    for row in alert_rows:
        alert = alert_from_row(row)
        state = alert_state(alert, groups_by_id.get(alert.group_id) if alert.group_id else None)
        batch.latest[alert.integration_id, alert.dedup_key] = state
        batch.loaded.append(state)
    return batch


async def load_storms(tx: Tx, batch: Batch, service_ids: Sequence[int], since: datetime) -> None:
    """Add to `batch` each service's storm opened after `since` or, without one, the groups it may still open."""
    storms = await tx.fetch(
        f"""
        select storm.*
        from unnest($1::bigint[]) as service (id)
        cross join lateral (
            select {GROUP_COLUMNS}
            from alert_group
            where service_id = service.id
                and key is null
                and closed_at is null
                and opened_at > $2
            order by opened_at desc
            limit 1
        ) storm
        """,
        service_ids,
        since,
    )
    loaded_groups = {group.id: group for group in batch.groups}
    for row in storms:
        group = loaded_groups.get(row["id"])
        if group is None:
            group = group_state(group_from_row(row))
            batch.groups.append(group)
        batch.storms[group.service_id], batch.room[group.service_id] = group, 0
    if calm_services := [service_id for service_id in service_ids if service_id not in batch.storms]:
        rows = await tx.fetch(
            """
            select
                service.id as service_id,
                (
                    select count(*)
                    from (
                        select
                        from alert_group
                        where service_id = service.id
                            and opened_at > $2
                            and key is not null
                        limit $3
                    ) recent
                ) as opened
            from unnest($1::bigint[]) as service (id)
            """,
            calm_services,
            since,
            STORM_GROUPS,
        )
        batch.room.update((row["service_id"], STORM_GROUPS - row["opened"]) for row in rows)


async def insert_groups(tx: Tx, groups: Sequence[GroupState], now: datetime) -> None:
    """Store new groups and set their ids; a group without a firing alert is stored as closed."""
    rows = await tx.fetch(
        """
        insert into alert_group (
            integration_id, service_id, key, title, urgency, opened_at, last_at, alerts, firing, events,
            lead_key, lead_severity, closed_at
        )
        select new.*, case when new.firing <= 0 then $13::timestamptz end
        from unnest(
            $1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
            $7::timestamptz[], $8::int[], $9::int[], $10::bigint[], $11::text[], $12::text[]
        ) as new (
            integration_id, service_id, key, title, urgency, opened_at, last_at, alerts, firing, events,
            lead_key, lead_severity
        )
        returning id
        """,
        [g.integration_id for g in groups],
        [g.service_id for g in groups],
        [g.key for g in groups],
        [g.title for g in groups],
        [g.urgency for g in groups],
        [g.opened_at for g in groups],
        [g.last_at for g in groups],
        [g.alerts for g in groups],
        [g.firing for g in groups],
        [g.events for g in groups],
        [g.lead_key for g in groups],
        [g.severity for g in groups],
        now,
    )
    # insert ... select assigns and returns ids in the order of the arrays
    for group, row in zip(groups, rows, strict=True):
        group.id = row["id"]


async def update_groups(tx: Tx, groups: Sequence[GroupState], now: datetime) -> None:
    """Save changed groups; close those without a firing alert."""
    await tx.execute(
        """
        update alert_group
        set urgency = new.urgency,
            last_at = new.last_at,
            alerts = new.alerts,
            firing = new.firing,
            events = new.events,
            title = new.title,
            lead_key = new.lead_key,
            lead_severity = new.lead_severity,
            closed_at = case when new.firing <= 0 then $10::timestamptz end
        from unnest(
            $1::bigint[], $2::text[], $3::timestamptz[], $4::int[], $5::int[], $6::bigint[],
            $7::text[], $8::text[], $9::text[]
        ) as new (id, urgency, last_at, alerts, firing, events, title, lead_key, lead_severity)
        where alert_group.id = new.id
        """,
        [g.id for g in groups],
        [g.urgency for g in groups],
        [g.last_at for g in groups],
        [g.alerts for g in groups],
        [g.firing for g in groups],
        [g.events for g in groups],
        [g.title for g in groups],
        [g.lead_key for g in groups],
        [g.severity for g in groups],
        now,
    )


async def find_leads(tx: Tx, groups: Sequence[GroupState]) -> None:
    """Set the lead of each group to its most severe firing alert, or to its most severe one if none fires."""
    rows = await tx.fetch(
        """
        with lead as (
            select
                leaderless.id,
                worst.title,
                worst.severity,
                worst.integration_id || ':' || worst.dedup_key as key
            from unnest($1::bigint[], $2::text[]) as leaderless (id, status)
            cross join lateral (
                select title, severity, integration_id, dedup_key
                from alert
                where group_id = leaderless.id
                    and status = leaderless.status
                order by coalesce(array_position($3::text[], coalesce(severity, '')), $4), id
                limit 1
            ) worst
        )
        update alert_group
        set title = lead.title,
            lead_key = lead.key,
            lead_severity = lead.severity
        from lead
        where alert_group.id = lead.id
        returning alert_group.id, alert_group.title, alert_group.lead_key, alert_group.lead_severity
        """,
        [g.id for g in groups],
        ["firing" if g.firing > 0 else "resolved" for g in groups],
        SEVERITIES,
        len(SEVERITIES) + 1,
    )
    groups_by_id = {group.id: group for group in groups}
    for row in rows:
        group = groups_by_id[row["id"]]
        group.title, group.lead_key, group.severity = row["title"], row["lead_key"], row["lead_severity"]


def _column_values(alerts: Sequence[AlertState]) -> list[list[object]]:
    """Return the values of `_ALERT_COLUMNS` and `message_ids`, one list per column."""
    return [
        [a.status for a in alerts],
        [a.event.title for a in alerts],
        [a.event.body for a in alerts],
        [a.event.severity for a in alerts],
        [a.event.labels for a in alerts],
        [a.event.annotations for a in alerts],
        [a.event.links for a in alerts],
        [a.ends_at for a in alerts],
        [a.last_seen for a in alerts],
        [a.hi[0] for a in alerts],
        [a.hi[1] for a in alerts],
        [a.ended_by for a in alerts],
        [a.count for a in alerts],
        [a.hi_seen for a in alerts],
        [a.late[0] if a.late else None for a in alerts],
        [a.late[1] if a.late else None for a in alerts],
        [a.missed for a in alerts],
        [*_message_ids(alerts)],
    ]


def _message_ids(alerts: Sequence[AlertState]) -> list[str]:
    """Return the message ids of each alert as an array literal; unnest would flatten an array of arrays."""
    return [f"{{{','.join(map(str, a.message_ids))}}}" for a in alerts]


_ALERT_COLUMNS = """status, title, body, severity, labels, annotations, links, ends_at, last_seen, hi_at, hi_rank,
            ended_by, count, hi_seen, late_at, late_rank, missed"""
_ALERT_ARRAYS = (
    "$1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::jsonb[],"
    " $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::smallint[], $12::text[], $13::bigint[],"
    " $14::timestamptz[], $15::timestamptz[], $16::smallint[], $17::boolean[], $18::text[]"
)


async def insert_alerts(tx: Tx, alerts: Sequence[AlertState]) -> None:
    await tx.execute(
        f"""
        insert into alert (
            {_ALERT_COLUMNS},
            message_ids, integration_id, dedup_key, group_id, starts_at
        )
        select
            {_ALERT_COLUMNS},
            message_ids::bigint[], integration_id, dedup_key, group_id, starts_at
        from unnest({_ALERT_ARRAYS}, $19::bigint[], $20::text[], $21::bigint[], $22::timestamptz[]) as new (
            {_ALERT_COLUMNS},
            message_ids, integration_id, dedup_key, group_id, starts_at
        )
        """,
        *_column_values(alerts),
        [a.integration_id for a in alerts],
        [a.dedup_key for a in alerts],
        [a.group.id if a.group else None for a in alerts],
        [a.starts_at for a in alerts],
    )


async def update_alerts(tx: Tx, alerts: Sequence[AlertState]) -> None:
    await tx.execute(
        f"""
        update alert
        set status = new.status,
            title = new.title,
            body = new.body,
            severity = new.severity,
            labels = new.labels,
            annotations = new.annotations,
            links = new.links,
            ends_at = new.ends_at,
            last_seen = new.last_seen,
            hi_at = new.hi_at,
            hi_rank = new.hi_rank,
            ended_by = new.ended_by,
            count = new.count,
            hi_seen = new.hi_seen,
            late_at = new.late_at,
            late_rank = new.late_rank,
            missed = new.missed,
            message_ids = new.message_ids::bigint[]
        from unnest({_ALERT_ARRAYS}, $19::bigint[]) as new (
            {_ALERT_COLUMNS},
            message_ids, id
        )
        where alert.id = new.id
        """,
        *_column_values(alerts),
        [a.id for a in alerts],
    )


async def close_group(tx: Tx, group_id: int, now: datetime) -> None:
    """Close a group and resolve its firing alerts, as a person asked; idempotent.

    The order of the alerts' events stays, so a repeated firing event opens a new group.
    """
    await tx.execute(
        """
        update alert
        set status = 'resolved',
            ends_at = $2,
            ended_by = 'human'
        where group_id = $1
            and status = 'firing'
        """,
        group_id,
        now,
    )
    await tx.execute(
        """
        update alert_group
        set closed_at = $2,
            firing = 0
        where id = $1
            and closed_at is null
        """,
        group_id,
        now,
    )


async def prune(tx: Tx, events_before: datetime, ids_before: datetime) -> bool:
    """Delete the oldest expired rows, at most `PRUNE_ROWS` of each table; return True if more may be left."""
    events = await tx.changed(
        """
        delete from event
        where id in (
            select id
            from event
            where received_at < $1
            order by received_at
            limit $2
        )
        """,
        events_before,
        PRUNE_ROWS,
    )
    event_ids = await tx.changed(
        """
        delete from seen_event
        where id in (
            select id
            from seen_event
            where at < $1
            order by at
            limit $2
        )
        """,
        ids_before,
        PRUNE_ROWS,
    )
    return PRUNE_ROWS in (events, event_ids)
