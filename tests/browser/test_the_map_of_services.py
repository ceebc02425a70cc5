"""Browser: the map of services is sound in each look, leads on by keyboard, and works without scripts."""

import pytest
from playwright.async_api import Browser, expect

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.browser.conftest import look_everywhere
from tests.browser.long_names import signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser

LONG = "payments-reconciliation-worker-of-the-eu-north-region-" + "x" * 20


async def test_the_map_is_sound_and_each_service_is_a_link(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        async with w.ctx.db.tx() as tx:
            ledger, _, long = [
                await catalog.create_service(tx, SYSTEM, name=name, team_id=1, tier=1, now=w.now)
                for name in ("ledger-db", "disk", LONG)
            ]
            wanted = {"checkout": ["ledger-db"], "ledger-db": ["disk"], "disk": ["ledger-db"]}
            await catalog.import_dependencies(tx, SYSTEM, {**wanted, long.slug: ["checkout", "disk"]}, w.now)
            await incidents.declare(
                tx, SYSTEM, title="Replica lost", severity=1, service_ids=[ledger.id], now=w.now
            )
        await w.settle()
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, 1440, 900)
            await look_everywhere(page, "/service-map", "/service-map?service=ledger-db")
            await page.set_viewport_size({"width": 1440, "height": 900})
            await page.goto("/service-map")
            node = page.get_by_role("link", name="ledger-db: Outage INC-1", exact=False)
            await node.focus()
            await page.keyboard.press("Enter")
            await expect(page).to_have_url(f"{server.url}/services/ledger-db")
            await page.click("text=Map")
            await expect(page).to_have_url(f"{server.url}/service-map?service=ledger-db")
            await expect(page.locator("#blast-radius")).to_contain_text("3 services may be affected")
            # a phone shows the table alone
            await page.set_viewport_size({"width": 390, "height": 844})
            await expect(page.locator("#map")).to_be_hidden()
            await expect(page.locator("#table")).to_be_visible()

            bare = await signed_in(browser, server.url, 1440, 900, java_script_enabled=False)
            await bare.goto("/service-map")
            await expect(bare.locator("a.node")).to_have_count(4)
            await bare.fill("[name=service]", "disk")
            await bare.click("button:has-text('Show')")
            await expect(bare.locator("a.node")).to_have_count(4)
            await expect(bare.locator("#blast-radius")).to_be_visible()
