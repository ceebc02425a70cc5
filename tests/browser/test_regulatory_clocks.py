"""Browser: regulatory clocks are decided and submitted, and every page of them can be used by everyone."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, expect

from firebell.kit.clock import FakeClock
from tests.browser.conftest import look, sound
from tests.browser.long_names import lengthen, signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser

PAGES = (
    "/clocks",
    "/clocks?state=all",
    "/clocks/regimes",
    "/clocks/regimes/us-hipaa",
    "/clocks/breaches",
    "/incidents/INC-1/clocks",
    "/incidents/INC-1/clocks/drafts/1",
)


async def test_a_clock_is_decided_and_submitted_and_the_pages_are_sound(dsn: str, browser: Browser) -> None:
    # the served process reads the real clock
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        await lengthen(w)
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, 1440, 1000)
            await page.goto("/incidents/INC-1/clocks")
            running = page.locator("#clock-GDPR-33")
            await expect(running).to_have_attribute("data-clock", "undecided")
            await running.locator("a:has-text('Decide')").click()
            fact = page.locator("#fact-personal_data")
            await fact.locator("summary").click()
            await sound(page)
            await fact.locator("button:has-text('Decide')").click()
            await expect(running).to_have_attribute("data-clock", "running")
            await running.locator("summary:has-text('Record submission')").click()
            await running.locator("[name=reason]").first.fill("Online form, reference 4711")
            await running.locator("button:has-text('Record submission')").click()
            await page.locator("summary:has-text('Submitted')").click()
            await expect(running).to_have_attribute("data-clock", "met")
            for scheme, width in (("light", 390), ("dark", 1440)):
                other = await signed_in(browser, server.url, width, 900, color_scheme=scheme)
                for address in PAGES:
                    await look(other, address)
