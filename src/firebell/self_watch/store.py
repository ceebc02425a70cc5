"""The SQL of outbound heartbeats, of alarms, and of what waits for any process."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.db import org_settings
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.secret_encryption import Sealer
from firebell.paging.actions import PAGE_LANE_KINDS
from firebell.paging.model import PageState
from firebell.self_watch.model import (
    Acceptance,
    OutboundHeartbeat,
    PingMethod,
    PingOutcome,
    Problem,
    ProblemKind,
    SelfAlarm,
    SharedWork,
    WaitingMessages,
)

_HEARTBEAT_COLUMNS = (
    "id, name, url_hint, method, created_at, next_at, tried_at, arrived_at, failing_since, error, withheld_since,"
    " withheld_for"
)
_ALARM_COLUMNS = "id, kind, subject, detail, opened_at, noticed_at, cleared_at, worked_at"
COUNTED_MAX = 10_000
"""Waiting messages are counted up to this number; more are just as alarming."""


def _heartbeat(row: Row) -> OutboundHeartbeat:
    fields = {name: row[name] for name in _HEARTBEAT_COLUMNS.split(", ")}
    return OutboundHeartbeat(**{**fields, "method": PingMethod(row["method"])})


def _alarm(row: Row) -> SelfAlarm:
    fields = {name: row[name] for name in _ALARM_COLUMNS.split(", ")}
    return SelfAlarm(**{**fields, "kind": ProblemKind(row["kind"])})


async def _sealer(tx: Tx) -> Sealer:
    return Sealer(await org_settings.installation_secret(tx), "outbound_heartbeat.url")


async def heartbeats(tx: Reads) -> list[OutboundHeartbeat]:
    """Return the outbound heartbeats by name."""
    rows = await tx.fetch(f"select {_HEARTBEAT_COLUMNS} from outbound_heartbeat order by lower(name)")
    return [_heartbeat(row) for row in rows]


async def lock_heartbeats(tx: Tx) -> list[OutboundHeartbeat]:
    """Lock the table against other changes of its rows, and return them: their number has a limit."""
    await tx.execute("lock table outbound_heartbeat in share row exclusive mode")
    return await heartbeats(tx)


async def insert_heartbeat(
    tx: Tx, name: str, url: str, url_hint: str, method: PingMethod, now: datetime
) -> OutboundHeartbeat:
    """Store an outbound heartbeat that is due now, its address encrypted."""
    row = await tx.row(
        f"""
        insert into outbound_heartbeat (name, url, url_hint, method, created_at, next_at)
        values ($1, $2, $3, $4, $5, $5)
        returning {_HEARTBEAT_COLUMNS}
        """,
        name,
        (await _sealer(tx)).seal(url.encode(), name),
        url_hint,
        method,
        now,
    )
    assert row
    return _heartbeat(row)


async def delete_heartbeat(tx: Tx, heartbeat_id: int) -> OutboundHeartbeat | None:
    """Delete an outbound heartbeat and return it; None if there is none."""
    row = await tx.row(
        f"delete from outbound_heartbeat where id = $1 returning {_HEARTBEAT_COLUMNS}", heartbeat_id
    )
    return _heartbeat(row) if row else None


async def is_due(tx: Reads, now: datetime, ahead: datetime) -> bool:
    """Return True if an outbound heartbeat is due now or, because a clock was set back, only after `ahead`."""
    return bool(
        await tx.value(
            "select exists (select from outbound_heartbeat where next_at <= $1 or next_at > $2)", now, ahead
        )
    )


async def claim_due(
    tx: Tx, due_until: datetime, ahead: datetime | None, next_at: datetime
) -> list[tuple[OutboundHeartbeat, bytes]]:
    """Take the outbound heartbeats due until an instant, each for one process, with their sealed addresses.

    Those that are due only after `ahead`, because a clock was set back, are taken too; without it they are not.
    """
    rows = await tx.fetch(
        f"""
        update outbound_heartbeat
        set next_at = $3
        where id in (
            select id
            from outbound_heartbeat
            where next_at <= $1
                or next_at > $2
            for update skip locked
        )
        returning {_HEARTBEAT_COLUMNS}, url
        """,
        due_until,
        ahead,
        next_at,
    )
    return [(_heartbeat(row), row["url"]) for row in rows]


async def open_url(tx: Tx, heartbeat: OutboundHeartbeat, sealed: bytes) -> str:
    """Return the address of an outbound heartbeat; raise `Invalid` if it cannot be read."""
    return (await _sealer(tx)).open(sealed, heartbeat.name).decode()


async def record_pings(tx: Tx, outcomes: Sequence[PingOutcome], now: datetime) -> None:
    """Record the outcome of requests."""
    await tx.execute(
        """
        update outbound_heartbeat
        set tried_at = $3,
            arrived_at = case when outcome.error = '' then $3 else arrived_at end,
            failing_since = case when outcome.error = '' then null else coalesce(failing_since, $3) end,
            error = outcome.error,
            withheld_since = null,
            withheld_for = ''
        from unnest($1::bigint[], $2::text[]) outcome (heartbeat_id, error)
        where outbound_heartbeat.id = outcome.heartbeat_id
        """,
        *transpose(((outcome.heartbeat_id, outcome.error) for outcome in outcomes), 2),
        now,
    )


async def record_withheld(tx: Tx, ids: Sequence[int], reason: str, now: datetime) -> None:
    """Record that outbound heartbeats were not sent, and why."""
    await tx.execute(
        """
        update outbound_heartbeat
        set withheld_since = coalesce(withheld_since, $3),
            withheld_for = $2
        where id = any($1::bigint[])
        """,
        list(ids),
        reason,
        now,
    )


async def take_turn(tx: Tx, now: datetime, interval: timedelta) -> bool:
    """Return True for one process in each interval, also after a clock was set back; the others do not wait for it."""
    taken = await tx.value(
        """
        update self_watch_turn
        set looked_at = $1
        where id in (
            select id
            from self_watch_turn
            where looked_at <= $2
                or looked_at > $1
            for update skip locked
        )
        returning true
        """,
        now,
        now - interval,
    )
    return bool(taken)


async def shared_work(tx: Reads, now: datetime) -> SharedWork:
    """Return what is due and waits for any process; each statement reads an index."""
    timers = await tx.row(
        """
        select count(*) as late, min(due_at) as since
        from due
        where due_at < $1
            and kind = any($2::text[])
        """,
        now,
        list(PAGE_LANE_KINDS),
    )
    assert timers
    waiting = await tx.fetch(
        """
        select channel, count(*) as messages, min(send_at) as since
        from (
            select channel, send_at
            from delivery
            where state in ('queued', 'sending')
                and rank <= 1
                and send_at <= $1
                and (lease_until is null or lease_until <= $1)
            limit $2
        ) waiting
        group by channel
        """,
        now,
        COUNTED_MAX,
    )
    return SharedWork(
        timers["late"],
        timers["since"],
        tuple(WaitingMessages(row["channel"], row["messages"], row["since"]) for row in waiting),
        await exhausted_pages(tx),
    )


async def exhausted_pages(tx: Reads) -> int:
    """Return the number of urgent pages, without those of drills, that no one acknowledged to the end of the policy."""
    pages: int = await tx.value(
        """
        select count(*)
        from page
        where state = $1
            and urgency = 'high'
            and not plan ? 'is_drill'
        """,
        PageState.EXHAUSTED,
    )
    return pages


async def lock_alarms(tx: Tx) -> None:
    """Lock the alarms against other processes until the transaction ends; readers do not wait."""
    await tx.execute("lock table self_alarm in share row exclusive mode")


async def open_alarms(tx: Reads) -> list[SelfAlarm]:
    """Return the alarms that have not ended, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_ALARM_COLUMNS}
        from self_alarm
        where cleared_at is null
        order by id
        """
    )
    return [_alarm(row) for row in rows]


async def notice_problems(tx: Tx, problems: Sequence[Problem], now: datetime) -> list[SelfAlarm]:
    """Begin an alarm for each problem that has none, note the others as present; return those that began."""
    rows = await tx.fetch(
        f"""
        insert into self_alarm (kind, subject, detail, opened_at, noticed_at)
        select kind, subject, detail, $4, $4
        from unnest($1::text[], $2::text[], $3::text[]) problem (kind, subject, detail)
        order by kind, subject
        on conflict (kind, subject) where cleared_at is null do update
        set detail = excluded.detail,
            noticed_at = greatest(self_alarm.noticed_at, excluded.noticed_at)
        returning {_ALARM_COLUMNS}, xmax = 0 as is_new
        """,
        *transpose(((problem.kind, problem.subject, problem.detail) for problem in problems), 3),
        now,
    )
    return [_alarm(row) for row in rows if row["is_new"]]


async def note_acceptances(tx: Tx, acceptances: Sequence[Acceptance]) -> None:
    """Note at the open alarms when a message was last accepted by what they are about."""
    await tx.execute(
        """
        update self_alarm
        set worked_at = acceptance.at
        from unnest($1::text[], $2::text[], $3::timestamptz[]) acceptance (kind, subject, at)
        where self_alarm.cleared_at is null
            and self_alarm.kind = acceptance.kind
            and self_alarm.subject = acceptance.subject
            and (self_alarm.worked_at is null or self_alarm.worked_at < acceptance.at)
        """,
        *transpose(((one.kind, one.subject, one.at) for one in acceptances), 3),
    )


async def clear_alarms(tx: Tx, ids: Sequence[int], now: datetime) -> None:
    """End alarms."""
    await tx.execute("update self_alarm set cleared_at = $2 where id = any($1::bigint[])", list(ids), now)


async def alarms(tx: Reads, limit: int) -> list[SelfAlarm]:
    """Return the latest alarms, open ones first."""
    rows = await tx.fetch(
        f"""
        (
            select {_ALARM_COLUMNS}
            from self_alarm
            where cleared_at is null
            order by opened_at desc, id desc
        )
        union all
        (
            select {_ALARM_COLUMNS}
            from self_alarm
            where cleared_at is not null
            order by opened_at desc, id desc
            limit $1
        )
        """,
        limit,
    )
    return [_alarm(row) for row in rows]


async def alarms_by_id(tx: Reads, ids: Sequence[int]) -> dict[int, SelfAlarm]:
    """Return alarms by id."""
    rows = await tx.fetch(f"select {_ALARM_COLUMNS} from self_alarm where id = any($1::bigint[])", list(ids))
    return {row["id"]: _alarm(row) for row in rows}
