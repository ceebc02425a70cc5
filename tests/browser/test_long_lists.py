"""Browser: long lists and many services, on a phone and in the dialog that declares an incident."""

import pytest
from playwright.async_api import Browser, Page, expect

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.api.test_long_lists_on_the_web import add_services, storm
from tests.browser.conftest import sound
from tests.servers import serve
from tests.world import ANSWERS, world

pytestmark = pytest.mark.browser


async def sign_in(page: Page) -> None:
    """Sign in as the admin of the small organization."""
    await page.goto("/login")
    await page.fill("[name=email]", ANSWERS.email)
    await page.fill("[name=password]", ANSWERS.password)
    await page.click("button:has-text('Sign in')")
    await page.wait_for_url("**/")


async def test_older_pages_are_reached_on_a_phone_and_back_returns(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        await storm(w, 110)
        async with serve(dsn) as server:
            context = await browser.new_context(
                base_url=server.url, viewport={"width": 390, "height": 844}, java_script_enabled=False
            )
            page = await context.new_page()
            await sign_in(page)
            await page.goto("/pages")
            await page.click("a[rel=next]")
            await expect(page.locator("a.pg")).to_have_count(10)
            await page.go_back()
            await expect(page.locator("a.pg")).to_have_count(100)


async def test_enter_in_the_search_for_a_service_searches_and_does_not_declare(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        await add_services(w, 60)
        async with serve(dsn) as server:
            page = await (await browser.new_context(base_url=server.url)).new_page()
            await sign_in(page)
            await page.click("a:has-text('Declare incident')")
            await page.fill("#dialog [name=title]", "Search is slow")
            await page.check("#dialog [name=down_or_data_at_risk][value=no]", force=True)
            await page.fill("#dialog #f-find", "service 05")
            await page.press("#dialog #f-find", "Enter")
            await page.get_by_text("Service 059").wait_for()
            assert await page.input_value("[name=title]") == "Search is slow"
            assert await page.is_checked("[name=down_or_data_at_risk][value=no]")
            await sound(page)


async def test_unfolded_alerts_of_an_incident_have_the_whole_width(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        for number in range(5):
            await w.alert(f"Checkout is slow in region {number}")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            incident = await incidents.declare(tx, mara, title="Checkout is slow", severity=2, now=w.now)
            await incidents.link_page(tx, mara, incident.id, 1, w.now)
        async with serve(dsn) as server:
            page = await (await browser.new_context(base_url=server.url)).new_page()
            await sign_in(page)
            await page.goto("/incidents/INC-1")
            await page.click("#linked summary:has-text('5 alerts')")
            summary, alerts = page.locator("#linked summary"), page.locator("#linked details .rows")
            await expect(alerts.locator("a")).to_have_count(5)
            above, below = await summary.bounding_box(), await alerts.bounding_box()
            assert above
            assert below
            assert above["y"] + above["height"] <= below["y"]
            assert above["width"] == below["width"]
