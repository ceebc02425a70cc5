"""The SQL of deliveries to subscribers: queueing, leases and outcomes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Tx
from firebell.kit.text import to_storable
from firebell.status_pages.model import PageVisibility
from firebell.subscribers import store, subscription_rules
from firebell.subscribers.deliveries import superseding_store
from firebell.subscribers.deliveries.smtp_replies import Failure
from firebell.subscribers.model import Broadcast, ClaimedDelivery, Purpose

LEASE = timedelta(seconds=60)
CANDIDATES = 4
"""Deliveries read for each that may be claimed, so that one slow domain does not hold up the others."""
EXPIRED_PER_RUN = 5_000


@dataclass(frozen=True, slots=True)
class QueuedDelivery:
    """A delivery to queue."""

    subscriber_id: int
    lane: str
    host: str
    turn: int = 0
    carried: Sequence[int] = ()
    """The earlier broadcasts that this one says too."""


async def queue_broadcast(
    tx: Tx, broadcast: Broadcast, deliveries: Sequence[QueuedDelivery], now: datetime
) -> None:
    """Queue the deliveries of a broadcast; idempotent by broadcast and subscriber."""
    if not deliveries:
        return
    await tx.execute(
        """
        insert into subscriber_delivery (
            subscriber_id, broadcast_id, purpose, lane, host, priority, turn, state, carried, next_at, created_at
        )
        select
            subscriber_id, $7, 'broadcast', lane, host, $8, turn, 'queued',
            string_to_array(carried, ',')::bigint[],
            case when lane <> 'hook' then greatest($6::timestamptz, $9) else $6 end, $6
        from unnest($1::bigint[], $2::text[], $3::text[], $4::int[], $5::text[])
            n (subscriber_id, lane, host, turn, carried)
        on conflict (broadcast_id, subscriber_id) do nothing
        """,
        *transpose(map(_queued_values, deliveries), 5),
        now,
        broadcast.id,
        broadcast.priority,
        broadcast.held_until,
    )


def _queued_values(delivery: QueuedDelivery) -> tuple[Any, ...]:
    carried = ",".join(map(str, sorted(set(delivery.carried), reverse=True)))
    return delivery.subscriber_id, delivery.lane, delivery.host, delivery.turn, carried


async def queue(tx: Tx, delivery: QueuedDelivery, purpose: Purpose, now: datetime) -> None:
    """Queue a message about a subscription itself."""
    await tx.execute(
        """
        insert into subscriber_delivery (
            subscriber_id, purpose, lane, host, priority, state, next_at, created_at
        )
        values ($1, $2, $3, $4, 0, 'queued', $5, $5)
        """,
        delivery.subscriber_id,
        purpose,
        delivery.lane,
        delivery.host,
        now,
    )


async def void_recalled(tx: Tx, broadcast_id: int, now: datetime) -> None:
    """Send nothing of what is queued of a broadcast, except where it carries an earlier one too."""
    await tx.execute(
        """
        update subscriber_delivery
        set state = 'void', reason = 'recalled', ended_at = $2
        where broadcast_id = $1
            and state = 'queued'
            and carried = '{}'
        """,
        broadcast_id,
        now,
    )


async def void(tx: Tx, subscriber_id: int, reason: str, now: datetime) -> None:
    """Send nothing of what is queued for a subscriber."""
    await tx.execute(
        """
        update subscriber_delivery
        set state = 'void', reason = $2, ended_at = $3
        where subscriber_id = $1
            and state = 'queued'
        """,
        subscriber_id,
        reason,
        now,
    )


async def claim(
    tx: Tx,
    lane: str,
    limit: int,
    choose: Callable[[Sequence[tuple[int, str]]], list[int]],
    name: str,
    now: datetime,
) -> list[ClaimedDelivery]:
    """Lease up to `limit` deliveries that `choose` picks of (id, host), the most important first.

    A subscriber gets one message at a time, so that no later one overtakes an earlier one.
    """
    rows = await tx.fetch(
        """
        select d.id, d.host
        from subscriber_delivery d
        join subscriber s on s.id = d.subscriber_id
        left join status_broadcast b on b.id = d.broadcast_id
        where d.state = 'queued'
            and d.lane = $1
            and d.next_at <= $2
            and b.paused_at is null
            and (d.purpose <> 'broadcast' or s.state = 'active')
            and not exists (
                select
                from subscriber_delivery other
                where other.subscriber_id = d.subscriber_id
                    and other.state = 'claimed'
            )
        order by d.priority, d.turn, d.id
        limit $3
        for update of d skip locked
        """,
        lane,
        now,
        limit * CANDIDATES,
    )
    chosen = choose([(row["id"], row["host"]) for row in rows])[:limit]
    if not chosen:
        return []
    await tx.execute(
        """
        update subscriber_delivery
        set state = 'claimed', claimed_by = $2, lease_until = $3, lost_claims = lost_claims + 1
        where id = any($1::bigint[])
        """,
        chosen,
        name,
        now + LEASE,
    )
    return await _claimed(tx, chosen, now)


async def _claimed(tx: Tx, ids: Sequence[int], now: datetime) -> list[ClaimedDelivery]:
    rows = await tx.fetch(
        f"""
        select
            d.id as delivery_id, d.purpose, d.broadcast_id, d.carried, d.turn, d.attempts, d.lost_claims,
            d.created_at as queued_at, p.slug, p.name as page_name, p.tz, p.visibility,
            h.host as page_host, coalesce(t.locale, 'en') as page_locale,
            coalesce(t.locales, '{{}}') as page_locales,
            s.secret, case when s.previous_until > $2 then s.previous_secret end as previous_secret,
            {", ".join(f"s.{name.strip()}" for name in store.COLUMNS.split(","))}
        from subscriber_delivery d
        join subscriber s on s.id = d.subscriber_id
        join status_page p on p.id = s.status_page_id
        left join status_page_host h on h.status_page_id = p.id and h.proven_at is not null
        left join status_page_theme t on t.status_page_id = p.id
        where d.id = any($1::bigint[])
        order by d.priority, d.turn, d.id
        """,
        list(ids),
        now,
    )
    return [
        ClaimedDelivery(
            row["delivery_id"],
            subscription_rules.delivery_key(
                row["purpose"], row["broadcast_id"] or row["delivery_id"], row["id"]
            ),
            Purpose(row["purpose"]),
            row["broadcast_id"],
            tuple(row["carried"]),
            row["turn"],
            row["attempts"],
            row["lost_claims"],
            row["queued_at"],
            store.subscriber_of(row),
            row["slug"],
            row["page_name"],
            row["tz"],
            tuple(filter(None, (row["secret"], row["previous_secret"]))),
            row["page_host"] or "",
            (locale := subscription_rules.locale_of(row["locale"], row["page_locale"], row["page_locales"])),
            locale == row["page_locale"],
            row["visibility"] == PageVisibility.PRIVATE,
        )
        for row in rows
    ]


async def next_at(tx: Reads, lane: str, now: datetime) -> datetime | None:
    """Return when the next delivery of a lane may be sent, any past instant if one may now, None if none waits."""
    at: datetime | None = await tx.value(
        """
        select coalesce(
            (
                select next_at
                from subscriber_delivery
                where state = 'queued'
                    and lane = $1
                    and next_at <= $2
                limit 1
            ),
            (
                select min(next_at)
                from subscriber_delivery
                where state = 'queued'
                    and lane = $1
            )
        )
        """,
        lane,
        now,
    )
    return at


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """The outcome of a claimed delivery: it was sent, failed for good, or is tried again at `retry_at`."""

    delivery: ClaimedDelivery
    reason: str = ""
    failure: Failure | None = None
    is_failed: bool = False
    retry_at: datetime | None = None
    is_counted: bool = True
    """False if it was not the fault of the receiver, so that it uses up no attempt."""
    is_gone: bool = False
    """True if the receiver wants nothing more."""
    blames_address: bool = True
    """False if it failed for good for another reason, so that the subscription continues."""
    parts: int = 0
    """What the provider of a text message charges for."""

    @property
    def is_sent(self) -> bool:
        """True if the receiver accepted it."""
        return self.retry_at is None and not self.is_failed


def storable(text: str) -> str:
    """Return a receiver's text without NUL and lone surrogates, cut to 300 characters."""
    return to_storable(text, 300)


async def record(tx: Tx, name: str, outcomes: Sequence[DeliveryOutcome], now: datetime) -> set[int]:
    """Store outcomes of deliveries that this process still holds, and return the ids of these."""
    rows = await tx.fetch(
        """
        update subscriber_delivery d
        set state = o.state,
            reason = o.reason,
            failure = o.failure,
            attempts = d.attempts + o.counted,
            parts = o.parts,
            lost_claims = 0,
            next_at = coalesce(o.retry_at, d.next_at),
            ended_at = case when o.state <> 'queued' then $9::timestamptz end,
            lease_until = null
        from unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[], $7::int[])
            o (id, state, reason, failure, counted, retry_at, parts)
        where d.id = o.id
            and d.state = 'claimed'
            and d.claimed_by = $8
        returning d.id
        """,
        *transpose(map(_values, outcomes), 7),
        name,
        now,
    )
    await superseding_store.supersede_requeued(tx, [o.delivery.id for o in outcomes if o.retry_at], now)
    return {row["id"] for row in rows}


def _values(outcome: DeliveryOutcome) -> tuple[Any, ...]:
    state = "queued" if outcome.retry_at else "failed" if outcome.is_failed else "sent"
    return (
        outcome.delivery.id,
        state,
        storable(outcome.reason),
        outcome.failure or "",
        int(outcome.is_counted),
        outcome.retry_at,
        outcome.parts,
    )


async def expire(tx: Tx, lane: str, before: datetime, now: datetime) -> None:
    """Send nothing that was published before an instant: old news helps no one."""
    await tx.execute(
        """
        update subscriber_delivery
        set state = 'failed', reason = 'It was too old to be sent.', ended_at = $3
        where id in (
            select id
            from subscriber_delivery
            where state = 'queued'
                and lane = $1
                and created_at < $2
            limit $4
        )
        """,
        lane,
        before,
        now,
        EXPIRED_PER_RUN,
    )


async def lapsed(tx: Tx, now: datetime, limit: int) -> list[tuple[int, str]]:
    """Lock deliveries whose process is gone, and return (id, name of the process)."""
    rows = await tx.fetch(
        """
        select id, claimed_by
        from subscriber_delivery
        where state = 'claimed'
            and lease_until < $1
        order by lease_until
        limit $2
        for update skip locked
        """,
        now,
        limit,
    )
    return [(row["id"], row["claimed_by"]) for row in rows]


async def recover(tx: Tx, sent: Sequence[int], again: Sequence[int], now: datetime) -> None:
    """Record what a process that is gone had sent, and queue the rest again under the same key."""
    await tx.execute(
        """
        update subscriber_delivery
        set state = case when id = any($1::bigint[]) then 'sent' else 'queued' end,
            ended_at = case when id = any($1::bigint[]) then $3::timestamptz end,
            lease_until = null
        where id = any($1::bigint[] || $2::bigint[])
            and state = 'claimed'
        """,
        list(sent),
        list(again),
        now,
    )
    await superseding_store.supersede_requeued(tx, again, now)


async def holders(tx: Tx, names: Sequence[str]) -> set[str]:
    """Return which of these processes still hold deliveries."""
    rows = await tx.fetch(
        """
        select distinct claimed_by
        from subscriber_delivery
        where state = 'claimed'
            and claimed_by = any($1::text[])
        """,
        list(names),
    )
    return {row["claimed_by"] for row in rows}


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete deliveries that were queued before an instant and are over."""
    return await tx.changed(
        """
        delete from subscriber_delivery
        where id in (
            select id
            from subscriber_delivery
            order by id
            limit $2
        )
            and created_at < $1
            and state not in ('queued', 'claimed')
        """,
        before,
        limit,
    )


async def forget_hosts(tx: Tx, subscriber_id: int) -> None:
    """Forget where the deliveries of an erased subscriber went."""
    await tx.execute("update subscriber_delivery set host = '' where subscriber_id = $1", subscriber_id)
