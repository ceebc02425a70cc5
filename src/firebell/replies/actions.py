"""Apply what channels report: how far messages are, and what their recipients do with pages."""

from collections.abc import Sequence
from datetime import datetime

from firebell.channels.base import Channel
from firebell.channels.callbacks import (
    Connect,
    OptIn,
    OptOut,
    Press,
    Receipt,
    RepeatRequest,
    Signal,
    SignalAnswer,
    TextReply,
)
from firebell.channels.phone import public_sms
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify import actions as notify
from firebell.notify.model import Delivery, DeliveryState
from firebell.people import actions as people
from firebell.people.action_permissions import internal
from firebell.people.model import ContactMethod, Person
from firebell.replies import callback_authentication, page_replies, store, text_replies
from firebell.replies.model import PublicTextReceived
from firebell.replies.page_replies import Answerer

UNVERIFIED = SignalAnswer("Confirm this address in Firebell first.", is_done=False)
NOT_FOUND = SignalAnswer("You can no longer answer this message. Open Firebell.", is_done=False)

check_proof = callback_authentication.check


@internal(
    "The provider of a channel proved its request; each press and reply acts as the owner of its address."
)
async def apply(
    tx: Tx, ctx: Context, channel: Channel, provider: str, signals: Sequence[Signal], now: datetime
) -> list[SignalAnswer]:
    """Apply signals in their order, each press once; return what to answer to each."""
    return [await _apply(tx, ctx, channel, provider, signal, now) for signal in signals]


async def _apply(
    tx: Tx, ctx: Context, channel: Channel, provider: str, signal: Signal, now: datetime
) -> SignalAnswer:
    match signal:
        case Receipt():
            await notify.record_receipt(tx, ctx, channel.kind, provider, signal, now)
            return SignalAnswer()
        case Press():
            return await _press(tx, ctx, channel, signal, now)
        case RepeatRequest():
            return await _repeat(tx, ctx, channel, signal, now)
        case TextReply():
            if public_sms.is_public_sender(ctx.channel_settings, signal.recipient):
                await tx.emit(PublicTextReceived(signal), now)
                return SignalAnswer()
            return await text_replies.apply(tx, ctx, channel, signal, now)
        case OptOut(sender):
            await people.opt_out(tx, channel.kind, sender, now)
            return SignalAnswer()
        case OptIn(sender):
            await people.opt_in(tx, channel.kind, sender, now)
            return SignalAnswer()
        case Connect():
            return await _connect(tx, ctx, channel, signal, now)


async def _recipient(tx: Tx, delivery: Delivery) -> Person | None:
    """Return the recipient of a message; None if they were deactivated since, even if reactivated."""
    if await people.left_since(tx, delivery.person_id, delivery.created_at):
        return None
    return await people.person(tx, delivery.person_id)


async def _trusted_method(tx: Tx, delivery: Delivery) -> ContactMethod | None:
    """Return the trusted contact method of a message's recipient that has its address now; None for none.

    An unverified address gets pages when there is no other, and may belong to a stranger (CN5).
    """
    methods = await people.methods_at(tx, delivery.channel, delivery.address)
    return next((m for m in methods if m.person_id == delivery.person_id and m.is_trusted), None)


async def _press(tx: Tx, ctx: Context, channel: Channel, press: Press, now: datetime) -> SignalAnswer:
    delivery = await page_replies.answered_delivery(tx, ctx, channel, press, press.sender)
    person = await _recipient(tx, delivery) if delivery else None
    if delivery is None or person is None:
        return NOT_FOUND
    method = await _trusted_method(tx, delivery)
    if method is None:
        return UNVERIFIED
    answerer = Answerer(person, channel.kind, delivery.address, method.language)
    if not await store.claim_signal(tx, f"{channel.kind}:{press.key}", now):
        # the press is applied; what the page is now answers a repetition as well
        return await page_replies.state_of(tx, delivery.subject_id, answerer)
    deliveries = await notify.deliveries_of_message(tx, delivery) if press.is_for_all else [delivery]
    page_ids = list(dict.fromkeys(one.subject_id for one in deliveries))
    answer, _ = await page_replies.respond_to_all(tx, answerer, press.action, page_ids, now)
    # the message reached its recipient, whatever became of each page
    await notify.record_answered(tx, deliveries, now)
    return answer


async def _repeat(
    tx: Tx, ctx: Context, channel: Channel, repeat: RepeatRequest, now: datetime
) -> SignalAnswer:
    delivery = await page_replies.answered_delivery(tx, ctx, channel, repeat, repeat.sender)
    if delivery is None or await _recipient(tx, delivery) is None:
        return NOT_FOUND
    if delivery.state is DeliveryState.FAILED and not repeat.is_asked_for:
        # a machine answered, which hears nothing of what the page is about
        return SignalAnswer(is_done=False)
    return SignalAnswer(message=await notify.compose_again(tx, ctx, delivery, now))


async def _connect(tx: Tx, ctx: Context, channel: Channel, signal: Connect, now: datetime) -> SignalAnswer:
    """Add the address as a contact method of the person whose token it is, once for each token."""
    person_id = people.owner_of_link(ctx.signer, channel.kind, signal.token, now)
    if person_id is None:
        return SignalAnswer("This link is no longer valid. Open Firebell for a new one.", is_done=False)
    if not await store.claim_signal(tx, f"{channel.kind}:connect:{signal.token}", now):
        return SignalAnswer("This link has already been used. Open Firebell for a new one.", is_done=False)
    person = await people.connect_address(tx, person_id, channel.kind, signal.sender, signal.name, now)
    return SignalAnswer(f"Connected. Pages for {person.name} will arrive here.")
