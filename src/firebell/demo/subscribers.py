"""The demo's subscribers, and the mail server that takes what they are sent."""

from datetime import timedelta
from typing import TYPE_CHECKING

from firebell.demo.status_page import SLUG
from firebell.status_pages import actions as status_pages
from firebell.subscribers import addresses, store
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
CONFIRMED_DAYS_AGO = 300
UNCONFIRMED = "it@alvik.example"
BOUNCED = "finance@fjord.example"


async def create(past: "Past") -> None:
    """Create subscribers in every state, confirmed over the last months."""
    now = past.clock.now()
    async with past.ctx.db.tx() as tx:
        page = await status_pages.status_page(tx, SLUG)
        _, components = await status_pages.parts(tx, page)
        listed = [f"{box}@{company}.example" for company in COMPANIES for box in MAILBOXES]
        for number, address in enumerate(listed):
            chosen = frozenset({components[number % len(components)].id})
            scope = FollowScope(min_impact=3) if number % 9 == 0 else FollowScope()
            if number % 5 == 0:
                scope = FollowScope(False, chosen)
            at = now - timedelta(days=CONFIRMED_DAYS_AGO * (len(listed) - number) / len(listed))
            channel = SubscriberChannel.EMAIL
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
            await store.change(tx, made.id, state=state, confirmed_at=at, failure=failure)
