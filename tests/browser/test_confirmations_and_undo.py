"""Browser: Escape and Cancel dismiss a question, and Z undoes the last action."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import first_run, sound
from tests.servers import serve

pytestmark = pytest.mark.browser


async def _revoke_key(page: Page) -> None:
    """Add an API key and revoke it, so that the page offers undo."""
    await page.goto("/settings/keys")
    await page.fill("[name=name]", "laptop")
    await page.click("form[action='/settings/keys'] button")
    await page.goto("/settings/keys")
    await page.locator("form[action$='/revoke'] button").first.click()
    await expect(page.locator("#flash form")).to_be_visible()


async def test_a_question_goes_and_the_focus_returns_to_what_opened_it(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await first_run(page)
        await page.goto("/settings/contact")
        opener, question = page.locator("details.ask summary").last, page.locator("details.ask[open]")
        for width, leave in ((1440, "Escape"), (390, "Cancel")):
            await page.set_viewport_size({"width": width, "height": 800})
            await opener.press("Enter")
            await expect(question).to_have_count(1)
            await sound(page)
            await question.locator("[data-no]").focus()
            if leave == "Escape":
                await page.keyboard.press("Escape")
            else:
                await question.locator("[data-no]").click()
            await expect(question).to_have_count(0)
            await expect(opener).to_be_focused()


async def test_z_undoes_and_the_offer_stays_while_the_pointer_rests_on_it(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await first_run(page)
        await page.clock.install()
        await _revoke_key(page)
        await sound(page)
        await page.hover("#flash")
        await page.clock.run_for(30_000)
        await expect(page.locator("#flash form")).to_be_visible()
        await page.mouse.move(700, 100)
        await page.clock.run_for(11_000)
        await expect(page.locator("#flash")).to_have_count(0)
        await _revoke_key(page)
        await page.keyboard.press("z")
        await expect(page.locator("#flash [role=status]")).to_contain_text("restored")
        await expect(page.locator("form[action$='/revoke']")).to_have_count(1)


async def test_the_chevron_of_what_is_open_points_down(dsn: str, browser: Browser) -> None:
    """Only a few pages linked the sheet with the rule: elsewhere nothing showed what was open."""
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await first_run(page)
        await page.goto("/settings/contact")
        summary = page.locator("summary", has_text="What to enter for each channel")
        icon = summary.locator(".ic")
        await expect(icon).to_have_css("rotate", "none")
        await summary.press("Enter")
        await expect(icon).to_have_css("rotate", "90deg")
