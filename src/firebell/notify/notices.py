"""The texts of stored notices and of test messages."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Message
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify import store
from firebell.notify.model import Outgoing


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each notice, as it was stored."""
    notices = await store.notices_by_id(tx, [one.delivery.subject_id for one in outgoing])
    messages = []
    for delivery, _ in outgoing:
        notice = notices[delivery.subject_id]
        messages.append(
            Message(
                event=delivery.reason,
                title=notice.title,
                urgency=notice.urgency,
                composed_at=now,
                url=f"{ctx.public_url}{notice.link}" if notice.link else "",
                lines=tuple(notice.note.split("\n")),
            )
        )
    return messages


async def compose_tests(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the text of each test message."""
    return [
        Message(
            event=delivery.reason,
            title="Firebell test message",
            urgency="low",
            composed_at=now,
            lines=("This is how Firebell reaches you. No action is needed.",),
        )
        for delivery, _ in outgoing
    ]
