"""Browser: a facilitator plans, runs and finishes a drill, and looks at readiness."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import first_run, set_up, sound
from tests.servers import serve

pytestmark = pytest.mark.browser


async def test_a_facilitator_runs_a_drill(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await browser.new_page(base_url=server.url)
        await first_run(page)
        await page.goto("/drills")
        await page.keyboard.press("n")
        await page.get_by_label("Scenario", exact=True).select_option("export-in-a-public-bucket")
        await page.get_by_role("button", name="Plan drill").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("An export is in a public bucket")
        await page.locator("summary", has_text="Start drill").click()
        await page.get_by_role("button", name="Start drill", exact=True).click()
        await expect(page.locator("#inject-i1 [aria-label='Waiting for an answer']")).to_be_visible()

        # the next inject by a key, an answer that was heard, and what only a person can see
        await page.keyboard.press("n")
        await expect(page.locator("#inject-i2 [aria-label='Waiting for an answer']")).to_be_visible()
        await page.locator("#inject-i2").get_by_role("button", name="Mark answered").click()
        await expect(page.locator("#inject-i2 [aria-label='Delivered']")).to_be_visible()
        await page.get_by_label("Observation").fill("The commander asked who knows.")
        await page.get_by_role("button", name="Add note").click()
        kept = page.locator("#expectations .mini", has_text="Kept the evidence")
        await kept.get_by_role("button", name="Met").click()
        await page.get_by_label("Text", exact=True).fill("We are looking into a report about an export.")
        await page.get_by_role("button", name="Put into the tray").click()
        await expect(page.locator("#tray")).to_contain_text("We are looking into")
        await sound(page)
        await page.keyboard.press("p")
        await expect(page.locator("#clock")).to_contain_text("Paused at")
        await page.locator("summary", has_text="Finish drill").click()
        await page.get_by_role("button", name="Finish drill", exact=True).click()
        await expect(page.locator("#debrief")).to_be_visible()
        await sound(page)
        await page.goto("/drills")

        # nothing sets an item; a waiver takes one out
        await page.goto("/readiness")
        tabletop = page.locator("#item-2-4")
        await tabletop.get_by_text("Conditions and evidence").click()
        await tabletop.get_by_role("button", name="Waive Tabletop").click()
        await expect(tabletop.get_by_text("Enter a day within 180 days.")).to_be_visible()
        await sound(page)


async def test_a_phone_shows_what_each_condition_of_readiness_has_and_needs(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await browser.new_page(base_url=server.url, viewport={"width": 390, "height": 844})
        await set_up(page)
        await page.goto("/readiness")
        for details in await page.locator("#items details").all():
            await details.locator("summary").click()
            right = await details.evaluate("el => el.getBoundingClientRect().right")
            cells = await details.locator("td").evaluate_all(
                "all => all.map(el => el.getBoundingClientRect().right)"
            )
            assert cells, await details.text_content()
            assert max(cells) <= right, await details.text_content()
        await sound(page)
