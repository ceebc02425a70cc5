"""The texts of stored notices, of test messages and of messages that carry a code."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Message
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify import notice_store
from firebell.notify.model import Outgoing, Recipient
from firebell.people import actions as people

_CONTACT = "/settings/contact"


async def compose(tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime) -> list[Message]:
    """Return the message of each notice, as it was stored."""
    notices = await notice_store.notices_by_id(tx, [one.delivery.subject_id for one in outgoing])
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
            title=recipient.word("Firebell test message"),
            urgency="low",
            composed_at=now,
            lines=(recipient.word("This is how Firebell reaches you. No action is needed."),),
            is_neutral=True,
        )
        for delivery, recipient in outgoing
    ]


async def compose_verifications(
    tx: Tx, ctx: Context, outgoing: Sequence[Outgoing], now: datetime
) -> list[Message]:
    """Return the message of each requested code; the code is made now, so that it is never at rest."""
    messages = []
    for delivery, recipient in outgoing:
        code = await people.issue_code(tx, ctx.signer, delivery.subject_id, now)
        title, line = _code_text(recipient, code)
        messages.append(
            Message(
                event=delivery.reason,
                title=title,
                urgency="high" if code else "low",
                composed_at=now,
                url=f"{ctx.public_url}{_CONTACT}",
                lines=(line,),
                is_neutral=True,
                code=code,
            )
        )
    return messages


def _code_text(recipient: Recipient, code: str) -> tuple[str, str]:
    """Return the title and the text of the message that carries a code; an empty one is of a request that is over."""
    if not code:
        return (
            recipient.word("Your Firebell code expired"),
            recipient.word("This code can't be used anymore. Request a new one."),
        )
    return recipient.word("{code} is your Firebell code", code=code), recipient.word(
        "Enter {code} in Firebell within 10 minutes to receive pages here."
        " If you didn't ask for it, ignore this message.",
        code=code,
    )
