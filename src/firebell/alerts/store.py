"""The SQL of events, alerts and groups; a batch is a handful of set-based statements."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.alerts.model import Alert, Group, InboundRequest, StoredMessage
from firebell.alerts.rules import LATE, STORM, AlertState, Batch, GroupState, loaded_alert, loaded_group
from firebell.alerts.titles import SEVERITIES
from firebell.kit.db import Row, Tx
from firebell.kit.text import MAX_ID

_ALERT = (
    "id, integration_id, dedup_key, group_id, status, title, body, severity, labels, annotations, links,"
    " starts_at, ends_at, last_seen, hi_at, hi_rank, ended_by, count, hi_seen, late_at, late_rank, missed,"
    " message_ids"
)
_GROUP = (
    "id, integration_id, service_id, key, title, urgency, opened_at, closed_at, last_at, alerts, firing,"
    " events, lead_key, lead_severity"
)
PORTION = 20_000
"""How many rows one clean-up deletes, so that it is over in a moment."""


def _alert(row: Row) -> Alert:
    fields = dict(row)
    return Alert(**{**fields, "message_ids": tuple(fields["message_ids"])})


async def lock_services(tx: Tx, ids: Sequence[int]) -> None:
    """Serialize what happens to the alerts of these services; always the first lock that is taken."""
    await tx.fetch(
        "select id from service where id = any($1::bigint[]) order by id for no key update",
        sorted(set(ids)),
    )


async def insert_events(tx: Tx, requests: Sequence[InboundRequest], now: datetime) -> list[InboundRequest]:
    """Store requests as they came in and return them with the ids of their stored messages."""
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
    # rows are numbered and returned in the order in which they were given
    return [replace(r, message_id=row["id"]) for r, row in zip(requests, rows, strict=True)]


async def new_ids(tx: Tx, ids: Sequence[bytes], now: datetime) -> set[bytes]:
    """Remember event ids and return those that were not seen within the last 60 seconds (spec 3.2)."""
    rows = await tx.fetch(
        """
        insert into seen_event as known (id, at)
        select distinct id, $2::timestamptz
        from unnest($1::bytea[]) given (id)
        order by id
        on conflict (id) do update set at = excluded.at
        where known.at not between excluded.at - $3::interval and excluded.at + $3::interval
        returning id
        """,
        ids,
        now,
        LATE,
    )
    return {row["id"] for row in rows}


async def load(tx: Tx, alert_keys: Sequence[tuple[int, str]], group_keys: Sequence[tuple[int, str]]) -> Batch:
    """Return the latest alert of each (integration, dedup key) and each open group that they may join."""
    alerts = await tx.fetch(
        f"select a.* from unnest($1::bigint[], $2::text[]) k(i, d) cross join lateral (select {_ALERT}"
        " from alert where integration_id = k.i and dedup_key = k.d order by id desc limit 1) a",
        [i for i, _ in alert_keys],
        [d for _, d in alert_keys],
    )
    groups = await tx.fetch(
        f"select g.* from unnest($1::bigint[], $2::text[]) k(s, r) cross join lateral (select {_GROUP}"
        " from alert_group where service_id = k.s and key = k.r and closed_at is null limit 1) g"
        f" union select g.* from unnest($3::bigint[]) k(i) cross join lateral (select {_GROUP}"
        " from alert_group where id = k.i and closed_at is null limit 1) g",
        [s for s, _ in group_keys],
        [k for _, k in group_keys],
        [row["group_id"] for row in alerts if row["group_id"] and row["status"] == "firing"],
    )
    batch = Batch()
    by_id = {}
    for row in groups:
        group = loaded_group(Group(*row.values()))
        by_id[row["id"]] = group
        if group.key is not None:
            batch.open_groups[group.service_id, group.key] = group
        batch.groups.append(group)
    for row in alerts:
        alert = _alert(row)
        state = loaded_alert(alert, by_id.get(alert.group_id) if alert.group_id else None)
        batch.latest[alert.integration_id, alert.dedup_key] = state
        batch.loaded.append(state)
    return batch


async def load_storms(tx: Tx, batch: Batch, services: Sequence[int], since: datetime) -> None:
    """Add the storms that began after `since`; where there is none, how many groups may still be opened."""
    storms = await tx.fetch(
        f"select g.* from unnest($1::bigint[]) s cross join lateral (select {_GROUP} from alert_group"
        " where service_id = s and key is null and closed_at is null and opened_at > $2"
        " order by opened_at desc limit 1) g",
        services,
        since,
    )
    loaded = {group.id: group for group in batch.groups}
    for row in storms:
        group = loaded.get(row["id"])
        if group is None:
            group = loaded_group(Group(*row.values()))
            batch.groups.append(group)
        batch.storms[group.service_id], batch.room[group.service_id] = group, 0
    if calm := [s for s in services if s not in batch.storms]:
        opened = await tx.fetch(
            "select s, (select count(*) from (select from alert_group where service_id = s and opened_at > $2"
            " and key is not null limit $3) x) as n from unnest($1::bigint[]) s",
            calm,
            since,
            STORM,
        )
        batch.room.update((row["s"], STORM - row["n"]) for row in opened)


async def insert_groups(tx: Tx, groups: Sequence[GroupState], now: datetime) -> None:
    """Store new groups, closed where nothing fires any more, and give them their ids."""
    rows = await tx.fetch(
        """
        insert into alert_group
            (integration_id, service_id, key, title, urgency, opened_at, last_at, alerts, firing, events,
            lead_key, lead_severity, closed_at)
        select t.*, case when t.firing <= 0 then $13::timestamptz end
        from unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::timestamptz[],
            $7::timestamptz[], $8::int[], $9::int[], $10::bigint[], $11::text[], $12::text[])
            t(integration_id, service_id, key, title, urgency, opened_at, last_at, alerts, firing, events,
            lead_key, lead_severity)
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
    # rows are numbered and returned in the order in which they were given
    for group, row in zip(groups, rows, strict=True):
        group.id = row["id"]


async def update_groups(tx: Tx, groups: Sequence[GroupState], now: datetime) -> None:
    """Write counters back; a group in which nothing fires is closed."""
    await tx.execute(
        """
        update alert_group g
        set urgency = t.urgency, last_at = t.last_at, alerts = t.alerts, firing = t.firing,
            events = t.events, title = t.title, lead_key = t.lead_key, lead_severity = t.lead_severity,
            closed_at = case when t.firing <= 0 then $10::timestamptz end
        from unnest($1::bigint[], $2::text[], $3::timestamptz[], $4::int[], $5::int[], $6::bigint[],
            $7::text[], $8::text[], $9::text[])
            t(id, urgency, last_at, alerts, firing, events, title, lead_key, lead_severity)
        where g.id = t.id
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
    """Name groups that lost their lead by the most severe alert that is left; one statement for all."""
    rows = await tx.fetch(
        """
        with lead as (
            select t.id, a.title, a.severity, a.integration_id || ':' || a.dedup_key as key
            from unnest($1::bigint[], $2::text[]) t(id, status)
            cross join lateral (
                select title, severity, integration_id, dedup_key
                from alert
                where group_id = t.id and status = t.status
                order by coalesce(array_position($3::text[], coalesce(severity, '')), $4), id
                limit 1
            ) a
        )
        update alert_group g
        set title = lead.title, lead_key = lead.key, lead_severity = lead.severity
        from lead
        where g.id = lead.id
        returning g.id, g.title, g.lead_key, g.lead_severity
        """,
        [g.id for g in groups],
        ["firing" if g.firing > 0 else "resolved" for g in groups],
        SEVERITIES,
        len(SEVERITIES) + 1,
    )
    by_id = {group.id: group for group in groups}
    for row in rows:
        group = by_id[row["id"]]
        group.title, group.lead_key, group.severity = row["title"], row["lead_key"], row["lead_severity"]


def _columns(alerts: Sequence[AlertState]) -> list[list[object]]:
    """Return what the insert and the update of alerts share, column by column."""
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
    """Return the ids of each alert as an array literal; unnest would flatten an array of arrays."""
    return [f"{{{','.join(map(str, a.message_ids))}}}" for a in alerts]


_SHARED = (
    "$1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::jsonb[], $7::jsonb[],"
    " $8::timestamptz[], $9::timestamptz[], $10::timestamptz[], $11::smallint[], $12::text[], $13::bigint[],"
    " $14::timestamptz[], $15::timestamptz[], $16::smallint[], $17::boolean[], $18::text[]"
)


async def insert_alerts(tx: Tx, alerts: Sequence[AlertState]) -> None:
    await tx.execute(
        f"""
        insert into alert (
            status, title, body, severity, labels, annotations, links, ends_at, last_seen, hi_at, hi_rank,
            ended_by, count, hi_seen, late_at, late_rank, missed, message_ids, integration_id, dedup_key,
            group_id, starts_at
        )
        select
            status, title, body, severity, labels, annotations, links, ends_at, last_seen, hi_at, hi_rank,
            ended_by, count, hi_seen, late_at, late_rank, missed, message_ids::bigint[], integration_id,
            dedup_key, group_id, starts_at
        from unnest({_SHARED}, $19::bigint[], $20::text[], $21::bigint[], $22::timestamptz[]) as new (
            status, title, body, severity, labels, annotations, links, ends_at, last_seen, hi_at, hi_rank,
            ended_by, count, hi_seen, late_at, late_rank, missed, message_ids, integration_id, dedup_key,
            group_id, starts_at
        )
        """,
        *_columns(alerts),
        [a.integration_id for a in alerts],
        [a.dedup_key for a in alerts],
        [a.group.id if a.group else None for a in alerts],
        [a.starts_at for a in alerts],
    )


async def update_alerts(tx: Tx, alerts: Sequence[AlertState]) -> None:
    await tx.execute(
        f"""
        update alert
        set status = new.status, title = new.title, body = new.body, severity = new.severity,
            labels = new.labels, annotations = new.annotations, links = new.links, ends_at = new.ends_at,
            last_seen = new.last_seen, hi_at = new.hi_at, hi_rank = new.hi_rank, ended_by = new.ended_by,
            count = new.count, hi_seen = new.hi_seen, late_at = new.late_at, late_rank = new.late_rank,
            missed = new.missed, message_ids = new.message_ids::bigint[]
        from unnest({_SHARED}, $19::bigint[]) as new (
            status, title, body, severity, labels, annotations, links, ends_at, last_seen, hi_at, hi_rank,
            ended_by, count, hi_seen, late_at, late_rank, missed, message_ids, id
        )
        where alert.id = new.id
        """,
        *_columns(alerts),
        [a.id for a in alerts],
    )


async def close_group(tx: Tx, group_id: int, now: datetime) -> None:
    """End a group and its firing alerts by a human's decision; their order keys stay (a repeat re-opens)."""
    await tx.execute(
        "update alert set status = 'resolved', ends_at = $2, ended_by = 'human'"
        " where group_id = $1 and status = 'firing'",
        group_id,
        now,
    )
    await tx.execute(
        "update alert_group set closed_at = $2, firing = 0 where id = $1 and closed_at is null", group_id, now
    )


async def groups_by_id(tx: Tx, ids: Sequence[int]) -> dict[int, Group]:
    rows = await tx.fetch(f"select {_GROUP} from alert_group where id = any($1::bigint[])", list(ids))
    return {row["id"]: Group(*row.values()) for row in rows}


async def alerts_of_groups(tx: Tx, ids: Sequence[int], limit_each: int) -> dict[int, list[Alert]]:
    """Return alerts of each group: the firing ones first, the most severe of them first, then the newest."""
    rows = await tx.fetch(
        f"""
        select a.*
        from unnest($1::bigint[]) g
        cross join lateral (
            select {_ALERT}
            from alert
            where group_id = g
            order by status = 'firing' desc,
                case when status = 'firing'
                    then coalesce(array_position($3::text[], coalesce(severity, '')), $4)
                end,
                id desc
            limit $2
        ) a
        """,
        list(ids),
        limit_each,
        SEVERITIES,
        len(SEVERITIES) + 1,
    )
    found: dict[int, list[Alert]] = {i: [] for i in ids}
    for row in rows:
        found[row["group_id"]].append(_alert(row))
    return found


async def alert(tx: Tx, alert_id: int) -> Alert | None:
    row = await tx.row(f"select {_ALERT} from alert where id = $1", alert_id)
    return _alert(row) if row else None


async def alerts(
    tx: Tx,
    words: str,
    before: int | None,
    limit: int,
    *,
    service_id: int | None = None,
    firing: bool = False,
) -> list[Alert]:
    """Return alerts whose title or key contains `words`, newest first: of a service, or of all."""
    # the status is spelled out: only then does the planner know the index of what fires
    matching = f"""
        ($1 = '' or position(lower($1) in lower(title)) > 0 or dedup_key = $1)
            {"and status = 'firing'" if firing else ""}
    """
    if service_id is None:
        rows = await tx.fetch(
            f"""
            select {_ALERT}
            from alert
            where {matching}
                and ($2::bigint is null or id < $2)
            order by id desc
            limit $3
            """,
            words,
            before,
            limit,
        )
    else:
        # a range instead of an equality: else the planner may walk the alerts of all services backward
        rows = await tx.fetch(
            f"""
            select newest.*
            from integration
            cross join lateral (
                select {_ALERT}
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
            words,
            MAX_ID if before is None else before,
            limit,
            service_id,
        )
    return [_alert(row) for row in rows]


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
    """Return when alerts started since `since`, at most 5,000."""
    rows = await tx.fetch(
        "select starts_at from alert where starts_at >= $1 and count > 0 order by id desc limit 5000", since
    )
    return [row["starts_at"] for row in rows]


async def policy_names(tx: Tx) -> list[tuple[int, str]]:
    """Return (id, name) of the policies that a service may choose."""
    return [(r["id"], r["name"]) for r in await tx.fetch("select id, name from policy order by name, id")]


async def prune(tx: Tx, events_before: datetime, ids_before: datetime) -> bool:
    """Delete the oldest of what is too old, at most `PORTION` rows a table; say whether more are left."""
    events = await tx.execute(
        "delete from event where id in (select id from event where received_at < $1"
        " order by received_at limit $2)",
        events_before,
        PORTION,
    )
    ids = await tx.execute(
        "delete from seen_event where id in (select id from seen_event where at < $1 order by at limit $2)",
        ids_before,
        PORTION,
    )
    return f"DELETE {PORTION}" in (events, ids)
