"""Quiet hours at the ledger (spec 2.4): what can wait is put back, and comes as one message at their end."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from firebell.kit.db import Tx
from firebell.paging import delivery_store
from firebell.paging.channels import Message, Outcome
from firebell.paging.model import Delivery
from firebell.paging.notification_rules import can_wait
from firebell.people import actions as people

_NOTICE_BYTES = 1000
"""The share of a bundle that one notice gets, so that others are named beside it."""


async def hold_for_quiet_hours(tx: Tx, claimed: Sequence[Delivery], now: datetime) -> list[Delivery]:
    """Put back what quiet hours hold now; return the rest, with all that was held for the same method."""
    patient = [d for d in claimed if can_wait(d.rank, d.reason)]
    if not patient:
        return list(claimed)
    until = await people.held_until(tx, list({d.person_id for d in patient}), now)
    held = [d for d in patient if d.person_id in until]
    if held:
        await delivery_store.hold(tx, held, [until[d.person_id] for d in held])
    going = [d for d in claimed if d not in held]
    over = list({d.method_id for d in going if d.held})
    return [*going, *await delivery_store.claim_held(tx, over, now)] if over else going


class Bundle(NamedTuple):
    """What goes as one message: one delivery, or all that was held for one contact method.

    `message` is an outcome for what nobody can put into words.
    """

    deliveries: tuple[Delivery, ...]
    message: Message | Outcome

    @property
    def key(self) -> str:
        """The idempotency key: the same parcel sent again is recognized as one."""
        keys = [d.idempotency_key for d in self.deliveries]
        return keys[0] if len(keys) == 1 else hashlib.sha256("|".join(keys).encode()).hexdigest()[:32]


def bundles(found: Iterable[tuple[Delivery, Message | Outcome]], inbox_url: str) -> list[Bundle]:
    """Return what goes out, in the order given: what was held for one method goes together."""
    alone: list[Bundle] = []
    held: dict[int, list[tuple[Delivery, Message]]] = {}
    for delivery, message in found:
        if delivery.held and isinstance(message, Message):
            held.setdefault(delivery.method_id, []).append((delivery, message))
        else:
            alone.append(Bundle((delivery,), message))
    together = [
        Bundle(tuple(d for d, _ in group), merged_message([m for _, m in group], inbox_url))
        for group in held.values()
    ]
    return [*alone, *together]


def merged_message(messages: Sequence[Message], inbox_url: str) -> Message:
    """Return one message that says what each of these says, and how to take each page."""
    if len(messages) == 1:
        return messages[0]
    return replace(
        messages[0],
        reason="held",
        page_ref="",
        title=f"{len(messages)} messages held during your quiet hours",
        note_lines=tuple(f"{_summary(m)}\n" for m in messages),
        note_url=inbox_url,
        urgency="low",
        severity=None,
        service="",
        team="",
        alerts=(),
        alert_count=0,
        runbook="",
        page_url="",
        ack_url="",
        mail_subject="",
    )


def _summary(message: Message) -> str:
    if not message.page_ref:
        return f"{message.title}\n{message.note(_NOTICE_BYTES)}"
    return f"{message.subject}\nAcknowledge: {message.ack_url}\nOpen: {message.page_url}"
