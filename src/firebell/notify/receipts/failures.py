"""What follows from a message that failed: its address may be suspect, and the person's next rule acts now."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Failed
from firebell.kit.db.database import Tx
from firebell.notify.deliveries import store as delivery_store
from firebell.notify.deliveries import subject_delivery_store
from firebell.notify.model import REMINDER, REQUESTED, DeliveriesFail, Delivery, NobodyReached
from firebell.notify.receipts import store as receipt_store
from firebell.people import actions as people

log = logging.getLogger(__name__)


async def announce(tx: Tx, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Let the owners of the subjects lock them, before the deliveries are locked."""
    subjects: dict[str, list[int]] = defaultdict(list)
    for delivery in deliveries:
        subjects[delivery.subject_kind].append(delivery.subject_id)
    for kind, ids in subjects.items():
        await tx.emit(DeliveriesFail(kind, tuple(ids)), now)


async def record(tx: Tx, deliveries: Sequence[Delivery], outcome: Failed, now: datetime) -> None:
    """Record that leased messages, which are one at their provider, failed."""
    await announce(tx, deliveries, now)
    await follow(tx, await delivery_store.failed(tx, deliveries, outcome.reason), outcome, now)


async def record_late(tx: Tx, delivery: Delivery, outcome: Failed, now: datetime) -> None:
    """Record that a message that was accepted did not arrive after all; its subject is locked already."""
    if await receipt_store.fail_accepted(tx, delivery.id, outcome.reason):
        await follow(tx, [delivery], outcome, now)


async def follow(tx: Tx, ended: Sequence[Delivery], outcome: Failed, now: datetime) -> None:
    """Do what follows from messages that are marked as failed."""
    if outcome.suspect and ended:
        first = ended[0]
        await people.record_address_failure(tx, first.method_id, first.address, now, gone=outcome.gone)
    for delivery in ended:
        extra = {"delivery": delivery.id, "channel": delivery.channel, "reason": outcome.reason}
        log.warning("a message failed", extra=extra)
        if delivery.subject_kind in REQUESTED:
            await people.record_test(tx, delivery.method_id, "failed", now)
        if not delivery.epoch:
            continue
        await delivery_store.send_next(tx, delivery, now)
        # a reminder is for earlier levels and does not count for this one
        if delivery.reason != REMINDER:
            level = (delivery.subject_id, delivery.epoch, delivery.level, delivery.round)
            recipients = await subject_delivery_store.level_recipients(tx, delivery.subject_kind, [level])
            if not recipients[delivery.subject_id].reachable:
                await tx.emit(NobodyReached(delivery.subject_kind, *level), now)
