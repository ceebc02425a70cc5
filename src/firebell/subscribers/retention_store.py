"""The SQL that deletes subscribers who left, and what is known of mails to them."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.mail_events import store as mail_event_store
from firebell.subscribers.subscription_rules import CONFIRM_PERIOD, PURGE_AFTER

KEPT_DAYS = 30
_PENDING_DAYS_LESS = timedelta(days=KEPT_DAYS) - (PURGE_AFTER - CONFIRM_PERIOD)
DELIVERY_DAYS = 90


async def _delete_subscribers(tx: Tx, before: datetime, limit: int) -> int:
    """Delete subscribers who left before an instant, and requests that were not confirmed within seven days."""
    deleted = await tx.changed(
        """
        delete from subscriber
        where id in (
            select id
            from subscriber
            where state in ('ended', 'erased')
                and ended_at < $1
            limit $2
        )
        """,
        before,
        limit,
    )
    expired = await tx.changed(
        """
        delete from subscriber
        where id in (
            select id
            from subscriber
            where state = 'pending'
                and confirm_until < $1
            limit $2
        )
        """,
        before + _PENDING_DAYS_LESS,
        limit,
    )
    return max(deleted, expired)


async def _delete_requests(tx: Tx, before: datetime, limit: int) -> int:
    return await tx.changed(
        """
        delete from subscription_request
        where id in (
            select id
            from subscription_request
            where at < $1
            limit $2
        )
        """,
        before,
        limit,
    )


async def _delete_mails(tx: Tx, before: datetime, limit: int) -> int:
    return await tx.changed(
        """
        delete from subscription_mail
        where id in (
            select id
            from subscription_mail
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


RETENTIONS = [
    Retention(
        "subscriber",
        KEPT_DAYS,
        by_index(_delete_subscribers),
        label="Subscribers of status pages who left",
        count=count_rows(
            "select from subscriber where state in ('ended', 'erased') and ended_at < $1 limit $2"
        ),
    ),
    Retention(
        "subscriber_delivery",
        DELIVERY_DAYS,
        by_index(delivery_store.delete_old),
        label="Emails and webhooks to subscribers",
        count=count_rows(
            "select from (select * from subscriber_delivery order by id limit $2) oldest"
            " where created_at < $1 and state not in ('queued', 'claimed')"
        ),
    ),
    Retention(
        "status_broadcast",
        DELIVERY_DAYS,
        by_index(broadcast_store.delete_old),
        label="What was sent to subscribers",
        count=count_rows(
            "select from status_broadcast where published_at < $1 order by published_at limit $2"
        ),
    ),
    Retention(
        "subscription_request",
        1,
        by_index(_delete_requests),
        label="Requests to subscribe that were never worked on",
        count=count_rows("select from subscription_request where at < $1 limit $2"),
    ),
    Retention(
        "subscription_mail",
        KEPT_DAYS,
        by_index(_delete_mails),
        label="When addresses were asked to confirm a subscription",
        count=count_rows("select from subscription_mail where at < $1 order by at limit $2"),
    ),
    Retention(
        "mail_event",
        DELIVERY_DAYS,
        by_index(mail_event_store.delete_old),
        label="Bounces and complaints of subscribers",
        count=count_rows("select from mail_event where at < $1 order by at limit $2"),
    ),
]
