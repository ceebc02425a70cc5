"""The SQL of what was sent in the last hour and costs money."""

from collections.abc import Collection, Sequence
from datetime import datetime

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads
from firebell.notify.hourly_limits.rules import PageRecipient, RequestedMessage


async def page_messages(
    tx: Reads,
    recipients: Collection[PageRecipient],
    channels: Sequence[str],
    claimed: Sequence[int],
    since: datetime,
) -> dict[PageRecipient, int]:
    """Return how many messages of these channels each recipient got of each page, without the `claimed` ones."""
    rows = await tx.fetch(
        """
        select delivery.subject_kind, delivery.subject_id, delivery.person_id, count(*) as messages
        from unnest($1::text[], $2::bigint[], $3::bigint[]) recipient (subject_kind, subject_id, person_id)
        join delivery on delivery.subject_kind = recipient.subject_kind
            and delivery.subject_id = recipient.subject_id
            and delivery.person_id = recipient.person_id
        where delivery.channel = any($4::text[])
            and (
                (delivery.state = 'accepted' and delivery.sent_at > $6)
                or (delivery.state = 'sending' and delivery.id <> all($5::bigint[]))
            )
        group by delivery.subject_kind, delivery.subject_id, delivery.person_id
        """,
        *transpose(sorted(recipients), 3),
        list(channels),
        list(claimed),
        since,
    )
    return {
        PageRecipient(row["subject_kind"], row["subject_id"], row["person_id"]): row["messages"]
        for row in rows
    }


async def requested_messages(
    tx: Reads, channels: Sequence[str], claimed: Sequence[int], since: datetime
) -> list[RequestedMessage]:
    """Return the codes and tests of these channels that were requested since an instant, without the `claimed` ones."""
    rows = await tx.fetch(
        """
        select channel, person_id, address
        from delivery
        where subject_kind in ('test', 'verification')
            and created_at > $3
            and channel = any($1::text[])
            and state in ('accepted', 'sending')
            and id <> all($2::bigint[])
        """,
        list(channels),
        list(claimed),
        since,
    )
    return [RequestedMessage(**dict(row)) for row in rows]
