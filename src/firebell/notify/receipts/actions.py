"""Record what providers and devices report about messages."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from firebell.channels.base import Failed
from firebell.channels.callbacks import Receipt, ReceiptState
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify.composing import bundle_store
from firebell.notify.deliveries import store as delivery_store
from firebell.notify.deliveries import subject_delivery_store
from firebell.notify.live_topics import topic_of
from firebell.notify.model import Delivery
from firebell.notify.receipts import failures
from firebell.notify.receipts import rules as receipts
from firebell.notify.receipts import store as receipt_store

_REPORTING = frozenset(kind for kind, channel in CHANNELS.items() if channel.callbacks or channel.poller)
"""The channels whose providers or devices report something about messages."""


async def record_receipt(
    tx: Tx, ctx: Context, channel: str, provider: str, receipt: Receipt, now: datetime
) -> bool:
    """Record how far a message is; one that failed makes the person's next rule act now. Idempotent.

    Return False if the channel sent no such message. What a provider reports that was given up changes no plan. A
    message about several pages is recorded for each of them, with its price for the first.
    """
    known = await delivery_store.delivery(tx, receipt.delivery_id)
    if known is None or known.channel != channel or not known.is_of_message(receipt.composed_at):
        return False
    deliveries = await bundle_store.deliveries_of_message(tx, known)
    if receipt.state is ReceiptState.FAILED:
        await failures.announce(tx, deliveries, now)
    free = replace(receipt, parts=0, price=None)
    recorded = [
        await _record(tx, ctx, channel, provider, of_one, now)
        for of_one in (
            receipt if one.id == known.id else replace(free, delivery_id=one.id)
            for one in sorted(deliveries, key=lambda one: one.id)
        )
    ]
    return any(recorded)


async def _record(tx: Tx, ctx: Context, channel: str, provider: str, receipt: Receipt, now: datetime) -> bool:
    """Record how far the message of one delivery is, whose subject is locked if it failed."""
    locked = await receipt_store.lock_delivery(tx, receipt.delivery_id)
    if locked is None:
        return False
    delivery, provider_id = locked
    before = await receipt_store.state_of(tx, delivery.id, receipt.provider_id)
    state = receipts.later(before, receipt.state) if before else receipt.state
    await receipt_store.save(tx, channel, provider, receipt, state, now)
    is_own = provider_id == receipt.provider_id
    if state is ReceiptState.FAILED and before is not ReceiptState.FAILED and is_own:
        await failures.record_late(tx, delivery, receipt.failure or _failure(receipt.code), now)
    if state is not before:
        await tx.live(topic_of(ctx, delivery))
    return True


def _failure(code: str) -> Failed:
    return Failed(f"The provider reports {code or 'a failure'}.", suspect=False)


async def apply_early(tx: Tx, deliveries: Sequence[Delivery], now: datetime) -> None:
    """Apply failures that providers reported before the messages were recorded as accepted."""
    failed = await receipt_store.failed_early(tx, [d.id for d in deliveries])
    early = sorted((d for d in deliveries if d.id in failed), key=lambda delivery: delivery.id)
    await failures.announce(tx, early, now)
    for delivery in early:
        await failures.record_late(tx, delivery, _failure(failed[delivery.id]), now)


async def deliveries_about(tx: Tx, kind: str, subject_id: int) -> list[Delivery]:
    """Return the latest 1,000 deliveries about a subject, oldest first, with what their providers reported."""
    deliveries = await subject_delivery_store.of_subject(tx, kind, subject_id)
    reported = [d.id for d in deliveries if d.channel in _REPORTING]
    receipts_by_id = await receipt_store.of_deliveries(tx, reported) if reported else {}
    return [replace(d, receipt=receipts_by_id.get(d.id)) for d in deliveries]


async def record_answered(tx: Tx, deliveries: Iterable[Delivery], now: datetime) -> None:
    """Record that the recipient of messages answered them; they are locked by id, as everywhere."""
    for delivery in sorted(deliveries, key=lambda delivery: delivery.id):
        if locked := await receipt_store.lock_delivery(tx, delivery.id):
            # what no provider has accepted yet costs nothing yet
            parts = None if locked.provider_id else 0
            receipt = Receipt(delivery.id, locked.provider_id or "", ReceiptState.ANSWERED, parts=parts)
            await receipt_store.save(tx, delivery.channel, "", receipt, ReceiptState.ANSWERED, now)
