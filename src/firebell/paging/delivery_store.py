"""The SQL of the delivery ledger: what is queued, what was claimed, what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from firebell.kit.db import Reads, Row, Tx
from firebell.paging.model import Delivery
from firebell.paging.notification_rules import PlannedDelivery, idempotency_key
from firebell.paging.send_slots import Blocked, Slots, destination

LEASE = timedelta(seconds=60)
CANDIDATES = 8
"""Messages looked at for each that is claimed: those of one destination in a row wait for each other."""
_DELIVERY = (
    "id, page_id, epoch, level, round, person_id, method_id, rank, reason, channel, address, idempotency_key,"
    " state, send_at, attempts, error, created_at, sent_at, held, destination, claims,"
    " lost_claims"
)


@dataclass(frozen=True, slots=True)
class NewDelivery:
    """A message to store, with the page position that asked for it; a notice has no page.

    `rank` 0 goes before 1, and 1 before 2, whatever waits longer.
    """

    page_id: int | None
    epoch: int
    level: int
    round: int
    rank: int
    planned: PlannedDelivery


def _delivery(row: Row) -> Delivery:
    return Delivery(*row.values())


def _said(text: str) -> str:
    """Return a provider's words as the database can keep them: no NUL, no half characters, not too long."""
    return text.encode("utf-8", "replace").decode().replace("\0", "")[:500]


async def queue(tx: Tx, rows: Sequence[NewDelivery], now: datetime) -> None:
    """Store messages; one whose idempotency key exists is there already."""
    if not rows:
        return
    await tx.execute(
        "insert into delivery (page_id, epoch, level, round, person_id, method_id, rule_index, rank,"
        " reason, channel, address, idempotency_key, state, send_at, created_at, destination)"
        " select p, e, l, r, u, m, x, n, y, c, a, k, 'queued', s, $1, h from unnest($2::bigint[], $3::bigint[],"
        " $4::int[], $5::int[], $6::bigint[], $7::bigint[], $8::int[], $9::smallint[], $10::text[],"
        " $11::text[], $12::text[], $13::text[], $14::timestamptz[], $15::text[])"
        " t(p, e, l, r, u, m, x, n, y, c, a, k, s, h)"
        " on conflict (idempotency_key) do nothing",
        now,
        [q.page_id for q in rows],
        [q.epoch for q in rows],
        [q.level for q in rows],
        [q.round for q in rows],
        [q.planned.person_id for q in rows],
        [q.planned.method.id for q in rows],
        [q.planned.rule_index for q in rows],
        [q.rank for q in rows],
        [q.planned.reason for q in rows],
        [q.planned.method.kind for q in rows],
        [q.planned.method.address for q in rows],
        [idempotency_key(q.page_id or 0, q.epoch, q.level, q.round, q.planned) for q in rows],
        [q.planned.send_at for q in rows],
        [destination(q.planned.method.kind, q.planned.method.address) for q in rows],
    )
    await tx.wake("send")


def _leased(free: str) -> str:
    """Return the statement that leases the `free` rows until $2; older plans (I6) and leavers get nothing."""
    return (
        "update delivery d set"
        " state = case when r.active and (d.page_id is null or p.epoch = d.epoch) then 'sending' else 'void' end,"
        " lease_until = $2, attempts = d.attempts + (d.state = 'queued')::int, claims = d.claims + 1,"
        " lost_claims = d.lost_claims + (d.state = 'sending')::int"
        f" from ({free} for update skip locked) q"
        " join delivery o on o.id = q.id join person r on r.id = o.person_id left join page p on p.id = o.page_id"
        f" where d.id = q.id returning {', '.join('d.' + c for c in _DELIVERY.split(', '))}"
    )


def _sendable(rows: Sequence[Row]) -> list[Delivery]:
    deliveries = [_delivery(row) for row in rows if row["state"] == "sending"]
    return sorted(deliveries, key=lambda delivery: (delivery.rank, delivery.send_at, delivery.id))


_NOT_BLOCKED = """
    (channel, rank) not in (select * from unnest($1::text[], $2::smallint[]))
    and (channel, destination, rank) not in (select * from unnest($3::text[], $4::text[], $5::smallint[]))
    and (channel, person_id, rank) not in (select * from unnest($6::text[], $7::bigint[], $8::smallint[]))
"""


def _blocked(blocked: Blocked) -> list[list[str | int]]:
    """Return the parameters of `_NOT_BLOCKED`."""
    shapes: list[tuple[Sequence[tuple[str | int, ...]], int]] = [
        (blocked.channels, 2),
        (blocked.destinations, 3),
        (blocked.persons, 3),
    ]
    return [[row[column] for row in rows] for rows, columns in shapes for column in range(columns)]


class _Waiting(NamedTuple):
    id: int
    channel: str
    destination: str
    person_id: int
    rank: int


async def claim(tx: Tx, now: datetime, limit: int, slots: Slots | None = None) -> list[Delivery]:
    """Lease up to `limit` due messages for which there are slots; void those of older plans (I6) and of leavers.

    A message is passed over while its destination, person or channel has no slot, and delays no other.
    """
    slots = slots or Slots()
    waiting = await tx.fetch(
        f"""
        select id, channel, destination, person_id, rank
        from delivery
        where state in ('queued', 'sending')
            and send_at <= $9
            and (lease_until is null or lease_until <= $9)
            and {_NOT_BLOCKED}
        order by rank, send_at, id
        limit $10
        """,
        *_blocked(slots.blocked()),
        now,
        limit * CANDIDATES,
    )
    admitted = slots.admit([_Waiting(*row.values()) for row in waiting], limit)
    if not admitted:
        return []
    rows = await tx.fetch(
        _leased(
            """
            select id
            from delivery
            where id = any($3::bigint[])
                and state in ('queued', 'sending')
                and send_at <= $1
                and (lease_until is null or lease_until <= $1)
            order by rank, send_at, id
            """
        ),
        now,
        now + LEASE,
        admitted,
    )
    return _sendable(rows)


async def overdue(tx: Tx, before: datetime, now: datetime) -> int:
    """Return how many urgent messages should have begun `before` and are in nobody's hands."""
    count = await tx.value(
        """
        select count(*)
        from delivery
        where state in ('queued', 'sending') and rank <= 1 and send_at < $1
            and (lease_until is null or lease_until <= $2)
        """,
        before,
        now,
    )
    assert isinstance(count, int)
    return count


async def claim_held(tx: Tx, methods: Sequence[int], now: datetime) -> list[Delivery]:
    """Lease what else quiet hours held for these contact methods and may go now."""
    rows = await tx.fetch(
        _leased(
            "select id from delivery where held and state = 'queued' and send_at <= $1"
            " and method_id = any($3::bigint[]) order by id limit 1000"
        ),
        now,
        now + LEASE,
        list(methods),
    )
    return _sendable(rows)


async def hold(tx: Tx, deliveries: Sequence[Delivery], until: Sequence[datetime]) -> None:
    """Put leased messages back until quiet hours end, and what would follow them by as much later."""
    await tx.execute(
        "update delivery d set state = 'queued', held = true, lease_until = null,"
        " attempts = greatest(0, d.attempts - (d.id = t.i)::int), send_at = d.send_at + (t.u - o.send_at)"
        " from unnest($1::bigint[], $2::timestamptz[]) t(i, u) join delivery o on o.id = t.i"
        " where d.id = t.i or (d.page_id = o.page_id and d.epoch = o.epoch and d.level = o.level"
        " and d.round = o.round and d.person_id = o.person_id and d.state = 'queued' and not d.held)",
        [d.id for d in deliveries],
        list(until),
    )
    await tx.wake("send")


async def release(tx: Tx, person_id: int, now: datetime) -> None:
    """Let the first of what quiet hours held for somebody be looked at again now, and what follows it after."""
    await tx.execute(
        "with mine as (select id, min(send_at) over () first from delivery"
        " where held and state = 'queued' and person_id = $1 and send_at > $2)"
        " update delivery d set send_at = d.send_at - (mine.first - $2) from mine where d.id = mine.id",
        person_id,
        now,
    )
    await tx.wake("send")


async def next_at(tx: Tx, blocked: Blocked) -> datetime | None:
    """Return when the next message that is not `blocked` may go; the worker's poll finds ended leases."""
    earliest = await tx.value(
        f"""
        select min(waiting.send_at)
        from generate_series(0, 2) wanted
        cross join lateral (
            select send_at
            from delivery
            where state in ('queued', 'sending')
                and rank = wanted
                and lease_until is null
                and {_NOT_BLOCKED}
            order by send_at, id
            limit 1
        ) waiting
        """,
        *_blocked(blocked),
    )
    assert earliest is None or isinstance(earliest, datetime)
    return earliest


_STILL_LEASED = "d.id = lease.id and d.claims = lease.claims and d.state = 'sending'"
"""True while nobody else has claimed the message, and nothing has ended it, since `lease`."""


async def accepted(tx: Tx, rows: Sequence[tuple[Delivery, str]], now: datetime) -> set[int]:
    """Record that messages arrived, each with its provider's id; return the ids whose lease still held."""
    recorded = await tx.fetch(
        f"""
        update delivery d
        set state = 'accepted', provider_id = lease.provider_id, sent_at = $4, error = null, lease_until = null
        from unnest($1::bigint[], $2::int[], $3::text[]) lease(id, claims, provider_id)
        where {_STILL_LEASED}
        returning d.id
        """,
        [delivery.id for delivery, _ in rows],
        [delivery.claims for delivery, _ in rows],
        [_said(provider_id) for _, provider_id in rows],
        now,
    )
    return {row["id"] for row in recorded}


async def retry(
    tx: Tx, deliveries: Sequence[Delivery], at: datetime, error: str, *, counted: bool = True
) -> None:
    """Queue messages once more where the lease still holds; what is not `counted` was no attempt."""
    await tx.execute(
        f"""
        update delivery d
        set state = 'queued',
            send_at = $3,
            lease_until = null,
            error = $4,
            lost_claims = 0,
            attempts = greatest(0, d.attempts - $5::int)
        from unnest($1::bigint[], $2::int[]) lease(id, claims)
        where {_STILL_LEASED}
        """,
        [delivery.id for delivery in deliveries],
        [delivery.claims for delivery in deliveries],
        at,
        _said(error),
        int(not counted),
    )
    await tx.wake("send")


async def failed(tx: Tx, deliveries: Sequence[Delivery], error: str) -> list[Delivery]:
    """End messages that will not arrive; return those whose lease still held."""
    recorded = await tx.fetch(
        f"""
        update delivery d
        set state = 'failed', error = $3, lease_until = null
        from unnest($1::bigint[], $2::int[]) lease(id, claims)
        where {_STILL_LEASED}
        returning d.id
        """,
        [delivery.id for delivery in deliveries],
        [delivery.claims for delivery in deliveries],
        _said(error),
    )
    ids = {row["id"] for row in recorded}
    return [delivery for delivery in deliveries if delivery.id in ids]


async def send_next(tx: Tx, delivery: Delivery, now: datetime) -> bool:
    """After a message failed, send the person's next one now.

    Returns whether nobody of the page's level is or will be reached by any other message.
    """
    await tx.execute(
        "update delivery set send_at = $5 where id = (select id from delivery where page_id = $1"
        " and epoch = $2 and level = $6 and round = $7 and person_id = $3 and state = 'queued'"
        " and send_at > $5 and id <> $4 order by send_at, id limit 1)",
        delivery.page_id,
        delivery.epoch,
        delivery.person_id,
        delivery.id,
        now,
        delivery.level,
        delivery.round,
    )
    await tx.wake("send")
    return await unreached(tx, delivery.page_id, delivery.epoch, delivery.level, delivery.round)


async def unreached(tx: Tx, page_id: int | None, epoch: int, level: int, round_: int) -> bool:
    """Return True if no message of this level of a page has arrived or can still arrive."""
    return not await tx.value(
        """
        select exists (
            select
            from delivery
            where page_id = $1 and epoch = $2 and level = $3 and round = $4
            and state in ('queued', 'sending', 'accepted') and reason <> 'reminder'
        )
        """,
        page_id,
        epoch,
        level,
        round_,
    )


async def pages_waiting_for(tx: Tx, person_id: int) -> list[int]:
    """Return the triggered pages whose present level has a message queued for a person."""
    rows = await tx.fetch(
        """
        select distinct d.page_id
        from delivery d
        join page p on p.id = d.page_id and p.state = 'triggered'
            and p.epoch = d.epoch and p.level = d.level and p.round = d.round
        where d.person_id = $1 and d.state = 'queued'
        order by d.page_id
        """,
        person_id,
    )
    return [row["page_id"] for row in rows]


async def void_queued(tx: Tx, person_id: int) -> None:
    """Void every message that is queued for a person.

    One that a sender holds just now is skipped: the sender's next claim voids it when it comes back.
    """
    await tx.execute(
        """
        update delivery
        set state = 'void'
        where id in (
            select id
            from delivery
            where person_id = $1 and state = 'queued'
            for update skip locked
        )
        """,
        person_id,
    )


async def created_at(tx: Reads, delivery_id: int) -> datetime | None:
    """Return when a message was queued, None when there is no such message."""
    created = await tx.value("select created_at from delivery where id = $1", delivery_id)
    assert created is None or isinstance(created, datetime)
    return created


async def of_page(tx: Tx, page_id: int) -> list[Delivery]:
    """Return the ledger of a page, its last thousand messages."""
    rows = await tx.fetch(
        f"select {_DELIVERY} from (select * from delivery where page_id = $1 order by id desc limit 1000) d"
        " order by id",
        page_id,
    )
    return [_delivery(row) for row in rows]


async def notified(tx: Tx, page_ids: Sequence[int]) -> dict[int, dict[int, bool]]:
    """Return whom each page has tried to reach so far, and whether any message to them arrived."""
    rows = await tx.fetch(
        "select page_id, person_id, bool_or(state = 'accepted') arrived from delivery"
        " where page_id = any($1::bigint[]) group by 1, 2",
        list(page_ids),
    )
    found: dict[int, dict[int, bool]] = {i: {} for i in page_ids}
    for row in rows:
        found[row["page_id"]][row["person_id"]] = row["arrived"]
    return found
