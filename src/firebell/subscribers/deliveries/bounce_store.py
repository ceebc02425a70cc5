"""The SQL of mails that did not arrive: what came back, and how often an address failed."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.subscribers.deliveries.dead_addresses import FailedMail
from firebell.subscribers.deliveries.smtp_replies import Failure

FAILURES_READ = 50


async def mark_bounced(tx: Tx, delivery_id: int, failure: Failure, reason: str, now: datetime) -> bool:
    """Record that a mail that the relay had accepted came back; return False if it was not sent."""
    changed = await tx.changed(
        """
        update subscriber_delivery
        set state = 'failed', failure = $2, reason = $3, ended_at = $4
        where id = $1
            and state = 'sent'
        """,
        delivery_id,
        failure,
        reason,
        now,
    )
    return bool(changed)


async def failures(tx: Tx, subscriber_ids: Sequence[int]) -> dict[int, list[FailedMail]]:
    """Return the failures of each subscriber since the last message that arrived, oldest first."""
    rows = await tx.fetch(
        """
        select subscriber_id, failure, ended_at
        from (
            select
                d.subscriber_id, d.failure, d.ended_at, d.id,
                (
                    select max(sent.id)
                    from subscriber_delivery sent
                    where sent.subscriber_id = d.subscriber_id
                        and sent.state = 'sent'
                ) as last_sent_id,
                row_number() over (partition by d.subscriber_id order by d.id desc) as place
            from subscriber_delivery d
            where d.subscriber_id = any($1::bigint[])
                and d.state = 'failed'
                and d.failure <> ''
        ) failed
        where place <= $2
            and (last_sent_id is null or id > last_sent_id)
        order by subscriber_id, id
        """,
        list(subscriber_ids),
        FAILURES_READ,
    )
    by_subscriber: dict[int, list[FailedMail]] = {i: [] for i in subscriber_ids}
    for row in rows:
        by_subscriber[row["subscriber_id"]].append(FailedMail(row["ended_at"], Failure(row["failure"])))
    return by_subscriber
