"""What subscribers do themselves: ask, confirm, change, leave and be forgotten; a link in a mail grants access."""

import secrets as random
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.errors import Conflict, Gone
from firebell.kit.signing import Signer
from firebell.kit.standard_webhooks import SECRET_BYTES, secret_text
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import ComponentGroupRemoved
from firebell.subscribers import addresses, store, subscription_rules
from firebell.subscribers.deliveries import store as delivery_store
from firebell.subscribers.deliveries.store import QueuedDelivery
from firebell.subscribers.model import (
    FollowScope,
    Purpose,
    StatusSubscriber,
    SubscriberChannel,
    SubscriberState,
    SubscriptionRequest,
)
from firebell.subscribers.subscribing import confirmation_codes, request_store
from firebell.subscribers.subscribing.links import LinkKind, SubscriptionLink
from firebell.subscribers.subscribing.request_store import StoredRequest
from firebell.subscribers.subscription_rules import Admission, SubscriptionEvent

CONSENT_TEXT = "2026-11"
"""The version of the text above the form, as proof of what someone agreed to."""
PAGE_LIMIT_WAIT = timedelta(minutes=1)


async def request(tx: Tx, page_id: int, wanted: SubscriptionRequest, now: datetime) -> None:
    """Store a checked request; the worker does the rest, so that the answer tells nothing about an address."""
    await request_store.insert_request(tx, page_id, wanted, now)
    await tx.wake("subscribers")


async def admit_requests(tx: Tx, now: datetime, limit: int) -> int:
    """Work on the oldest requests, and return how many there were."""
    requests = await request_store.claim_requests(tx, now, limit)
    waiting = [each.id for each in requests if await _admit(tx, each, now) is Admission.WAIT]
    await request_store.finish_requests(tx, [each.id for each in requests if each.id not in waiting])
    await request_store.delay_requests(tx, waiting, now + PAGE_LIMIT_WAIT)
    return len(requests)


async def _admit(tx: Tx, stored: StoredRequest, now: datetime) -> Admission:
    wanted, page_id = stored.request, stored.status_page_id
    key = addresses.key_of(wanted.channel, wanted.address)
    mailbox = (
        wanted.address if wanted.channel is SubscriberChannel.EMAIL else wanted.contact or wanted.address
    )
    address_hash = addresses.address_hash(await org_settings.installation_secret(tx), mailbox)
    if await store.suppressed(tx, [address_hash]):
        return Admission.DROP
    known = await store.lock_by_key(tx, page_id, wanted.channel, key)
    purpose = Purpose.ALREADY if known and known.state is SubscriberState.ACTIVE else Purpose.CONFIRM
    host = addresses.host_of(wanted.channel, wanted.address)
    recent = await request_store.recent_mails(tx, address_hash, host, page_id, purpose, now)
    if wanted.is_trusted:
        recent = subscription_rules.RecentMails(recent.address, 0, 0)
    admission = subscription_rules.admission(recent, now)
    if admission is not Admission.SEND:
        return admission
    await request_store.record_mail(tx, address_hash, host, page_id, purpose, now)
    if known and purpose is Purpose.ALREADY:
        if known.mailbox or known.channel is SubscriberChannel.SMS:
            await write(tx, known, purpose, now)
        return admission
    await _ask_to_confirm(tx, page_id, wanted, known, now)
    return admission


async def _ask_to_confirm(
    tx: Tx, page_id: int, wanted: SubscriptionRequest, known: StatusSubscriber | None, now: datetime
) -> None:
    wanted = replace(wanted, scope=await _of_present_groups(tx, page_id, wanted.scope))
    if known is None:
        key, host = (of(wanted.channel, wanted.address) for of in (addresses.key_of, addresses.host_of))
        known = await store.insert_subscriber(tx, page_id, wanted, key, host, now)
        if known is None:
            return
    else:
        state = subscription_rules.next_state(known.state, SubscriptionEvent.REQUEST)
        assert state
        await store.set_scope(tx, known.id, wanted.scope)
        await store.change(
            tx,
            known.id,
            state=state,
            contact=wanted.contact or known.contact,
            locale=wanted.locale,
            link_generation=known.link_generation + 1,
            created_at=now,
            ended_at=None,
        )
    asked = await store.change(
        tx,
        known.id,
        confirm_generation=known.confirm_generation + 1,
        confirm_attempts=0,
        confirm_until=now + subscription_rules.CONFIRM_PERIOD,
        consent_network=wanted.network,
        consent_text=CONSENT_TEXT,
    )
    await write(tx, asked, Purpose.CONFIRM, now)


async def write(tx: Tx, subscriber: StatusSubscriber, purpose: Purpose, now: datetime) -> None:
    """Queue a message about a subscription: to its mailbox, or to the channel if it has none."""
    is_chat = subscriber.channel in (SubscriberChannel.SLACK, SubscriberChannel.TEAMS)
    is_direct = subscriber.channel is not SubscriberChannel.EMAIL and (
        purpose in (Purpose.CHALLENGE, Purpose.TEST)
        or not subscriber.mailbox
        or (is_chat and purpose is Purpose.CONFIRM)
    )
    address = subscriber.address if is_direct else subscriber.mailbox
    channel = subscriber.channel if is_direct else SubscriberChannel.EMAIL
    host = addresses.host_of(channel, address)
    await delivery_store.queue(tx, QueuedDelivery(subscriber.id, channel.lane, host), purpose, now)
    await tx.wake(f"subscriber_{channel.lane}")


async def of_link(tx: Tx, link: SubscriptionLink) -> StatusSubscriber:
    """Lock the subscriber of a link; raise `Gone` if the link was replaced, or if the subscriber was erased."""
    subscriber = await store.lock(tx, link.subscriber_id)
    if subscriber is not None and subscriber.state is not SubscriberState.ERASED:
        current = (
            subscriber.confirm_generation if link.kind is LinkKind.CONFIRM else subscriber.link_generation
        )
        if link.generation == current:
            return subscriber
    raise Gone("This link no longer works.", hint="Subscribe again on the status page.")


async def confirm(tx: Tx, link: SubscriptionLink, now: datetime) -> tuple[StatusSubscriber, str]:
    """Confirm a subscription; return it, and the signing secret of a webhook, which is shown only now.

    A webhook becomes active when it has echoed a challenge. Raise `Gone` if the link was used.
    """
    subscriber = await of_link(tx, link)
    state = subscription_rules.next_state(subscriber.state, SubscriptionEvent.CONFIRM)
    if state is None or link.kind is not LinkKind.CONFIRM:
        raise Gone(
            "This link has already been used.", hint="Later emails have a link to change your settings."
        )
    if subscriber.channel is SubscriberChannel.WEBHOOK:
        secret = random.token_bytes(SECRET_BYTES)
        sealed = (await store.sealer(tx)).seal(secret, f"subscriber/{subscriber.id}")
        changed = await store.change(
            tx, subscriber.id, secret=sealed, confirm_generation=subscriber.confirm_generation + 1
        )
        await write(tx, changed, Purpose.CHALLENGE, now)
        return changed, secret_text(secret)
    return await activate(tx, subscriber, now), ""


async def confirm_by_code(
    tx: Tx, signer: Signer, page_id: int, number: str, typed: str, now: datetime
) -> StatusSubscriber | None:
    """Confirm the subscription of a number by its code and return it; None for a wrong, used or old one.

    The attempt is counted, so the caller commits also when None is returned.
    """
    subscriber = await store.lock_by_key(tx, page_id, SubscriberChannel.SMS, number)
    if (
        subscriber is None
        or subscriber.state not in (SubscriberState.PENDING, SubscriberState.QUARANTINED)
        or subscriber.confirm_until is None
        or subscriber.confirm_until <= now
        or subscriber.confirm_attempts >= confirmation_codes.MAX_ATTEMPTS
    ):
        return None
    subscriber = await store.change(tx, subscriber.id, confirm_attempts=subscriber.confirm_attempts + 1)
    code = confirmation_codes.code_of(
        signer.seed(confirmation_codes.SEED), subscriber.id, subscriber.confirm_generation
    )
    return await activate(tx, subscriber, now) if confirmation_codes.is_code(typed, code) else None


async def activate(tx: Tx, subscriber: StatusSubscriber, now: datetime) -> StatusSubscriber:
    """Make a pending subscription active; it gets what is published from now on."""
    return await store.change(
        tx,
        subscriber.id,
        state=SubscriberState.ACTIVE,
        confirmed_at=now,
        ended_at=None,
        failure="",
        failing_since=None,
    )


async def refuse(tx: Tx, link: SubscriptionLink, now: datetime) -> None:
    """Forget a request that its recipient did not make, and never write to the address again."""
    subscriber = await of_link(tx, link)
    if subscriber.mailbox:
        secret = await org_settings.installation_secret(tx)
        await store.suppress(tx, addresses.address_hash(secret, subscriber.mailbox), now)
    await erase(tx, subscriber, now)


async def unsubscribe(tx: Tx, subscriber: StatusSubscriber, now: datetime) -> None:
    """End a subscription and void what is queued for it; idempotent. One mail says so, and can take it back."""
    state = subscription_rules.next_state(subscriber.state, SubscriptionEvent.UNSUBSCRIBE)
    if state is None:
        return
    await delivery_store.void(tx, subscriber.id, "unsubscribed", now)
    ended = await store.change(tx, subscriber.id, state=state, ended_at=now)
    if subscriber.mailbox and subscriber.state is SubscriberState.ACTIVE:
        await write(tx, ended, Purpose.UNSUBSCRIBED, now)


async def resubscribe(tx: Tx, link: SubscriptionLink, now: datetime) -> StatusSubscriber:
    """Take back the end of a subscription; idempotent."""
    subscriber = await of_link(tx, link)
    if subscriber.state is SubscriberState.ACTIVE:
        return subscriber
    was_confirmed = subscriber.confirmed_at is not None
    if not subscription_rules.can_resubscribe(subscriber.state, was_confirmed=was_confirmed):
        raise Gone("This can no longer be undone.", hint="Subscribe again on the status page.")
    return await activate(tx, subscriber, now)


async def change_scope(tx: Tx, subscriber: StatusSubscriber, scope: FollowScope) -> StatusSubscriber:
    """Replace what a subscriber follows; it counts for what is published from now on."""
    if not scope.kinds or not (scope.follows_all or scope.component_ids or scope.group_ids):
        raise Conflict("Nothing is chosen.", hint="Choose what to follow, or unsubscribe.")
    return await store.set_scope(
        tx, subscriber.id, await _of_present_groups(tx, subscriber.status_page_id, scope)
    )


async def _of_present_groups(tx: Tx, page_id: int, scope: FollowScope) -> FollowScope:
    """Return a scope without groups that were removed since it was chosen; everything, if nothing else is left.

    The groups that are left can't be removed before the transaction ends.
    """
    if not scope.group_ids:
        return scope
    present = frozenset(await status_pages.lock_groups(tx, page_id, scope.group_ids))
    follows_all = scope.follows_all or not (present or scope.component_ids)
    return replace(scope, follows_all=follows_all, group_ids=present)


async def follow_components(tx: Tx, event: ComponentGroupRemoved, now: datetime) -> None:
    """Let those who follow a removed group, or asked to, follow its components, so that they miss nothing."""
    removed = (event.status_page_id, event.group_id, event.component_ids)
    # a request that is admitted in between is a subscriber in the second statement
    await request_store.replace_group(tx, *removed)
    await store.replace_group(tx, *removed)


async def change_locale(tx: Tx, subscriber: StatusSubscriber, locale: str) -> StatusSubscriber:
    """Write to a subscriber in another language of the page; empty for that of the page itself."""
    return await store.change(tx, subscriber.id, locale=locale)


async def erase(tx: Tx, subscriber: StatusSubscriber, now: datetime) -> None:
    """Forget address, contact, network and secret at once; the numbers of what was sent stay."""
    await delivery_store.void(tx, subscriber.id, "erased", now)
    await delivery_store.forget_hosts(tx, subscriber.id)
    await store.forget_reasons(tx, subscriber.id)
    await store.change(
        tx,
        subscriber.id,
        state=SubscriberState.ERASED,
        **dict.fromkeys(("address", "address_key", "host", "contact", "failure", "consent_network"), ""),
        **dict.fromkeys(("secret", "previous_secret", "confirm_until", "failing_since"), None),
        ended_at=now,
        erased_at=now,
        link_generation=subscriber.link_generation + 1,
    )


async def rotate_secret(tx: Tx, subscriber: StatusSubscriber, now: datetime) -> str:
    """Return a new signing secret of a webhook; the earlier one signs too for 24 hours."""
    if subscriber.channel is not SubscriberChannel.WEBHOOK:
        raise Conflict("Only webhooks are signed.")
    secret = random.token_bytes(SECRET_BYTES)
    sealed = (await store.sealer(tx)).seal(secret, f"subscriber/{subscriber.id}")
    await store.replace_secret(tx, subscriber.id, sealed, now)
    return secret_text(secret)
