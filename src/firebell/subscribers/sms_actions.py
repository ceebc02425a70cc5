"""What the owners of numbers do by a reply, and what providers report about text messages to subscribers."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.callbacks import Receipt, Signal, SignalAnswer, TextReply
from firebell.channels.phone.keywords import START_WORDS, STOP_WORDS
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.people.action_guards import internal
from firebell.subscribers import addresses, delivery_outcomes, sms_store, store, subscribing
from firebell.subscribers.model import SubscriberState


@internal("The provider proved its request; a reply acts for the owner of the number that it came from.")
async def apply(tx: Tx, signals: Sequence[Signal], now: datetime) -> list[SignalAnswer]:
    """Apply signals in their order; repeats change nothing. Nothing is answered: an answer would cost money."""
    for signal in signals:
        match signal:
            case TextReply(_, sender, text):
                await _reply(tx, sender, text, now)
            case Receipt():
                await _receipt(tx, signal, now)
    return [SignalAnswer() for _ in signals]


async def _reply(tx: Tx, number: str, text: str, now: datetime) -> None:
    word = text.strip().strip("\"'.!").casefold()
    if word in STOP_WORDS:
        await stop(tx, number, now)
    elif word in START_WORDS:
        secret = await org_settings.installation_secret(tx)
        await store.unsuppress(tx, addresses.address_hash(secret, number))


async def stop(tx: Tx, number: str, now: datetime) -> None:
    """End all subscriptions of a number, and write to it no more until its owner sends START. Idempotent."""
    secret = await org_settings.installation_secret(tx)
    await store.suppress(tx, addresses.address_hash(secret, number), now)
    for subscriber in await store.lock_by_number(tx, number):
        await subscribing.unsubscribe(tx, subscriber, now)
        await tx.live(f"subscribers-{subscriber.status_page_id}")


async def _receipt(tx: Tx, receipt: Receipt, now: datetime) -> None:
    """Count a message that did not arrive as failed, and stop a number that does not exist."""
    if receipt.failure is None:
        return
    subscriber_id = await sms_store.subscriber_of_sms(tx, receipt.delivery_id)
    subscriber = await store.lock(tx, subscriber_id) if subscriber_id else None
    if subscriber is None or not await sms_store.fail_sent(
        tx, receipt.delivery_id, receipt.failure.reason, now
    ):
        return
    if receipt.failure.gone:
        await stop(tx, subscriber.address, now)
    elif receipt.failure.suspect and subscriber.state is SubscriberState.ACTIVE:
        await delivery_outcomes.quarantine(tx, subscriber, receipt.failure.reason, "", now)
    await tx.live(f"subscribers-{subscriber.status_page_id}")
