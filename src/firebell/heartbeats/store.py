"""The SQL of heartbeats, their pings, and the record of reception."""

from collections.abc import Collection
from datetime import datetime, timedelta

from firebell.heartbeats.model import (
    Expectation,
    Heartbeat,
    HeartbeatAlert,
    HeartbeatSettings,
    HeartbeatState,
    NewPing,
    Ping,
    PingKind,
    Progress,
    Reception,
)
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.localtime import known_zone

_COLUMNS = """id, service_id, integration_id, name, description, alert_title, severity, labels, matchers,
            period_s, cron, time_zone, grace_s, max_runtime_s, created_at, state, armed_at, last_ping_at, last_kind,
            last_exit_code, last_duration_ms, run_started_at, is_stuck, down_since, pings, paused_at, paused_until,
            reported_at"""


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else int(length.total_seconds())


def _length(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _ms(length: timedelta | None) -> int | None:
    return None if length is None else int(length / timedelta(milliseconds=1))


def _of_ms(ms: int | None) -> timedelta | None:
    return None if ms is None else timedelta(milliseconds=ms)


def _heartbeat(row: Row) -> Heartbeat:
    """Return the heartbeat of a row, with a zone that the tz database has: its silence must not go unnoticed."""
    return Heartbeat(
        id=row["id"],
        service_id=row["service_id"],
        integration_id=row["integration_id"],
        name=row["name"],
        settings=HeartbeatSettings(
            expectation=Expectation(
                period=_length(row["period_s"]),
                cron=row["cron"],
                time_zone=known_zone(row["time_zone"]),
                grace=timedelta(seconds=row["grace_s"]),
                max_runtime=_length(row["max_runtime_s"]),
            ),
            alert=HeartbeatAlert(row["alert_title"], row["severity"], row["labels"]),
            description=row["description"],
            matchers=row["matchers"],
        ),
        created_at=row["created_at"],
        progress=Progress(
            state=HeartbeatState(row["state"]),
            armed_at=row["armed_at"],
            last_ping_at=row["last_ping_at"],
            last_kind=PingKind(row["last_kind"]) if row["last_kind"] else None,
            last_exit_code=row["last_exit_code"],
            last_duration=_of_ms(row["last_duration_ms"]),
            run_started_at=row["run_started_at"],
            is_stuck=row["is_stuck"],
            down_since=row["down_since"],
            reported_at=row["reported_at"],
            pings=row["pings"],
            paused_at=row["paused_at"],
            paused_until=row["paused_until"],
        ),
    )


async def insert(
    tx: Tx, service_id: int, integration_id: int, name: str, settings: HeartbeatSettings, now: datetime
) -> Heartbeat | None:
    """Create a heartbeat; return None if its service has one with this name."""
    expectation, alert = settings.expectation, settings.alert
    row = await tx.row(
        f"""
        insert into heartbeat (
            service_id, integration_id, name, description, alert_title, severity, labels, matchers, period_s, cron,
            time_zone, grace_s, max_runtime_s, created_at
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        on conflict (service_id, lower(name)) do nothing
        returning {_COLUMNS}
        """,
        service_id,
        integration_id,
        name,
        settings.description,
        alert.title,
        alert.severity,
        dict(alert.labels),
        settings.matchers,
        _seconds(expectation.period),
        expectation.cron,
        expectation.time_zone,
        _seconds(expectation.grace),
        _seconds(expectation.max_runtime),
        now,
    )
    return _heartbeat(row) if row else None


async def update_settings(tx: Tx, heartbeat_id: int, settings: HeartbeatSettings) -> None:
    """Replace the settings of a heartbeat."""
    expectation, alert = settings.expectation, settings.alert
    await tx.execute(
        """
        update heartbeat
        set description = $2, alert_title = $3, severity = $4, labels = $5, matchers = $6, period_s = $7, cron = $8,
            time_zone = $9, grace_s = $10, max_runtime_s = $11
        where id = $1
        """,
        heartbeat_id,
        settings.description,
        alert.title,
        alert.severity,
        dict(alert.labels),
        settings.matchers,
        _seconds(expectation.period),
        expectation.cron,
        expectation.time_zone,
        _seconds(expectation.grace),
        _seconds(expectation.max_runtime),
    )


async def save_progress(tx: Tx, heartbeat_id: int, progress: Progress) -> None:
    """Store what has arrived and what follows from it."""
    await tx.execute(
        """
        update heartbeat
        set state = $2, armed_at = $3, last_ping_at = $4, last_kind = $5, last_exit_code = $6, last_duration_ms = $7,
            run_started_at = $8, is_stuck = $9, down_since = $10, pings = $11, paused_at = $12, paused_until = $13,
            reported_at = $14
        where id = $1
        """,
        heartbeat_id,
        progress.state,
        progress.armed_at,
        progress.last_ping_at,
        progress.last_kind,
        progress.last_exit_code,
        _ms(progress.last_duration),
        progress.run_started_at,
        progress.is_stuck,
        progress.down_since,
        progress.pings,
        progress.paused_at,
        progress.paused_until,
        progress.reported_at,
    )


async def delete(tx: Tx, heartbeat_id: int) -> None:
    """Delete a heartbeat with its pings."""
    await tx.execute("delete from heartbeat where id = $1", heartbeat_id)


async def heartbeat(tx: Reads, heartbeat_id: int) -> Heartbeat | None:
    """Return the heartbeat, or None."""
    row = await tx.row(f"select {_COLUMNS} from heartbeat where id = $1", heartbeat_id)
    return _heartbeat(row) if row else None


async def by_name(tx: Reads, service_id: int, name: str) -> Heartbeat | None:
    """Return the heartbeat of a service with this name in any case, or None."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from heartbeat
        where service_id = $1
            and lower(name) = lower($2)
        """,
        service_id,
        name,
    )
    return _heartbeat(row) if row else None


async def heartbeats(tx: Reads, service_id: int | None = None) -> list[Heartbeat]:
    """Return the heartbeats of one service or of all, by name."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from heartbeat
        where $1::bigint is null or service_id = $1
        order by lower(name), id
        """,
        service_id,
    )
    return [_heartbeat(row) for row in rows]


async def watching(tx: Reads) -> list[Heartbeat]:
    """Return the heartbeats that turn alerts into pings, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from heartbeat
        where matchers <> ''
        order by id
        """
    )
    return [_heartbeat(row) for row in rows]


async def lock(tx: Tx, heartbeat_id: int) -> Heartbeat | None:
    """Lock and return the heartbeat, or None."""
    row = await tx.row(f"select {_COLUMNS} from heartbeat where id = $1 for update", heartbeat_id)
    return _heartbeat(row) if row else None


async def lock_free(tx: Tx, ids: Collection[int]) -> list[Heartbeat]:
    """Lock and return those of the heartbeats that no other transaction has locked."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from heartbeat
        where id = any($1::bigint[])
        order by id
        for update skip locked
        """,
        list(ids),
    )
    return [_heartbeat(row) for row in rows]


async def existing(tx: Tx, ids: Collection[int]) -> set[int]:
    """Return which of these heartbeats exist."""
    rows = await tx.fetch("select id from heartbeat where id = any($1::bigint[])", list(ids))
    return {row["id"] for row in rows}


async def count(tx: Reads) -> int:
    """Return how many heartbeats there are."""
    number: int = await tx.value("select count(*) from heartbeat")
    return number


async def insert_ping(
    tx: Tx, heartbeat_id: int, ping: NewPing, body: str, duration: timedelta | None, now: datetime
) -> None:
    """Store a ping."""
    await tx.execute(
        """
        insert into heartbeat_ping (heartbeat_id, at, kind, exit_code, duration_ms, source, body)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        heartbeat_id,
        now,
        ping.kind,
        ping.exit_code,
        _ms(duration),
        ping.source,
        body,
    )


async def pings(tx: Reads, heartbeat_id: int, before: int, limit: int) -> list[Ping]:
    """Return the pings of a heartbeat below an id, newest first."""
    rows = await tx.fetch(
        """
        select id, heartbeat_id, at, kind, exit_code, duration_ms, source, body
        from heartbeat_ping
        where heartbeat_id = $1
            and id < $2
        order by id desc
        limit $3
        """,
        heartbeat_id,
        before,
        limit,
    )
    return [
        Ping(
            id=row["id"],
            heartbeat_id=row["heartbeat_id"],
            at=row["at"],
            kind=PingKind(row["kind"]),
            exit_code=row["exit_code"],
            duration=_of_ms(row["duration_ms"]),
            source=row["source"],
            body=row["body"],
        )
        for row in rows
    ]


async def newest_bodies(tx: Reads, sources: Collection[str]) -> dict[int, str]:
    """Return the body of the newest ping of each heartbeat, by its id, if that ping is from one of these sources."""
    rows = await tx.fetch(
        """
        select heartbeat.id, newest.body
        from heartbeat
        cross join lateral (
            select source, body
            from heartbeat_ping
            where heartbeat_id = heartbeat.id
            order by id desc
            limit 1
        ) newest
        where newest.source = any($1::text[])
        """,
        list(sources),
    )
    return {row["id"]: row["body"] for row in rows}


async def delete_surplus_pings(tx: Tx, heartbeat_id: int, keep: int) -> None:
    """Delete the pings of a heartbeat but the newest `keep`."""
    await tx.execute(
        """
        delete from heartbeat_ping
        where heartbeat_id = $1
            and id <= (
                select id
                from heartbeat_ping
                where heartbeat_id = $1
                order by id desc
                offset $2
                limit 1
            )
        """,
        heartbeat_id,
        keep,
    )


async def reception(tx: Reads) -> Reception | None:
    """Return since when Firebell has received without a gap; None before the first record."""
    row = await tx.row("select since, recorded_at from heartbeat_reception")
    return Reception(row["since"], row["recorded_at"]) if row else None


async def record_reception(tx: Tx, gap: timedelta, now: datetime) -> None:
    """Record that Firebell receives now; after a gap it has received only since now."""
    await tx.execute(
        """
        insert into heartbeat_reception as record (since, recorded_at)
        values ($1, $1)
        on conflict (id) do update
        set recorded_at = greatest(record.recorded_at, $1),
            since = case when $1 - record.recorded_at > $2 then $1 else record.since end
        """,
        now,
        gap,
    )
