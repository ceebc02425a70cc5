"""The SQL of messages that were accepted and still wait for an answer."""

from datetime import datetime

from firebell.kit.db.database import Reads
from firebell.notify.deliveries.store import QUALIFIED_COLUMNS, delivery_with_provider_id
from firebell.notify.model import Delivery


async def waiting(tx: Reads, channel: str, since: datetime) -> list[tuple[Delivery, str]]:
    """Return the latest 1,000 messages of a channel that a provider accepted since an instant, with its ids.

    Those of an older plan wait for no answer anymore.
    """
    rows = await tx.fetch(
        f"""
        select {QUALIFIED_COLUMNS}, delivery.provider_id
        from delivery
        join subject_plan plan on plan.subject_kind = delivery.subject_kind
            and plan.subject_id = delivery.subject_id
            and plan.epoch = delivery.epoch
        where delivery.state = 'accepted'
            and delivery.subject_kind = 'page'
            and delivery.sent_at >= $2
            and delivery.channel = $1
        order by delivery.sent_at desc
        limit 1000
        """,
        channel,
        since,
    )
    accepted = [delivery_with_provider_id(row) for row in rows]
    return [(delivery, provider_id or "") for delivery, provider_id in accepted]
