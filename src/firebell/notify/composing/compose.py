"""Compose the messages of claimed deliveries; the slice that owns a subject writes its text."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from firebell.channels.base import Channel, Message
from firebell.channels.registry import CHANNELS
from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.notify.composing import bundle_store, email_thread_store, message_settings, reply_code_store
from firebell.notify.composing.bundled_message import bundled_message, by_severity
from firebell.notify.composing.reply_code_store import Subject
from firebell.notify.model import Delivery, Outgoing
from firebell.people import actions as people


async def compose(tx: Tx, ctx: Context, claimed: Sequence[Delivery], now: datetime) -> list[Message]:
    """Return the message of each delivery as of now."""
    recipients = await message_settings.recipients(tx, claimed)
    by_kind: dict[str, list[Outgoing]] = defaultdict(list)
    for delivery in claimed:
        by_kind[delivery.subject_kind].append(Outgoing(delivery, recipients[delivery.id]))
    composed: dict[int, Message] = {}
    for kind, outgoing in by_kind.items():
        messages = await ctx.composers[kind].compose(tx, ctx, outgoing, now)
        composed |= {one.delivery.id: message for one, message in zip(outgoing, messages, strict=True)}
    signed = [d.method_id for d in claimed if _channel_is(d, lambda channel: channel.is_signed)]
    secrets = await people.signing_secrets(tx, signed, now) if signed else {}
    subjects = await _mail_subjects(
        tx, [composed[d.id] for d in claimed if _channel_is(d, lambda c: c.has_threads)]
    )
    codes = await _reply_codes(tx, ctx, claimed, composed, now)
    in_thread = {
        d.id: replace(composed[d.id], mail_subject=subjects.get(composed[d.id].thread, "")) for d in claimed
    }
    return [
        replace(
            message_settings.as_set(in_thread[d.id], recipients[d.id]),
            delivery_id=d.id,
            rank=d.rank,
            reply_code=(
                codes.get((d.person_id, answered_as(ctx, d), d.subject_id), 0)
                if _channel_is(d, lambda c: c.takes_replies(ctx.channel_settings))
                else 0
            ),
            # a retry sets `send_at`, and ends the row of lost claims
            begun_since=d.send_at if d.lost_claims else None,
            recipient=recipients[d.id].name,
            signing_secrets=secrets.get(d.method_id, ()),
        )
        for d in claimed
    ]


async def _reply_codes(
    tx: Tx, ctx: Context, claimed: Sequence[Delivery], composed: Mapping[int, Message], now: datetime
) -> dict[Subject, int]:
    """Return the code of each message that asks for an answer on a channel that takes replies."""
    answerable = [
        (d.person_id, answered_as(ctx, d), d.subject_id)
        for d in claimed
        if composed[d.id].actions and _channel_is(d, lambda c: c.takes_replies(ctx.channel_settings))
    ]
    if not answerable:
        return {}
    channels = [kind for kind, each in CHANNELS.items() if each.takes_replies(ctx.channel_settings)]
    return await reply_code_store.give(tx, answerable, channels, now)


def answered_as(ctx: Context, delivery: Delivery) -> str:
    """Return the kind of subject that an answer to a message is about; its id is that of the message's subject."""
    composer = ctx.composers.get(delivery.subject_kind)
    return (composer.answered_as if composer else "") or delivery.subject_kind


def _channel_is(delivery: Delivery, what: Callable[[Channel], bool]) -> bool:
    """Return True if the channel is so; False for one that is no longer there, which sends nothing."""
    return delivery.channel in CHANNELS and what(CHANNELS[delivery.channel])


async def _mail_subjects(tx: Tx, mailed: Sequence[Message]) -> dict[str, str]:
    """Return the subject of each thread's first email, by which mail clients thread (spec 10.4)."""
    proposed = {message.thread: message.mail_subject for message in mailed if message.thread}
    return await email_thread_store.mail_subjects(tx, proposed) if proposed else {}


async def compose_again(tx: Tx, ctx: Context, delivery: Delivery, now: datetime) -> Message:
    """Return the message of a delivery that was sent, as of now, with the pages of its bundle that still wait."""
    waiting = await bundle_store.deliveries_of_message(tx, delivery, only_waiting=True) or [delivery]
    messages = await compose(tx, ctx, waiting, now)
    if len(messages) == 1:
        return messages[0]
    listed = [message for _, message in by_severity(list(zip(waiting, messages, strict=True)))]
    return replace(bundled_message(listed, 0, ctx.inbox_url), delivery_id=delivery.id)
