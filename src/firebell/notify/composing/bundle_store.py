"""The SQL of messages about several pages: what can go together, what waits, and what went out together."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Tx
from firebell.notify.deliveries.store import (
    DELIVERY_COLUMNS,
    LEASE,
    QUALIFIED_COLUMNS,
    delivery_from_row,
    lease_sql,
    leased,
)
from firebell.notify.model import BUNDLE_KIND, Delivery

_CHANNELS = "('sms', 'voice')"
"""The channels with `Channel.bundles_pages`, as the index of migration 108 has them."""
BUNDLEABLE = f"delivery.subject_kind = 'page' and delivery.channel in {_CHANNELS} and not delivery.is_drill"
"""The deliveries that can go together, as the index of migration 108 has them."""
MAX_CLAIMED = 200
"""Number of messages that are leased at once to go with others."""


async def latest_messages(
    tx: Reads, methods: Sequence[int], without: Sequence[int], since: datetime, now: datetime
) -> dict[int, datetime]:
    """Return when the latest message about a page that still waits went to each contact method since an instant.

    One that is being sent goes now; those in `without` are left out, and so is what was answered.
    """
    rows = await tx.fetch(
        f"""
        select method_id, max(sent_at) as sent_at
        from (
            select delivery.method_id, $4::timestamptz as sent_at
            from delivery
            where delivery.method_id = any($1::bigint[])
                and {BUNDLEABLE}
                and delivery.state = 'sending'
                and delivery.lease_until > $4
                and delivery.id <> all($2::bigint[])
            union all
            select delivery.method_id, delivery.sent_at
            from delivery_receipt receipt
            join delivery on delivery.id = receipt.delivery_id
            join subject_plan plan on plan.subject_kind = delivery.subject_kind
                and plan.subject_id = delivery.subject_id
                and plan.epoch = delivery.epoch
            where receipt.channel in {_CHANNELS}
                and receipt.accepted_at > $3
                and delivery.method_id = any($1::bigint[])
                and {BUNDLEABLE}
                and delivery.state = 'accepted'
                and delivery.sent_at > $3
        ) message
        group by method_id
        """,
        list(methods),
        list(without),
        since,
        now,
    )
    return {row["method_id"]: row["sent_at"] for row in rows}


async def claim_along(
    tx: Tx, methods: Collection[int], joined: Collection[int], now: datetime
) -> list[Delivery]:
    """Lease what goes to these contact methods as part of a message about several pages.

    That is the rest of each bundle that is sent again, and for `joined` methods what is new, also if it waits for
    others; not what an attempt put back for later.
    """
    rows = await tx.fetch(
        lease_sql(
            f"""
            select id
            from delivery
            where method_id = any($3::bigint[])
                and {BUNDLEABLE}
                and state in ('queued', 'sending')
                and not held
                and (lease_until is null or lease_until <= $1)
                and (
                    (bundle_id is not null and send_at <= $1)
                    or (
                        bundle_id is null
                        and attempts = 0
                        and lost_claims = 0
                        and method_id = any($4::bigint[])
                        and (send_at <= $1 or (has_waited and error is null))
                    )
                )
            order by rank, send_at, id
            limit $5
            """
        ),
        now,
        now + LEASE,
        sorted(methods),
        sorted(joined),
        MAX_CLAIMED,
    )
    return await leased(tx, rows, now)


async def wait(tx: Tx, waits: Sequence[tuple[int, datetime]]) -> None:
    """Put leased deliveries back until an instant each; that is not an attempt."""
    await tx.execute(
        """
        update delivery
        set state = 'queued',
            has_waited = true,
            lease_until = null,
            attempts = greatest(0, delivery.attempts - 1),
            first_send_at = coalesce(delivery.first_send_at, delivery.send_at),
            send_at = wait.until
        from unnest($1::bigint[], $2::timestamptz[]) wait (delivery_id, until)
        where delivery.id = wait.delivery_id
        """,
        *transpose(waits, 2),
    )
    await tx.wake("send")


async def save_bundles(tx: Tx, members: Sequence[tuple[int, int]]) -> None:
    """Store which deliveries go out together, as (delivery id, bundle id)."""
    await tx.execute(
        """
        update delivery
        set bundle_id = member.bundle_id
        from unnest($1::bigint[], $2::bigint[]) member (delivery_id, bundle_id)
        where delivery.id = member.delivery_id
        """,
        *transpose(members, 2),
    )


async def members(tx: Reads, bundle_id: int) -> list[Delivery]:
    """Return the deliveries of a bundle, by id, except those that were voided.

    Its provider may have got the message of one that is queued again: an attempt without an answer says nothing.
    """
    rows = await tx.fetch(
        f"""
        select {DELIVERY_COLUMNS}
        from delivery
        where bundle_id = $1
            and state <> 'void'
        order by id
        """,
        bundle_id,
    )
    return [delivery_from_row(row) for row in rows]


async def deliveries_of_message(
    tx: Reads, delivery: Delivery, *, only_waiting: bool = False
) -> list[Delivery]:
    """Return the deliveries of the message of one, which is among them, most urgent first.

    `only_waiting` leaves out those whose page waits for no answer to it anymore, maybe all of them. A message about
    one page has one delivery. Its provider may have got one that is queued again, or that failed.
    """
    if not delivery.bundle_id:
        return [delivery]
    rows = await tx.fetch(
        f"""
        select {QUALIFIED_COLUMNS}
        from delivery own
        join delivery on delivery.bundle_id = own.bundle_id
            and delivery.provider_id is not distinct from own.provider_id
        left join subject_plan plan on plan.subject_kind = delivery.subject_kind
            and plan.subject_id = delivery.subject_id
            and plan.epoch = delivery.epoch
        where own.id = $1
            and case
                when $2 then delivery.state <> 'void' and plan.epoch is not null
                else delivery.state <> 'void' or delivery.id = own.id
            end
        order by delivery.rank, delivery.id
        """,
        delivery.id,
        only_waiting,
    )
    return [delivery_from_row(row) for row in rows]


async def codes_of(tx: Reads, person_id: int, kind: str, subject_ids: Sequence[int]) -> dict[int, list[int]]:
    """Return which of these subjects each code stands for that acknowledges the messages of a bundle together."""
    rows = await tx.fetch(
        """
        select reply_code.code, array_agg(distinct delivery.subject_id order by delivery.subject_id) as subject_ids
        from reply_code
        join delivery on delivery.bundle_id = reply_code.subject_id
        where reply_code.person_id = $1
            and reply_code.subject_kind = $2
            and delivery.subject_kind = $3
            and delivery.subject_id = any($4::bigint[])
            and delivery.state <> 'void'
        group by reply_code.code
        order by reply_code.code
        """,
        person_id,
        BUNDLE_KIND,
        kind,
        list(subject_ids),
    )
    return {row["code"]: row["subject_ids"] for row in rows}
