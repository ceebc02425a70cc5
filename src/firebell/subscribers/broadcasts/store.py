"""The SQL of broadcasts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db.database import Reads, Row, Tx
from firebell.subscribers.deliveries.process_checks import ON_TIME_WITHIN
from firebell.subscribers.model import Broadcast, BroadcastKind, NewBroadcast

_COLUMNS = (
    "id, status_page_id, kind, subject, seq, type, priority, impact, component_ids, group_ids, content,"
    " reaches_email, published_at, cursor, queued, fanned_out_at, finished, hard_bounces, complaints,"
    " paused_at, pause_reason, held_until"
)


def _broadcast(row: Row) -> Broadcast:
    values: dict[str, Any] = dict(row)
    values["kind"] = BroadcastKind(row["kind"])
    values["component_ids"] = frozenset(row["component_ids"])
    values["group_ids"] = frozenset(row["group_ids"])
    return Broadcast(**values)


async def last_mailed_at(tx: Tx, page_id: int, subject: str) -> datetime | None:
    """Return when a subject was last broadcast by email, None if never."""
    at: datetime | None = await tx.value(
        """
        select max(published_at)
        from status_broadcast
        where status_page_id = $1
            and subject = $2
            and reaches_email
        """,
        page_id,
        subject,
    )
    return at


async def groups_of_subject(tx: Tx, page_id: int, subject: str) -> frozenset[int]:
    """Return the groups that the broadcasts of a subject were about."""
    rows = await tx.fetch(
        """
        select distinct unnest(group_ids) as group_id
        from status_broadcast
        where status_page_id = $1
            and subject = $2
        """,
        page_id,
        subject,
    )
    return frozenset(row["group_id"] for row in rows)


async def insert(tx: Tx, new: NewBroadcast, *, reaches_email: bool, now: datetime) -> None:
    """Insert a broadcast; idempotent by its subject and number."""
    await tx.execute(
        """
        insert into status_broadcast (
            status_page_id, kind, subject, seq, type, priority, impact, component_ids, group_ids, content,
            reaches_email, published_at, held_until
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        on conflict (status_page_id, subject, seq) do nothing
        """,
        new.status_page_id,
        new.kind,
        new.subject,
        new.seq,
        new.type,
        int(new.priority),
        new.impact,
        sorted(new.component_ids),
        sorted(new.group_ids),
        dict(new.content),
        reaches_email,
        now,
        now + timedelta(seconds=new.hold_s) if new.hold_s else None,
    )


async def lock_unfinished(tx: Tx) -> Broadcast | None:
    """Lock a broadcast whose deliveries are not all queued: the oldest of a status page, so that order is kept."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from status_broadcast b
        where fanned_out_at is null
            and paused_at is null
            and not exists (
                select
                from status_broadcast earlier
                where earlier.status_page_id = b.status_page_id
                    and earlier.fanned_out_at is null
                    and earlier.id < b.id
                    and earlier.paused_at is null
            )
        order by id
        limit 1
        for update skip locked
        """
    )
    return _broadcast(row) if row else None


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """What waits for the planner: when the next request is due and the next lease ends, and whether there is more."""

    request_at: datetime | None
    lapse_at: datetime | None
    has_broadcast: bool
    has_subscribers: bool

    @property
    def next_at(self) -> datetime | None:
        """When there is work by itself, None if only a wake-up brings some."""
        return min((at for at in (self.request_at, self.lapse_at) if at is not None), default=None)


async def waiting_work(tx: Reads) -> WaitingWork:
    """Return what waits for the planner."""
    row = await tx.row(
        """
        select
            (select min(due_at) from subscription_request) as request_at,
            (select min(lease_until) from subscriber_delivery where state = 'claimed') as lapse_at,
            exists (select from status_broadcast where fanned_out_at is null and paused_at is null) as has_broadcast,
            exists (select from subscriber) as has_subscribers
        """
    )
    assert row
    return WaitingWork(**dict(row))


async def move_cursor(
    tx: Tx, broadcast_id: int, cursor: int, queued: int, fanned_out_at: datetime | None
) -> None:
    """Record up to which subscriber deliveries are queued, and how many."""
    await tx.execute(
        "update status_broadcast set cursor = $2, queued = $3, fanned_out_at = $4 where id = $1",
        broadcast_id,
        cursor,
        queued,
        fanned_out_at,
    )


async def by_ids(tx: Reads, ids: Sequence[int]) -> dict[int, Broadcast]:
    """Return broadcasts by id."""
    rows = await tx.fetch(f"select {_COLUMNS} from status_broadcast where id = any($1::bigint[])", list(ids))
    return {row["id"]: _broadcast(row) for row in rows}


async def lock(tx: Tx, page_id: int, broadcast_id: int) -> Broadcast | None:
    """Lock a broadcast of a status page, None if it has none with this id."""
    row = await tx.row(
        f"select {_COLUMNS} from status_broadcast where id = $1 and status_page_id = $2 for update",
        broadcast_id,
        page_id,
    )
    return _broadcast(row) if row else None


async def count_outcomes(
    tx: Tx, finished: dict[int, int], hard: dict[int, int], sent: dict[int, int], now: datetime
) -> list[Broadcast]:
    """Add outcomes to the counters of broadcasts by id, and return the broadcasts with their new numbers, by id.

    Lanes that count for the same broadcasts at once lock them in the same order.
    """
    ids = sorted(finished)
    rows = await tx.fetch(
        f"""
        with locked as materialized (
            select id
            from status_broadcast
            where id = any($1::bigint[])
            order by id
            for no key update
        )
        update status_broadcast b
        set finished = b.finished + n.finished,
            hard_bounces = b.hard_bounces + n.hard,
            on_time = b.on_time + case when b.published_at >= $5 then n.sent else 0 end
        from unnest($1::bigint[], $2::int[], $3::int[], $4::int[]) n (broadcast_id, finished, hard, sent)
        join locked on locked.id = n.broadcast_id
        where b.id = locked.id
        returning {", ".join(f"b.{name.strip()}" for name in _COLUMNS.split(","))}
        """,
        ids,
        [finished[i] for i in ids],
        [hard.get(i, 0) for i in ids],
        [sent.get(i, 0) for i in ids],
        now - ON_TIME_WITHIN,
    )
    return sorted((_broadcast(row) for row in rows), key=lambda broadcast: broadcast.id)


async def count_complaint(tx: Tx, broadcast_id: int) -> Broadcast:
    """Add a complaint to a broadcast, and return it with its new numbers."""
    row = await tx.row(
        f"update status_broadcast set complaints = complaints + 1 where id = $1 returning {_COLUMNS}",
        broadcast_id,
    )
    assert row
    return _broadcast(row)


async def set_pause(tx: Tx, broadcast_id: int, paused_at: datetime | None, reason: str) -> None:
    """Pause a broadcast, or resume it if `paused_at` is None."""
    await tx.execute(
        "update status_broadcast set paused_at = $2, pause_reason = $3 where id = $1",
        broadcast_id,
        paused_at,
        reason,
    )


@dataclass(frozen=True, slots=True)
class Progress:
    """A broadcast and how many of its deliveries are in each state; ages are of those that were sent."""

    broadcast: Broadcast
    queued: int
    sent: int
    failed: int
    void: int
    median_s: float | None
    p95_s: float | None
    last_sent_at: datetime | None

    @property
    def delivered_share(self) -> float | None:
        """The share of what ended that was sent, None before anything ended."""
        ended = self.sent + self.failed
        return self.sent / ended if ended else None


async def latest(tx: Reads, page_id: int, limit: int, before: int | None = None) -> list[Progress]:
    """Return the broadcasts of a status page with their progress, newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from status_broadcast
        where status_page_id = $1
            and ($3::bigint is null or id < $3)
        order by id desc
        limit $2
        """,
        page_id,
        limit,
        before,
    )
    counts = await tx.fetch(
        """
        select
            d.broadcast_id,
            count(*) filter (where d.state in ('queued', 'claimed')) as queued,
            count(*) filter (where d.state = 'sent') as sent,
            count(*) filter (where d.state = 'failed') as failed,
            count(*) filter (where d.state = 'void') as void,
            percentile_cont(0.5) within group (
                order by extract(epoch from d.ended_at - b.published_at)
            ) filter (where d.state = 'sent') as median_s,
            percentile_cont(0.95) within group (
                order by extract(epoch from d.ended_at - b.published_at)
            ) filter (where d.state = 'sent') as p95_s,
            max(d.ended_at) filter (where d.state = 'sent') as last_sent_at
        from subscriber_delivery d
        join status_broadcast b on b.id = d.broadcast_id
        where d.broadcast_id = any($1::bigint[])
        group by d.broadcast_id
        """,
        [row["id"] for row in rows],
    )
    by_id = {row["broadcast_id"]: row for row in counts}
    return [_progress(_broadcast(row), by_id.get(row["id"])) for row in rows]


def _progress(broadcast: Broadcast, row: Row | None) -> Progress:
    if row is None:
        return Progress(broadcast, 0, 0, 0, 0, None, None, None)
    return Progress(
        broadcast,
        *(row["queued"], row["sent"], row["failed"], row["void"]),
        *(row["median_s"], row["p95_s"], row["last_sent_at"]),
    )


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete broadcasts that were published before an instant, after their deliveries."""
    return await tx.changed(
        """
        delete from status_broadcast
        where id in (
            select b.id
            from status_broadcast b
            where b.published_at < $1
                and not exists (select from subscriber_delivery d where d.broadcast_id = b.id)
            order by b.published_at
            limit $2
        )
        """,
        before,
        limit,
    )


async def lock_from(tx: Tx, page_id: int, subject: str, seq: int) -> list[Broadcast]:
    """Lock and return the broadcasts about a subject from a number on."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from status_broadcast
        where status_page_id = $1
            and subject = $2
            and seq >= $3
        order by id
        for update
        """,
        page_id,
        subject,
        seq,
    )
    return [_broadcast(row) for row in rows]


async def stop(tx: Tx, broadcast_id: int, now: datetime) -> None:
    """Queue no more deliveries of a broadcast, which no longer counts as a mail about its subject."""
    await tx.execute(
        """
        update status_broadcast
        set fanned_out_at = coalesce(fanned_out_at, $2),
            reaches_email = false
        where id = $1
        """,
        broadcast_id,
        now,
    )


async def set_content(tx: Tx, broadcast_id: int, content: Mapping[str, Any]) -> None:
    """Replace what a broadcast says."""
    await tx.execute(
        """
        update status_broadcast
        set content = $2
        where id = $1
        """,
        broadcast_id,
        dict(content),
    )
