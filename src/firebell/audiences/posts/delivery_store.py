"""The SQL of the messages of posts: queued, claimed by the mail lane, and sent, failed or void."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.audiences.model import AudienceDelivery, DeliveryState, Recipient
from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

DELIVERY_DAYS = 90
MAX_SHOWN = 5_000


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A message to send now; `attempts` counts those before."""

    id: int
    incident_id: int
    address: str
    name: str
    customer: str
    subject: str
    body: str
    is_external: bool
    attempts: int
    created_at: datetime
    audience: str = ""
    """The name of the audience."""
    locale: str = ""
    """The code of the language of the text, empty if it is not a translation."""


async def insert_deliveries(
    tx: Tx,
    post_id: int,
    text_id: int,
    recipients: Sequence[Recipient],
    state: DeliveryState,
    send_at: datetime,
    now: datetime,
) -> None:
    """Queue one message to each recipient, or record that none is sent."""
    await tx.execute(
        """
        insert into audience_delivery (
            text_id, post_id, address, name, customer, locale, state, send_at, created_at
        )
        select $1, $2, recipient.address, recipient.name, recipient.customer, recipient.locale, $7, $8, $9
        from unnest($3::text[], $4::text[], $5::text[], $6::text[])
            as recipient (address, name, customer, locale)
        """,
        text_id,
        post_id,
        [each.address for each in recipients],
        [each.name for each in recipients],
        [each.customer for each in recipients],
        [each.locale for each in recipients],
        state,
        send_at,
        now,
    )


_DELIVERY = "id, text_id, address, name, customer, state, send_at, attempts, reason, sent_at"


async def of_post(tx: Tx, post_id: int) -> list[AudienceDelivery]:
    """Return the messages of a post, those that failed first."""
    rows = await tx.fetch(
        f"""
        select {_DELIVERY}
        from audience_delivery
        where post_id = $1
        order by state <> 'failed', customer, name, id
        limit $2
        """,
        post_id,
        MAX_SHOWN,
    )
    return [AudienceDelivery(**{**dict(row), "state": DeliveryState(row["state"])}) for row in rows]


async def claim(tx: Tx, now: datetime, until: datetime, limit: int) -> list[ClaimedMail]:
    """Lease up to `limit` messages that are due until an instant, and return them, oldest first.

    A message whose lease ended was being sent when its process died; it is sent again with the same Message-ID.
    """
    rows = await tx.fetch(
        """
        with claimed as (
            update audience_delivery
            set leased_until = $2
            where id in (
                select id
                from audience_delivery
                where state = 'queued'
                    and send_at <= $1
                    and (leased_until is null or leased_until <= $1)
                order by send_at, id
                limit $3
                for update skip locked
            )
            returning id, text_id, address, name, customer, locale, attempts, created_at
        )
        select
            claimed.id,
            post.incident_id,
            claimed.address,
            claimed.name,
            claimed.customer,
            sent.subject,
            coalesce(sent.translations ->> claimed.locale, sent.body) as body,
            sent.is_external,
            claimed.attempts,
            claimed.created_at,
            sent.name as audience,
            case when sent.translations ? claimed.locale then claimed.locale else '' end as locale
        from claimed
        join audience_text as sent on sent.id = claimed.text_id
        join audience_post as post on post.id = sent.post_id
        order by claimed.id
        """,
        now,
        until,
        limit,
    )
    return [ClaimedMail(**dict(row)) for row in rows]


async def next_at(tx: Tx) -> datetime | None:
    """Return when the next message may be sent, None if none is queued."""
    at = await tx.value(
        """
        select min(greatest(send_at, leased_until))
        from audience_delivery
        where state = 'queued'
        """
    )
    assert at is None or isinstance(at, datetime)
    return at


async def record(
    tx: Tx, delivery_id: int, state: DeliveryState, reason: str, send_at: datetime, now: datetime
) -> None:
    """Record the outcome of an attempt; a message that was recalled or erased meanwhile stays void."""
    await tx.execute(
        """
        update audience_delivery
        set state = $2,
            reason = $3,
            send_at = $4,
            leased_until = null,
            attempts = attempts + 1,
            sent_at = case when $2 = 'sent' then $5::timestamptz end
        where id = $1
            and (state = 'queued' or $2 = 'sent')
        """,
        delivery_id,
        state,
        reason[:500],
        send_at,
        now,
    )


async def release(tx: Tx, delivery_id: int, send_at: datetime) -> None:
    """Put a message back into the queue that this process could not send; it counts no attempt."""
    await tx.execute(
        """
        update audience_delivery
        set leased_until = null, send_at = $2
        where id = $1
            and state = 'queued'
        """,
        delivery_id,
        send_at,
    )


async def void(tx: Tx, delivery_ids: Collection[int], reason: str) -> None:
    """Send nothing more of these messages."""
    await tx.execute(
        """
        update audience_delivery
        set state = 'void', reason = $2, leased_until = null
        where id = any($1::bigint[])
        """,
        list(delivery_ids),
        reason,
    )


async def void_unsent(tx: Tx, post_id: int, reason: str) -> int:
    """Void the messages of a post that are not being sent yet; return their number."""
    return await tx.changed(
        """
        update audience_delivery
        set state = 'void', reason = $2
        where post_id = $1
            and state = 'queued'
            and leased_until is null
        """,
        post_id,
        reason,
    )


async def retry_failed(tx: Tx, post_id: int, now: datetime, *, external: bool) -> int:
    """Queue the failed messages of a post again with new attempts; skip those to customers unless `external`.

    Return their number.
    """
    return await tx.changed(
        """
        update audience_delivery
        set state = 'queued', send_at = $2, attempts = 0, reason = ''
        where post_id = $1
            and state = 'failed'
            and ($3 or text_id in (select id from audience_text where post_id = $1 and not is_external))
        """,
        post_id,
        now,
        external,
    )


async def erase(tx: Tx, address: str) -> int:
    """Remove an address and its name from all messages, and void those that are queued; return their number."""
    return await tx.changed(
        """
        update audience_delivery
        set address = 'erased-' || id,
            name = '',
            state = case when state = 'sent' then state else 'void' end,
            reason = ''
        where address = $1
        """,
        address,
    )


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest messages; their texts and numbers stay with the incident. Return their number."""
    return await tx.changed(
        """
        delete from audience_delivery
        where id in (
            select id
            from audience_delivery
            where state <> 'queued'
                and created_at < $1
            order by created_at
            limit $2
        )
        """,
        before,
        limit,
    )


RETENTIONS = (
    Retention(
        "audience_delivery",
        DELIVERY_DAYS,
        by_index(delete_old),
        setting="audience_mail",
        label="Messages to audiences and customers",
        count=count_rows(
            """
            select
            from audience_delivery
            where state <> 'queued'
                and created_at < $1
            limit $2
            """
        ),
    ),
)
