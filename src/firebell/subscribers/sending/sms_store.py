"""The SQL of text messages to subscribers: what they cost, and their outcomes."""

from datetime import datetime

from firebell.kit.db.database import Reads, Tx
from firebell.subscribers.deliveries.store import storable


async def parts_since(tx: Reads, since: datetime) -> int:
    """Return the parts of text messages that were accepted since an instant."""
    parts = await tx.value(
        "select coalesce(sum(parts), 0) from subscriber_delivery where parts > 0 and ended_at >= $1", since
    )
    assert isinstance(parts, int)
    return parts


async def lock_pace(tx: Tx) -> datetime:
    """Lock the pace of the public number against other processes; return when it has sent what it was given."""
    free_at: datetime = await tx.value("select free_at from subscriber_sms_pace for update")
    return free_at


async def set_pace(tx: Tx, free_at: datetime) -> None:
    """Record when the public number will have sent what it was given."""
    await tx.execute("update subscriber_sms_pace set free_at = $1", free_at)


async def subscriber_of_sms(tx: Tx, delivery_id: int) -> int | None:
    """Return the id of the subscriber to whom a text message was sent, None for any other delivery."""
    subscriber_id: int | None = await tx.value(
        "select subscriber_id from subscriber_delivery where id = $1 and lane = 'sms'", delivery_id
    )
    return subscriber_id


async def fail_sent(tx: Tx, delivery_id: int, reason: str, now: datetime) -> bool:
    """Record that an accepted text message did not arrive; return False if it was not sent."""
    changed = await tx.changed(
        """
        update subscriber_delivery
        set state = 'failed', reason = $2, ended_at = $3
        where id = $1
            and state = 'sent'
        """,
        delivery_id,
        storable(reason),
        now,
    )
    return changed == 1
