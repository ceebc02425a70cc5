"""Hold messages that can wait during quiet hours, and merge them into one message afterwards (spec 2.4)."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from firebell.channels.base import Message, Outcome
from firebell.kit.db.database import Tx
from firebell.notify import actions, held_store
from firebell.notify.model import Delivery
from firebell.notify.notification_rules import can_wait

_NOTICE_BYTES = 1000
"""The share of one notice in a bundle, so that others fit beside it."""


async def hold_for_quiet_hours(tx: Tx, claimed: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """Hold deliveries that can wait; return the others, with those held earlier for the same contact methods."""
    waitable = [d for d in claimed if can_wait(d.rank, d.reason)]
    if not waitable:
        return list(claimed)
    until = await actions.held_until(tx, list({d.person_id for d in waitable}), now)
    held = [d for d in waitable if d.person_id in until]
    if held:
        await held_store.hold(tx, held, [until[d.person_id] for d in held])
    sendable = [d for d in claimed if d not in held]
    released = list({d.method_id for d in sendable if d.held})
    return [*sendable, *await held_store.claim_held(tx, released, now)] if released else sendable


class SendGroup(NamedTuple):
    """The deliveries of one message: one, or all that were held for one contact method.

    `message` is an outcome if it could not be composed.
    """

    deliveries: tuple[Delivery, ...]
    message: Message | Outcome

    @property
    def key(self) -> str:
        """The key by which a provider recognizes a repetition of this message.

        It depends on when each delivery was queued: after a backup was restored, another page can have the number, and
        so the `idempotency_key`, of one that was lost, and a provider must not take its message for a repetition.
        """
        queued = "|".join(f"{d.idempotency_key} {d.created_at.isoformat()}" for d in self.deliveries)
        return hashlib.sha256(queued.encode()).hexdigest()[:32]


def send_groups(composed: Iterable[tuple[Delivery, Message | Outcome]], inbox_url: str) -> list[SendGroup]:
    """Return the messages in the order of their deliveries; those held for one contact method go together."""
    alone: list[SendGroup] = []
    held: dict[int, list[tuple[Delivery, Message]]] = {}
    for delivery, message in composed:
        if delivery.held and isinstance(message, Message):
            held.setdefault(delivery.method_id, []).append((delivery, message))
        else:
            alone.append(SendGroup((delivery,), message))
    together = [
        SendGroup(tuple(d for d, _ in group), merged_message([m for _, m in group], inbox_url))
        for group in held.values()
    ]
    return [*alone, *together]


def merged_message(messages: Sequence[Message], inbox_url: str) -> Message:
    """Return one message with the text of each, and with the actions and the screen of each."""
    if len(messages) == 1:
        return messages[0]
    first = messages[0]
    return Message(
        event="held",
        language=first.language,
        is_neutral=all(message.title_hidden for message in messages),
        title=first.word("{count} messages held during your quiet hours", count=len(messages)),
        urgency="low",
        composed_at=first.composed_at,
        url=inbox_url,
        lines=tuple(f"{_summary(m)}\n" for m in messages),
        delivery_id=first.delivery_id,
        recipient=first.recipient,
        signing_secrets=first.signing_secrets,
    )


def _summary(message: Message) -> str:
    if message.is_text:
        return f"{message.title}\n{message.text(_NOTICE_BYTES)}"
    actions = [f"{action.label}: {action.url}" for action in message.actions]
    return "\n".join([message.subject, *actions, f"{message.word('Open')}: {message.url}"])
