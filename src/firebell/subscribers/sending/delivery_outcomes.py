"""Records the outcomes of deliveries: counts them, stops dead addresses, and pauses a broadcast that bounces."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.context import Context
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.retries import retry_at
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.permissions import MANAGERS
from firebell.status_pages import actions as status_pages
from firebell.subscribers import store
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.deliveries import bounce_store, dead_addresses
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.deliveries.smtp_replies import Failure
from firebell.subscribers.deliveries.store import DeliveryOutcome
from firebell.subscribers.model import (
    Broadcast,
    ClaimedDelivery,
    Purpose,
    StatusSubscriber,
    SubscriberChannel,
    SubscriberState,
)
from firebell.subscribers.subscribing import actions as subscribing

log = logging.getLogger(__name__)

HARD = (Failure.ADDRESS, Failure.REFUSED)


def after_error(
    ctx: Context, delivery: ClaimedDelivery, error: Exception, waits: Sequence[timedelta], now: datetime
) -> DeliveryOutcome:
    """Log an error within this process and return its outcome, so that the rest of the batch is recorded."""
    log.error("a message to a subscriber failed", extra={"delivery": delivery.id}, exc_info=error)
    again_at = retry_at(waits, delivery.attempts + 1, now, ctx.pace.uniform(-1, 1))
    reason = f"Sending failed: {type(error).__name__}"
    return DeliveryOutcome(
        delivery, reason, is_failed=again_at is None, retry_at=again_at, blames_address=False
    )


async def record(tx: Tx, name: str, recorded: Sequence[DeliveryOutcome], now: datetime) -> None:
    """Store outcomes of deliveries that this process still holds, with what follows from them."""
    # unsubscribing locks the subscriber before its deliveries, too
    await store.lock_many(
        tx, [each.delivery.subscriber.id for each in recorded if not each.is_sent or _is_hook(each)]
    )
    held = await delivery_store.record(tx, name, recorded, now)
    kept = [each for each in recorded if each.delivery.id in held]
    await _count(tx, kept, now)
    hooks = [each for each in kept if _is_hook(each)]
    for each in hooks:
        await _follow_hook(tx, each, now)
    await _stop_dead_mailboxes(tx, [each for each in kept if each not in hooks], now)
    for page_id in {each.delivery.subscriber.status_page_id for each in kept}:
        await tx.live(f"subscribers-{page_id}")


def _is_hook(outcome: DeliveryOutcome) -> bool:
    return outcome.delivery.subscriber.channel is not SubscriberChannel.EMAIL


async def _count(tx: Tx, kept: Sequence[DeliveryOutcome], now: datetime) -> None:
    ended = [each for each in kept if each.delivery.broadcast_id and not each.retry_at]
    finished = Counter(each.delivery.broadcast_id or 0 for each in ended)
    hard = Counter(
        each.delivery.broadcast_id or 0
        for each in ended
        if each.failure in HARD and dead_addresses.is_among_first(each.delivery.turn)
    )
    if not finished:
        return
    sent = Counter(each.delivery.broadcast_id or 0 for each in ended if each.is_sent)
    for broadcast in await broadcast_store.count_outcomes(tx, finished, hard, sent, now):
        await stop_if_bouncing(tx, broadcast, now)


async def stop_if_bouncing(tx: Tx, broadcast: Broadcast, now: datetime) -> None:
    """Pause a broadcast if too many of its first mails bounce, but only once: who resumes it has decided to go on.

    Servers return mails minutes after they accepted them, when more than the first ones have left. The reason stays
    when it is resumed, and says that it was paused before.
    """
    if broadcast.paused_at is not None or broadcast.pause_reason:
        return
    if dead_addresses.stops_the_line(broadcast.hard_bounces):
        first = min(broadcast.finished, dead_addresses.STOP_WITHIN)
        await _stop(tx, broadcast, f"{broadcast.hard_bounces} of the first {first} emails bounced.", now)


async def count_complaint(tx: Tx, broadcast_id: int, now: datetime) -> None:
    """Count a complaint about a broadcast, and pause it if there are too many."""
    broadcast = await broadcast_store.count_complaint(tx, broadcast_id)
    if broadcast.paused_at is None and dead_addresses.is_unwanted(broadcast.finished, broadcast.complaints):
        reason = f"{broadcast.complaints} of {broadcast.finished} recipients reported it as spam."
        await _stop(tx, broadcast, reason, now)


async def _stop(tx: Tx, broadcast: Broadcast, reason: str, now: datetime) -> None:
    await broadcast_store.set_pause(tx, broadcast.id, now, reason)
    await _alarm(tx, broadcast, reason, now)


async def _alarm(tx: Tx, broadcast: Broadcast, reason: str, now: datetime) -> None:
    """Notify managers and admins that mails to subscribers stopped, because a person decides how to continue."""
    page = await status_pages.page_by_id(tx, broadcast.status_page_id)
    slug = page.slug if page else ""
    title = f"Emails to subscribers of {broadcast.content['page']} are paused"
    note = f"{reason} Check the addresses, then resume it or leave it paused."
    await notify.send_notices(
        tx,
        [
            Notice(
                f"broadcast-paused:{broadcast.id}:{p.id}",
                p.id,
                "subscribers",
                title,
                note,
                f"/status-pages/{slug}/subscribers",
            )
            for p in await people.people_with_role(tx, MANAGERS)
        ],
        now,
    )


async def _stop_dead_mailboxes(tx: Tx, kept: Sequence[DeliveryOutcome], now: datetime) -> None:
    failed = {each.delivery.subscriber.id: each for each in kept if each.failure and not each.retry_at}
    if not failed:
        return
    for subscriber_id, failures in (await bounce_store.failures(tx, list(failed))).items():
        if dead_addresses.is_dead(failures, now):
            outcome = failed[subscriber_id]
            await quarantine(tx, outcome.delivery.subscriber, outcome.reason, outcome.delivery.page_name, now)


async def quarantine(
    tx: Tx, subscriber: StatusSubscriber, reason: str, page_name: str, now: datetime
) -> StatusSubscriber | None:
    """Stop an active subscription whose address does not work; return it, None if it is not active anymore."""
    current = await store.lock(tx, subscriber.id)
    if current is None or current.state is not SubscriberState.ACTIVE:
        return None
    await delivery_store.void(tx, subscriber.id, "suppressed", now)
    await tx.audit(SYSTEM, "subscriber.bounced", page_name, now, subscriber=subscriber.id)
    return await store.change(
        tx,
        subscriber.id,
        state=SubscriberState.QUARANTINED,
        ended_at=now,
        failure=delivery_store.storable(reason),
        failing_since=current.failing_since or now,
    )


async def _follow_hook(tx: Tx, outcome: DeliveryOutcome, now: datetime) -> None:
    subscriber, purpose = outcome.delivery.subscriber, outcome.delivery.purpose
    if purpose not in (Purpose.BROADCAST, Purpose.CHALLENGE, Purpose.TEST):
        return
    if outcome.is_sent:
        if purpose is Purpose.CHALLENGE:
            current = await store.lock(tx, subscriber.id)
            if current and current.state in (SubscriberState.PENDING, SubscriberState.QUARANTINED):
                await subscribing.activate(tx, current, now)
        elif subscriber.failing_since:
            await store.change(tx, subscriber.id, failing_since=None, failure="")
        return
    if outcome.retry_at or purpose is not Purpose.BROADCAST:
        since = subscriber.failing_since or now
        await store.change(
            tx, subscriber.id, failing_since=since, failure=delivery_store.storable(outcome.reason)
        )
        return
    if not outcome.blames_address:
        return
    stopped = await quarantine(tx, subscriber, outcome.reason, outcome.delivery.page_name, now)
    if stopped and outcome.is_gone:
        await store.change(tx, subscriber.id, state=SubscriberState.ENDED)
    if stopped and stopped.mailbox:
        await subscribing.write(tx, stopped, Purpose.STOPPED, now)
