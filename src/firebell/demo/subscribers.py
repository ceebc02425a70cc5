"""The demo's subscribers, and the mail server that takes what they are sent."""

from datetime import timedelta
from typing import TYPE_CHECKING

from firebell.demo.status_page import SLUG
from firebell.status_pages import actions as status_pages
from firebell.subscribers import addresses, store
from firebell.subscribers.mail_events import store as mail_event_store
from firebell.subscribers.mail_events.provider_parsing import MailEvent, MailEventKind
from firebell.subscribers.mail_events.store import ReportedDelivery
from firebell.subscribers.model import FollowScope, SubscriberChannel, SubscriberState, SubscriptionRequest

if TYPE_CHECKING:
    from firebell.demo.history import Past

COMPANIES = (
    *("nordpost", "lumen", "alvik", "pelago", "brightly", "fjord", "harbor", "kiosk", "linden", "meridian"),
    *(
        "northwind",
        "orchard",
        "pinecrest",
        "quayside",
        "riverton",
        "saltmarsh",
        "tundra",
        "vantage",
        "willow",
    ),
)
MAILBOXES = ("ops", "it", "finance", "support")
NUMBERS = ("+46701740605", "+46701740611", "+46701740648")
"""Mobile numbers that Sweden keeps for fiction."""
CONFIRMED_DAYS_AGO = 300
UNCONFIRMED = "it@alvik.example"
BOUNCED = "finance@fjord.example"
LANGUAGES = ("", "", "", "de", "", "fr", "", "ja")
REPORTED = {
    BOUNCED: MailEvent(MailEventKind.BOUNCED, "ses", "550 5.1.1 No such user here"),
    "ops@willow.example": MailEvent(MailEventKind.DELAYED, "ses", "452 4.2.2 The mailbox is full"),
}
"""What the mail provider of the demo reported."""


async def create(past: "Past") -> None:
    """Create subscribers in every state, confirmed over the last months."""
    now = past.clock.now()
    async with past.ctx.db.tx() as tx:
        page = await status_pages.status_page(tx, SLUG)
        _, components = await status_pages.parts(tx, page)
        listed = [
            *(
                (SubscriberChannel.EMAIL, f"{box}@{company}.example")
                for company in COMPANIES
                for box in MAILBOXES
            ),
            *((SubscriberChannel.SMS, number) for number in NUMBERS),
        ]
        for number, (channel, address) in enumerate(listed):
            chosen = frozenset({components[number % len(components)].id})
            scope = FollowScope(min_impact=3) if number % 9 == 0 else FollowScope()
            if number % 5 == 0:
                scope = FollowScope(False, chosen)
            at = now - timedelta(days=CONFIRMED_DAYS_AGO * (len(listed) - number) / len(listed))
            made = await store.insert_subscriber(
                tx,
                page.id,
                SubscriptionRequest(channel, address, scope),
                addresses.key_of(channel, address),
                addresses.host_of(channel, address),
                at,
            )
            if made is None or address == UNCONFIRMED:
                continue
            state = SubscriberState.QUARANTINED if address == BOUNCED else SubscriberState.ACTIVE
            failure = "550 5.1.1 No such user here" if address == BOUNCED else ""
            locale = LANGUAGES[number % len(LANGUAGES)]
            await store.change(tx, made.id, state=state, confirmed_at=at, failure=failure, locale=locale)
            if address in REPORTED:
                reported = ReportedDelivery(number + 1, None, made.id, page.id, page.name)
                event = REPORTED[address]
                await mail_event_store.insert(tx, reported, event, event.reason, now - timedelta(days=2))
