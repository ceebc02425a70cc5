"""The SQL of messages that quiet hours hold."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.notify.deliveries.store import LEASE, lease_sql, leased
from firebell.notify.model import Delivery


async def claim_held(tx: Tx, methods: Sequence[int], now: datetime) -> list[Delivery]:
    """Lease what quiet hours held for these contact methods and is due now."""
    rows = await tx.fetch(
        lease_sql(
            """
            select id
            from delivery
            where held
                and state = 'queued'
                and send_at <= $1
                and method_id = any($3::bigint[])
            order by id
            limit 1000
            """
        ),
        now,
        now + LEASE,
        list(methods),
    )
    return await leased(tx, rows, now)


async def hold(tx: Tx, deliveries: Sequence[Delivery], until: Sequence[datetime]) -> None:
    """Put leased messages back until quiet hours end, and delay the person's later messages by as much."""
    await tx.execute(
        """
        update delivery
        set state = 'queued',
            held = true,
            lease_until = null,
            attempts = greatest(0, delivery.attempts - (delivery.id = hold.delivery_id)::int),
            send_at = delivery.send_at + (hold.until - leased.send_at)
        from unnest($1::bigint[], $2::timestamptz[]) hold (delivery_id, until)
        join delivery leased on leased.id = hold.delivery_id
        where delivery.id = hold.delivery_id
            or (
                leased.epoch > 0
                and delivery.subject_kind = leased.subject_kind
                and delivery.subject_id = leased.subject_id
                and delivery.epoch = leased.epoch
                and delivery.level = leased.level
                and delivery.round = leased.round
                and delivery.person_id = leased.person_id
                and delivery.state = 'queued'
                and not delivery.held
            )
        """,
        [d.id for d in deliveries],
        list(until),
    )
    await tx.wake("send")


async def release(tx: Tx, person_id: int, now: datetime) -> None:
    """Make the first message that quiet hours hold for a person due now, and keep the intervals after it."""
    await tx.execute(
        """
        with held_delivery as (
            select id, min(send_at) over () earliest
            from delivery
            where held
                and state = 'queued'
                and person_id = $1
                and send_at > $2
        )
        update delivery
        set send_at = delivery.send_at - (held_delivery.earliest - $2)
        from held_delivery
        where delivery.id = held_delivery.id
        """,
        person_id,
        now,
    )
    await tx.wake("send")
