"""The SQL of the delivery ledger: queueing, leases and outcomes."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.text import to_storable
from firebell.notify.deliveries.send_slots import Blocked, Slots, destination, take_turns
from firebell.notify.model import Delivery, DeliveryState, RecipientsLeft
from firebell.notify.notification_rules import NewDelivery, idempotency_key

LEASE = timedelta(seconds=60)
CANDIDATES = 4
"""Number of messages read per message to claim: those of one destination in a row wait for each other."""
PROVIDER_TEXT_CHARS = 500
"""Maximum length of what a provider says."""
DELIVERY_COLUMNS = (
    "id, subject_kind, subject_id, epoch, level, round, person_id, method_id, rank, reason, channel, address,"
    " idempotency_key, state, send_at, attempts, error, created_at, sent_at, held, destination, claims,"
    " lost_claims, bundle_id, has_waited, is_drill, first_send_at"
)
_FIELDS = tuple(DELIVERY_COLUMNS.split(", "))
QUALIFIED_COLUMNS = ", ".join(f"delivery.{name}" for name in _FIELDS)
"""The columns of a delivery in a statement that reads other tables too."""


def delivery_from_row(row: Row) -> Delivery:
    return Delivery(**{**{name: row[name] for name in _FIELDS}, "state": DeliveryState(row["state"])})


def delivery_with_provider_id(row: Row) -> tuple[Delivery, str | None]:
    """Return a delivery, and the id that its provider gave the message, from a row that has `provider_id` too."""
    return delivery_from_row(row), row["provider_id"]


async def queue(tx: Tx, deliveries: Sequence[NewDelivery], now: datetime) -> None:
    """Store messages and wake the sender; idempotent by the idempotency key."""
    if not deliveries:
        return
    await tx.execute(
        """
        insert into delivery (
            subject_kind, subject_id, epoch, level, round, person_id, method_id, rule_index, rank,
            reason, channel, address, idempotency_key, send_at, destination, is_drill, state, created_at
        )
        select
            subject_kind, subject_id, epoch, level, round, person_id, method_id, rule_index, rank,
            reason, channel, address, idempotency_key, send_at, destination, is_drill, 'queued', $1
        from unnest(
            $2::text[], $3::bigint[], $4::bigint[], $5::int[], $6::int[], $7::bigint[], $8::bigint[], $9::int[],
            $10::smallint[], $11::text[], $12::text[], $13::text[], $14::text[], $15::timestamptz[], $16::text[],
            $17::boolean[]
        ) new_delivery (
            subject_kind, subject_id, epoch, level, round, person_id, method_id, rule_index, rank,
            reason, channel, address, idempotency_key, send_at, destination, is_drill
        )
        on conflict (idempotency_key) do nothing
        """,
        now,
        *transpose(map(_values, deliveries), 16),
    )
    await tx.wake("send")


def _values(delivery: NewDelivery) -> tuple[Any, ...]:
    """Return the values of a delivery in the order of `queue`."""
    planned = delivery.planned
    return (
        delivery.subject_kind,
        delivery.subject_id,
        delivery.epoch,
        delivery.level,
        delivery.round,
        planned.person_id,
        planned.method.id,
        planned.rule_index,
        delivery.rank,
        planned.reason,
        planned.method.kind,
        planned.method.address,
        idempotency_key(delivery.subject_id, delivery.epoch, delivery.level, delivery.round, planned),
        planned.send_at,
        destination(planned.method.kind, planned.method.address),
        delivery.is_drill,
    )


def lease_sql(select_ids: str) -> str:
    """Return the statement that leases the deliveries of `select_ids` until $2.

    It voids those of older plans (I6), and those to people who have left. Pass its rows to `leased`.
    """
    columns = ", ".join(f"delivery.{name}" for name in DELIVERY_COLUMNS.split(", "))
    return f"""
        update delivery
        set state = case
                when person.active and (delivery.epoch = 0 or plan.epoch = delivery.epoch) then 'sending'
                else 'void'
            end,
            lease_until = $2,
            attempts = delivery.attempts + (delivery.state = 'queued')::int,
            claims = delivery.claims + 1,
            lost_claims = delivery.lost_claims + (delivery.state = 'sending')::int
        from (
            {select_ids}
            for update skip locked
        ) locked
        join delivery claimed on claimed.id = locked.id
        join person on person.id = claimed.person_id
        left join subject_plan plan on plan.subject_kind = claimed.subject_kind
            and plan.subject_id = claimed.subject_id
        where delivery.id = locked.id
        returning
            {columns},
            (not person.active and delivery.epoch > 0 and delivery.epoch = plan.epoch) is true recipient_left
    """


async def leased(tx: Tx, rows: Sequence[Row], now: datetime) -> list[Delivery]:
    """Return the leased deliveries in their order of sending, and emit for which subjects a recipient has left.

    A message can be committed after its recipient's deactivation looked for the subjects that wait for them.
    """
    subjects: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        if row["recipient_left"]:
            subjects[row["subject_kind"]].add(row["subject_id"])
    for kind, ids in subjects.items():
        await tx.emit(RecipientsLeft(kind, tuple(sorted(ids))), now)
    deliveries = [delivery_from_row(row) for row in rows if row["state"] == "sending"]
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
    return [column for rows, width in shapes for column in transpose(rows, width)]


_FREE = f"""
    state in ('queued', 'sending')
    and send_at <= $9
    and (lease_until is null or lease_until <= $9)
    and {_NOT_BLOCKED}
"""


class _Waiting(NamedTuple):
    id: int
    channel: str
    destination: str
    person_id: int
    rank: int
    is_first_level: bool


async def claim(tx: Tx, now: datetime, limit: int, slots: Slots | None = None) -> list[Delivery]:
    """Lease up to `limit` due messages that have slots, and void those of older plans (I6) and leavers.

    A message whose destination, person or channel has no slot is skipped and delays no other. Messages of first
    levels take turns with all others.
    """
    slots = slots or Slots()
    rows = await tx.fetch(
        f"""
        (
            select id, channel, destination, person_id, rank, false as is_first_level
            from delivery
            where {_FREE}
            order by rank, send_at, id
            limit $10
        )
        union all
        (
            select id, channel, destination, person_id, rank, true as is_first_level
            from delivery
            where {_FREE}
                and level = 0
                and round = 0
                and epoch > 0
            order by rank, send_at, id
            limit $11
        )
        """,
        *_blocked(slots.blocked()),
        now,
        limit * CANDIDATES,
        limit,
    )
    waiting = [_Waiting._make(row) for row in rows]
    first_levels = [message for message in waiting if message.is_first_level]
    admitted = slots.admit(take_turns(first_levels, waiting[: len(waiting) - len(first_levels)]), limit)
    if not admitted:
        return []
    rows = await tx.fetch(
        lease_sql(
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
    return await leased(tx, rows, now)


async def overdue(tx: Tx, before: datetime, now: datetime) -> int:
    """Return the number of urgent messages that were due `before` an instant and have no lease."""
    count: int = await tx.value(
        """
        select count(*)
        from delivery
        where state in ('queued', 'sending')
            and rank <= 1
            and send_at < $1
            and (lease_until is null or lease_until <= $2)
        """,
        before,
        now,
    )
    return count


async def next_at(tx: Tx, blocked: Blocked) -> datetime | None:
    """Return when the next message that is not `blocked` is due; the worker's poll finds expired leases."""
    earliest: datetime | None = await tx.value(
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
    return earliest


_LOCKED_BY_ID = """
    with locked as materialized (
        select id
        from delivery
        where id = any($1::bigint[])
        order by id
        for update
    )
"""
"""Lock the deliveries of an outcome in the order in which receipts and answers lock them."""
_STILL_LEASED = """
    delivery.id = lease.id
    and delivery.claims = lease.claims
    and delivery.state = 'sending'
"""
"""True unless the message was claimed again, or ended, since `lease`."""


def _leases(deliveries: Sequence[Delivery]) -> list[list[int]]:
    return transpose(((delivery.id, delivery.claims) for delivery in deliveries), 2)


async def accepted(tx: Tx, arrived: Sequence[tuple[Delivery, str]], now: datetime) -> set[int]:
    """Record that messages arrived, each with its provider's id; return the ids whose lease was still valid."""
    recorded = await tx.fetch(
        f"""
        {_LOCKED_BY_ID}
        update delivery
        set state = 'accepted',
            provider_id = lease.provider_id,
            sent_at = $4,
            error = null,
            lease_until = null
        from unnest($1::bigint[], $2::int[], $3::text[]) lease (id, claims, provider_id)
        join locked on locked.id = lease.id
        where {_STILL_LEASED}
        returning delivery.id
        """,
        *transpose(
            ((d.id, d.claims, to_storable(provider_id, PROVIDER_TEXT_CHARS)) for d, provider_id in arrived), 3
        ),
        now,
    )
    return {row["id"] for row in recorded}


async def retry(
    tx: Tx, deliveries: Sequence[Delivery], at: datetime, error: str, *, counted: bool = True
) -> None:
    """Queue messages again whose lease is still valid; undo the counted attempt unless `counted`."""
    await tx.execute(
        f"""
        {_LOCKED_BY_ID}
        update delivery
        set state = 'queued',
            send_at = $3,
            first_send_at = coalesce(delivery.first_send_at, delivery.send_at),
            lease_until = null,
            error = $4,
            lost_claims = 0,
            attempts = greatest(0, delivery.attempts - $5::int)
        from unnest($1::bigint[], $2::int[]) lease (id, claims)
        join locked on locked.id = lease.id
        where {_STILL_LEASED}
        """,
        *_leases(deliveries),
        at,
        to_storable(error, PROVIDER_TEXT_CHARS),
        int(not counted),
    )
    await tx.wake("send")


async def failed(tx: Tx, deliveries: Sequence[Delivery], error: str) -> list[Delivery]:
    """Mark messages as failed; return those whose lease was still valid."""
    recorded = await tx.fetch(
        f"""
        {_LOCKED_BY_ID}
        update delivery
        set state = 'failed',
            error = $3,
            lease_until = null
        from unnest($1::bigint[], $2::int[]) lease (id, claims)
        join locked on locked.id = lease.id
        where {_STILL_LEASED}
        returning delivery.id
        """,
        *_leases(deliveries),
        to_storable(error, PROVIDER_TEXT_CHARS),
    )
    ids = {row["id"] for row in recorded}
    return [delivery for delivery in deliveries if delivery.id in ids]


async def send_next(tx: Tx, delivery: Delivery, now: datetime) -> None:
    """Make the person's next message due now, because this one failed."""
    await tx.execute(
        """
        update delivery
        set send_at = $8
        where id = (
            select id
            from delivery
            where subject_kind = $1
                and subject_id = $2
                and epoch = $3
                and level = $4
                and round = $5
                and person_id = $6
                and state = 'queued'
                and send_at > $8
                and id <> $7
            order by send_at, id
            limit 1
        )
        """,
        delivery.subject_kind,
        delivery.subject_id,
        delivery.epoch,
        delivery.level,
        delivery.round,
        delivery.person_id,
        delivery.id,
        now,
    )
    await tx.wake("send")


async def void_queued(tx: Tx, person_id: int) -> None:
    """Void every message that is queued for a person.

    A message that a sender has locked is skipped: the next claim voids it when it is queued again.
    """
    await tx.execute(
        """
        update delivery
        set state = 'void'
        where id in (
            select id
            from delivery
            where person_id = $1
                and state = 'queued'
            for update skip locked
        )
        """,
        person_id,
    )


async def delivery(tx: Reads, delivery_id: int) -> Delivery | None:
    """Return a message, None if there is no such message."""
    row = await tx.row(f"select {DELIVERY_COLUMNS} from delivery where id = $1", delivery_id)
    return delivery_from_row(row) if row else None


async def advance_by(tx: Tx, by: timedelta, now: datetime, *, only_after_now: bool) -> None:
    """Make what waits due earlier; with `only_after_now`, what was queued after `now`.

    Messages held by quiet hours keep their time of day. No lease ends later than one that begins now, nor earlier than
    it should: what is being sent is not sent again.
    """
    await tx.execute(
        """
        update delivery
        set send_at = case when send_at > $2 and not held then send_at - $1::interval else send_at end,
            first_send_at = case when first_send_at > $2 then first_send_at - $1::interval else first_send_at end,
            lease_until = case when lease_until > $3 then $3 else lease_until end,
            created_at = least(created_at, $2)
        where id in (
            select id
            from delivery
            where state in ('queued', 'sending')
                and (send_at > $2 or lease_until > $3 or created_at > $2)
                and (created_at > $2 or not $4)
            order by id
            for update
        )
        """,
        by,
        now,
        now + LEASE,
        only_after_now,
    )
