"""What the owners of numbers do by a reply, and what providers report about text messages to subscribers."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.callbacks import Receipt, Signal, SignalAnswer, TextReply
from firebell.channels.phone import public_sms
from firebell.channels.phone.keywords import START_WORDS, STOP_WORDS, cleaned
from firebell.channels.sms import CHANNEL
from firebell.kit.context import Context
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.people.action_permissions import internal
from firebell.replies import actions as replies
from firebell.replies.model import PublicTextReceived
from firebell.subscribers import addresses, store
from firebell.subscribers.model import SubscriberState
from firebell.subscribers.sending import delivery_outcomes, sms_store
from firebell.subscribers.subscribing import actions as subscribing


@internal("The provider proved its request; a reply acts for the owner of the number that it came from.")
async def apply_signals(
    tx: Tx, ctx: Context, provider: str, signals: Sequence[Signal], now: datetime
) -> list[SignalAnswer]:
    """Apply signals in their order; repeats change nothing. Nothing is answered: an answer would cost money.

    A text to a number that pages people is a reply to a page, at whichever address it was posted.
    """
    answers = []
    for signal in signals:
        answer = SignalAnswer()
        match signal:
            case TextReply(recipient=number) if public_sms.is_paging_sender(ctx.channel_settings, number):
                [answer] = await replies.apply(tx, ctx, CHANNEL, provider, [signal], now)
            case TextReply():
                await receive_text(tx, PublicTextReceived(signal), now)
            case Receipt():
                await _receipt(tx, signal, now)
        answers.append(answer)
    return answers


async def receive_text(tx: Tx, event: PublicTextReceived, now: datetime) -> None:
    """End the subscriptions of a number for STOP, allow new ones for START, and ignore any other text."""
    reply = event.reply
    word = cleaned(reply.text)
    if word in STOP_WORDS:
        await unsubscribe_number(tx, reply.sender, now)
    elif word in START_WORDS:
        secret = await org_settings.installation_secret(tx)
        await store.unsuppress(tx, addresses.address_hash(secret, reply.sender))


async def unsubscribe_number(tx: Tx, number: str, now: datetime) -> None:
    """End all subscriptions of a number, and do not write to it again until its owner sends START. Idempotent."""
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
        await unsubscribe_number(tx, subscriber.address, now)
    elif receipt.failure.suspect and subscriber.state is SubscriberState.ACTIVE:
        await delivery_outcomes.quarantine(tx, subscriber, receipt.failure.reason, "", now)
    await tx.live(f"subscribers-{subscriber.status_page_id}")
