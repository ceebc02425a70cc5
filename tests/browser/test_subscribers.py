"""Browser: every page of subscribers can be used by everyone, the public ones too."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser

from firebell.kit.clock import FakeClock
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import PageVisibility
from firebell.subscribers import store
from firebell.subscribers.model import FollowScope, SubscriberChannel, SubscriptionRequest
from firebell.subscribers.subscribing import links
from tests.api.api_clients import TEST
from tests.browser.conftest import look
from tests.browser.long_names import signed_in
from tests.servers import serve
from tests.world import World, world

pytestmark = pytest.mark.browser


async def subscribe(w: World) -> str:
    """Subscribe three addresses in different states, and return the path of the active one's link."""
    async with w.ctx.db.tx() as tx:
        page = await status_pages.create_status_page(
            *(tx, TEST),
            slug="kestrel",
            name="Kestrel",
            tz="UTC",
            visibility=PageVisibility.PUBLIC,
            component_of=[w.service],
            now=w.now,
        )
        path = ""
        for state in ("active", "pending", "quarantined"):
            address = f"someone.with.a.long.name.{state}@customers.nordpost.example"
            wanted = SubscriptionRequest(SubscriberChannel.EMAIL, address, FollowScope(min_impact=3))
            made = await store.insert_subscriber(tx, page.id, wanted, address, "nordpost.example", w.now)
            assert made
            changed = await store.change(tx, made.id, state=state, confirmed_at=w.now, failure="550 5.1.1 No")
            path = path or f"/u/{links.manage_token(w.ctx.signer, changed)}"
    return path


async def test_the_pages_of_subscribers_are_sound(dsn: str, browser: Browser) -> None:
    # the served process reads the real clock
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        link = await subscribe(w)
        own = "/status-pages/kestrel/subscribers"
        async with serve(dsn) as server:
            for scheme, width in (("light", 390), ("dark", 1440)):
                page = await signed_in(browser, server.url, width, 900, color_scheme=scheme)
                for address in (own, f"{own}/1", f"{own}/3", "/s/kestrel/subscribe", link, "/u/x"):
                    await look(page, address)
