"""What follows from the reports of mail providers: dead addresses are stopped, complaints end a subscription."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.signing import Signer
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.subscribers import addresses, store, subscription_rules
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.deliveries import bounce_store, dead_addresses
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.mail_events import store as mail_event_store
from firebell.subscribers.mail_events.provider_parsing import MailEvent, MailEventKind
from firebell.subscribers.mail_events.store import ReportedDelivery
from firebell.subscribers.model import StatusSubscriber, SubscriberState
from firebell.subscribers.sending import delivery_outcomes

KEY_SETTING = "mail_events_key"


async def address_key(tx: Tx) -> str:
    """Return the key in the address to which mail providers post."""
    return str(await org_settings.put_once(tx, KEY_SETTING, secrets.token_urlsafe(24)))


async def is_address_key(tx: Tx, key: str) -> bool:
    """Return True if this is the key; there is none before someone has looked at the address."""
    stored = str(await org_settings.get(tx, KEY_SETTING, ""))
    return bool(stored) and hmac.compare_digest(stored.encode(), key.encode("utf-8", "replace"))


@permits(Verb.SUBSCRIBER_WRITE)
async def replace_address_key(tx: Tx, actor: Actor, now: datetime) -> str:
    """Replace the key; what is posted to the earlier address is refused from now on."""
    key = secrets.token_urlsafe(24)
    await org_settings.put(tx, KEY_SETTING, key)
    await tx.audit(actor, "mail_events.key_replaced", "mail events", now)
    return key


@internal("The key in the address and the token of each email grant access.")
async def receive(tx: Tx, signer: Signer, events: Sequence[MailEvent], now: datetime) -> int:
    """Act on the reports that name a mail of ours, and return how many these are. Idempotent."""
    accepted: list[tuple[ReportedDelivery, MailEvent]] = []
    for event in events:
        delivery_id = next((i for i, code in event.tokens if signer.is_mail_token(i, code)), None)
        reported = await mail_event_store.delivery(tx, delivery_id) if delivery_id else None
        if reported is not None:
            accepted.append((reported, event))
    # as the senders do: all subscribers in the order of their ids, then what they were sent
    await store.lock_many(tx, [reported.subscriber_id for reported, _ in accepted])
    for reported, event in accepted:
        await _apply(tx, reported, event, now)
    return len(accepted)


async def _apply(tx: Tx, reported: ReportedDelivery, event: MailEvent, now: datetime) -> None:
    subscriber = await store.lock(tx, reported.subscriber_id)
    if subscriber is None or subscriber.state is SubscriberState.ERASED:
        return
    reason = delivery_store.storable(event.reason)
    if not await mail_event_store.insert(tx, reported, event, reason, now):
        return
    if event.kind is MailEventKind.COMPLAINED:
        await _complained(tx, reported, subscriber, now)
    else:
        await _bounced(tx, reported, subscriber, event, now)
    await tx.live(f"subscribers-{reported.status_page_id}")


async def _complained(
    tx: Tx, reported: ReportedDelivery, subscriber: StatusSubscriber, now: datetime
) -> None:
    """End a subscription without a mail about it, and never write to the address again."""
    if subscriber.mailbox:
        secret = await org_settings.installation_secret(tx)
        await store.suppress(tx, addresses.address_hash(secret, subscriber.mailbox), now)
    if reported.broadcast_id:
        await delivery_outcomes.count_complaint(tx, reported.broadcast_id, now)
    state = subscription_rules.next_state(subscriber.state, subscription_rules.SubscriptionEvent.UNSUBSCRIBE)
    if state is None:
        return
    await delivery_store.void(tx, subscriber.id, "suppressed", now)
    await store.change(tx, subscriber.id, state=state, ended_at=now, failure="Reported an email as spam.")
    await tx.audit(SYSTEM, "subscriber.complained", reported.page_name, now, subscriber=subscriber.id)


async def _bounced(
    tx: Tx, reported: ReportedDelivery, subscriber: StatusSubscriber, event: MailEvent, now: datetime
) -> None:
    failure = event.kind.failure
    assert failure
    if not await bounce_store.mark_bounced(
        tx, reported.delivery_id, failure, delivery_store.storable(event.reason), now
    ):
        return
    is_first = dead_addresses.is_among_first(reported.turn)
    if reported.broadcast_id and failure in delivery_outcomes.HARD and is_first:
        [broadcast] = await broadcast_store.count_outcomes(
            tx, {reported.broadcast_id: 0}, {reported.broadcast_id: 1}, {}, now
        )
        await delivery_outcomes.stop_if_bouncing(tx, broadcast, now)
    failures = (await bounce_store.failures(tx, [subscriber.id]))[subscriber.id]
    if event.kind is MailEventKind.BOUNCED or dead_addresses.is_dead(failures, now):
        await delivery_outcomes.quarantine(tx, subscriber, event.reason, reported.page_name, now)
