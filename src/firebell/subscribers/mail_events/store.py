"""The SQL of what mail providers report about mails to subscribers."""

from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Reads, Tx
from firebell.subscribers.mail_events.provider_parsing import MailEvent, MailEventKind

MAX_LISTED = 20


@dataclass(frozen=True, slots=True)
class ReportedDelivery:
    """The mail that a report is about."""

    delivery_id: int
    broadcast_id: int | None
    subscriber_id: int
    status_page_id: int
    page_name: str
    turn: int = 0
    """Its place within its broadcast, from 0."""


async def delivery(tx: Tx, delivery_id: int) -> ReportedDelivery | None:
    """Return a delivery whose subscriber there is still, None otherwise."""
    row = await tx.row(
        """
        select d.id as delivery_id, d.broadcast_id, d.subscriber_id, s.status_page_id, p.name as page_name, d.turn
        from subscriber_delivery d
        join subscriber s on s.id = d.subscriber_id
        join status_page p on p.id = s.status_page_id
        where d.id = $1
        """,
        delivery_id,
    )
    return ReportedDelivery(**dict(row)) if row else None


async def insert(tx: Tx, reported: ReportedDelivery, event: MailEvent, reason: str, now: datetime) -> bool:
    """Store a report; return False if it was stored before."""
    row = await tx.row(
        """
        insert into mail_event (status_page_id, subscriber_id, delivery_id, kind, provider, reason, at)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (delivery_id, kind) do nothing
        returning id
        """,
        *(reported.status_page_id, reported.subscriber_id, reported.delivery_id),
        *(event.kind, event.provider, reason, now),
    )
    return row is not None


@dataclass(frozen=True, slots=True)
class StoredMailEvent:
    """A report about a mail to a subscriber."""

    id: int
    subscriber_id: int
    address: str
    kind: MailEventKind
    provider: str
    reason: str
    at: datetime


async def latest(
    tx: Reads,
    page_id: int,
    limit: int = MAX_LISTED,
    before: int | None = None,
    subscriber_id: int | None = None,
) -> list[StoredMailEvent]:
    """Return the reports about subscribers of a page, or about one of them, newest first."""
    rows = await tx.fetch(
        """
        select
            mail_event.id,
            subscriber_id,
            coalesce(subscriber.address, '') as address,
            mail_event.kind,
            provider,
            reason,
            at
        from mail_event
        left join subscriber on subscriber.id = subscriber_id
        where mail_event.status_page_id = $1
            and ($2::bigint is null or mail_event.id < $2)
            and ($3::bigint is null or subscriber_id = $3)
        order by mail_event.id desc
        limit $4
        """,
        page_id,
        before,
        subscriber_id,
        limit,
    )
    return [StoredMailEvent(**{**dict(row), "kind": MailEventKind(row["kind"])}) for row in rows]


async def delete_old(tx: Tx, before: datetime, limit: int) -> int:
    """Delete reports from before an instant."""
    return await tx.changed(
        """
        delete from mail_event
        where id in (
            select id
            from mail_event
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )
