"""What managers do with the subscribers of a status page, and with what is sent to them."""

from datetime import datetime

from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.status_pages.model import StatusPage
from firebell.subscribers import addresses, store, subscription_rules
from firebell.subscribers.broadcasts import actions as broadcasts
from firebell.subscribers.broadcasts import store as broadcast_store
from firebell.subscribers.deliveries import dead_addresses
from firebell.subscribers.model import (
    Broadcast,
    FollowScope,
    Purpose,
    StatusSubscriber,
    SubscriberChannel,
    SubscriberState,
    SubscriptionRequest,
)
from firebell.subscribers.subscribing import actions as subscribing
from firebell.subscribers.subscribing import request_store
from firebell.subscribers.subscribing.csv_import import CsvRows, ImportPreview

queue_broadcast = broadcasts.queue_broadcast


def topic(page: StatusPage) -> str:
    """Return the live topic of the subscribers of a status page, and of what is sent to them."""
    return f"subscribers-{page.id}"


@permits(Verb.SUBSCRIBER_WRITE)
async def invite(tx: Tx, actor: Actor, page: StatusPage, wanted: SubscriptionRequest, now: datetime) -> None:
    """Ask an address to confirm a subscription; raise `Conflict` if it has one, or asked not to be written to."""
    preview = await preview_import(tx, actor, page, CsvRows([wanted]))
    if preview.known:
        raise Conflict(
            "This address is subscribed already.", fields={"address": "Search for it in the list."}
        )
    if preview.suppressed:
        raise Conflict(
            "This address asked not to be written to.", fields={"address": "Ask its owner to subscribe."}
        )
    await request_store.insert_requests(tx, page.id, [wanted], now)
    await tx.wake("subscribers")
    await tx.audit(actor, "subscriber.invited", page.name, now, channel=wanted.channel)
    await tx.live(topic(page))


@permits(Verb.SUBSCRIBER_WRITE)
async def preview_import(tx: Tx, actor: Actor, page: StatusPage, rows: CsvRows) -> ImportPreview:
    """Return what an import would do; nothing is stored or sent."""
    secret = await org_settings.installation_secret(tx)
    hashes = {addresses.address_hash(secret, each.contact or each.address): each for each in rows.requests}
    suppressed = await store.suppressed(tx, list(hashes))
    known: set[tuple[SubscriberChannel, str]] = set()
    for channel in SubscriberChannel:
        keys = [addresses.key_of(channel, r.address) for r in rows.requests if r.channel is channel]
        if keys:
            states = await store.known_keys(tx, page.id, channel, keys)
            known |= {(channel, key) for key, state in states.items() if state is SubscriberState.ACTIVE}
    barred = {id(hashes[each]) for each in suppressed}
    fresh = [
        each
        for each in rows.requests
        if id(each) not in barred
        and (each.channel, addresses.key_of(each.channel, each.address)) not in known
    ]
    return ImportPreview(fresh, len(known), len(barred), rows.problems)


@permits(Verb.SUBSCRIBER_WRITE)
async def import_subscribers(
    tx: Tx, actor: Actor, page: StatusPage, rows: CsvRows, now: datetime
) -> ImportPreview:
    """Ask the addresses of a file to confirm; no one is subscribed without a word."""
    preview = await preview_import(tx, actor, page, rows)
    await request_store.insert_requests(tx, page.id, preview.new, now)
    await tx.wake("subscribers")
    await tx.audit(actor, "subscriber.imported", page.name, now, addresses=len(preview.new))
    await tx.live(topic(page))
    return preview


async def subscriber(tx: Tx, page: StatusPage, subscriber_id: int) -> StatusSubscriber:
    """Lock a subscriber of a status page and return it; raise `NotFound`."""
    locked = await store.lock(tx, subscriber_id)
    if locked is None or locked.status_page_id != page.id:
        raise NotFound(f"{page.name} has no subscriber {subscriber_id}.")
    return locked


@permits(Verb.SUBSCRIBER_WRITE)
async def change_scope(
    tx: Tx, actor: Actor, page: StatusPage, subscriber_id: int, scope: FollowScope, now: datetime
) -> StatusSubscriber:
    """Replace what a subscriber follows. Idempotent."""
    current = await subscriber(tx, page, subscriber_id)
    if current.scope == scope:
        return current
    changed = await subscribing.change_scope(tx, current, scope)
    await tx.audit(actor, "subscriber.changed", page.name, now, subscriber=subscriber_id)
    await tx.live(topic(page))
    return changed


@permits(Verb.SUBSCRIBER_WRITE)
async def resend(tx: Tx, actor: Actor, page: StatusPage, subscriber_id: int, now: datetime) -> None:
    """Ask again to confirm; the limits of mails to one address hold for this too."""
    current = await subscriber(tx, page, subscriber_id)
    if current.state not in (SubscriberState.PENDING, SubscriberState.QUARANTINED, SubscriberState.ENDED):
        raise Conflict("There is nothing to confirm.")
    wanted = SubscriptionRequest(
        current.channel, current.address, current.scope, current.contact, is_trusted=True
    )
    await request_store.insert_requests(tx, page.id, [wanted], now)
    await tx.wake("subscribers")
    await tx.audit(actor, "subscriber.resent", page.name, now, subscriber=subscriber_id)


@permits(Verb.SUBSCRIBER_WRITE)
async def send_test(tx: Tx, actor: Actor, page: StatusPage, subscriber_id: int, now: datetime) -> None:
    """Send a test to a webhook, a number, Slack or Teams; what it answers is shown with the subscriber."""
    current = await subscriber(tx, page, subscriber_id)
    if current.channel is SubscriberChannel.EMAIL or current.state is not SubscriberState.ACTIVE:
        raise Conflict("Only an active subscription by webhook, chat or text message can be tested.")
    await subscribing.write(tx, current, Purpose.TEST, now)
    await tx.audit(actor, "subscriber.tested", page.name, now, subscriber=subscriber_id)


@permits(Verb.SUBSCRIBER_WRITE)
async def unsubscribe(tx: Tx, actor: Actor, page: StatusPage, subscriber_id: int, now: datetime) -> None:
    """End a subscription, void what is queued for it, and tell its owner, who can undo it. Idempotent."""
    current = await subscriber(tx, page, subscriber_id)
    if subscription_rules.next_state(current.state, subscription_rules.SubscriptionEvent.UNSUBSCRIBE) is None:
        return
    await subscribing.unsubscribe(tx, current, now)
    await tx.audit(actor, "subscriber.unsubscribed", page.name, now, subscriber=subscriber_id)
    await tx.live(topic(page))


@permits(Verb.SUBSCRIBER_WRITE)
async def erase(
    tx: Tx, actor: Actor, page: StatusPage, subscriber_id: int, confirm: str, now: datetime
) -> None:
    """Forget everything about a subscriber but numbers; `confirm` is the address as it is shown."""
    current = await subscriber(tx, page, subscriber_id)
    if current.state is SubscriberState.ERASED:
        return
    address = addresses.shown(current.channel, current.address)
    if confirm.strip() != address:
        raise Invalid("The address does not match.", fields={"confirm": f"Type {address}."})
    await subscribing.erase(tx, current, now)
    await tx.audit(actor, "subscriber.erased", page.name, now, subscriber=subscriber_id)
    await tx.live(topic(page))


@permits(Verb.SUBSCRIBER_WRITE)
async def pause_broadcast(
    tx: Tx, actor: Actor, page: StatusPage, broadcast_id: int, reason: str, now: datetime
) -> Broadcast:
    """Pause a broadcast until someone resumes it. Idempotent."""
    broadcast = await _broadcast(tx, page, broadcast_id)
    if broadcast.paused_at is None:
        await broadcast_store.set_pause(tx, broadcast_id, now, reason)
        await tx.audit(actor, "broadcast.paused", page.name, now, broadcast=broadcast_id)
        await tx.live(topic(page))
    return await _broadcast(tx, page, broadcast_id)


@permits(Verb.SUBSCRIBER_WRITE)
async def resume_broadcast(
    tx: Tx, actor: Actor, page: StatusPage, broadcast_id: int, now: datetime
) -> Broadcast:
    """Resume a paused broadcast, which its bounces do not pause again. Idempotent."""
    broadcast = await _broadcast(tx, page, broadcast_id)
    if broadcast.paused_at is not None:
        is_bouncing = dead_addresses.stops_the_line(broadcast.hard_bounces)
        await broadcast_store.set_pause(tx, broadcast_id, None, broadcast.pause_reason if is_bouncing else "")
        for lane in ("subscribers", "subscriber_mail", "subscriber_hook", "subscriber_sms"):
            await tx.wake(lane)
        await tx.audit(actor, "broadcast.resumed", page.name, now, broadcast=broadcast_id)
        await tx.live(topic(page))
    return await _broadcast(tx, page, broadcast_id)


async def _broadcast(tx: Tx, page: StatusPage, broadcast_id: int) -> Broadcast:
    broadcast = await broadcast_store.lock(tx, page.id, broadcast_id)
    if broadcast is None:
        raise NotFound(f"{page.name} has no broadcast {broadcast_id}.")
    return broadcast
