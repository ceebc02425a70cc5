"""The messages about alarms, written when they are sent, so that they describe the state at that time."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Message
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify.model import Outgoing
from firebell.self_watch import rules, store


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each delivery; an alarm that has ended says so."""
    alarms = await store.alarms_by_id(tx, [one.delivery.subject_id for one in outgoing])
    messages = []
    for delivery, _ in outgoing:
        alarm = alarms[delivery.subject_id]
        messages.append(
            Message(
                event=delivery.reason,
                title=rules.title(alarm),
                urgency=rules.urgency(alarm.kind) if alarm.cleared_at is None else "low",
                composed_at=now,
                url=f"{ctx.public_url}/settings/health",
                lines=(rules.note(alarm, now),),
            )
        )
    return messages
