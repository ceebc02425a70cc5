"""Browser: search works with the keyboard alone, and its commands work without the server."""

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.conftest import first_run, look, sound
from tests.servers import serve

pytestmark = pytest.mark.browser


async def selected(page: Page) -> str:
    """Return the text of the active option."""
    return str(
        await page.evaluate(
            "document.getElementById(document.querySelector('#pal input')"
            ".getAttribute('aria-activedescendant')).textContent.replace(/\\s+/g, ' ').trim()"
        )
    )


async def test_the_palette_finds_anything_with_the_keyboard_alone(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await browser.new_page(base_url=server.url)
        await first_run(page)
        await page.goto("/")
        box, results = page.locator("#pal input"), page.locator("#pal-r")

        await page.keyboard.press("Control+k")
        await box.fill("pay")
        await expect(results.get_by_role("group", name="Best match")).to_be_visible()
        await sound(page)
        for name in ("People and teams", "Schedules and escalation policies"):
            group = results.get_by_role("group", name=name)
            if await group.count():
                assert await group.get_by_role("option").count() <= 6
        first = await selected(page)
        await page.keyboard.press("ArrowDown")
        assert await selected(page) != first
        assert await page.locator("#pal [role=option][aria-selected=true]").count() == 1
        await page.keyboard.press("ArrowUp")
        assert await selected(page) == first

        await box.fill("lindqvist mara")
        await expect(results.locator("[aria-selected=true]")).to_contain_text("Mara Lindqvist")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/settings/people?q=mara*")

        await page.keyboard.press("Control+k")
        await box.fill("ack")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/pages?state=waiting*")

        await page.keyboard.press("Control+k")
        await box.fill("incident")
        more = results.get_by_role("option", name="See all in runbooks and handbook")
        await expect(more).to_have_css("display", "flex")

        await box.fill("xyzzy")
        await expect(page.locator("#pal [role=status]")).to_contain_text("No results for “xyzzy”")
        await page.keyboard.press("Escape")
        await expect(page.locator("#pal")).not_to_be_visible()


async def test_an_identifier_jumps_at_once(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await browser.new_page(base_url=server.url)
        await first_run(page)
        await page.goto("/")
        await page.keyboard.press("Control+k")
        await page.locator("#pal input").fill("inc-5")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/incidents/INC-5")


async def test_commands_work_while_search_fails(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        # requests that pass a service worker, which starts at some moment, are not routed
        page = await browser.new_page(base_url=server.url, service_workers="block")
        await first_run(page)
        await page.goto("/")

        async def refuse(route: Route) -> None:
            await route.abort()

        await page.route("**/api/v1/search*", refuse)
        await page.keyboard.press("Control+k")
        await page.locator("#pal input").fill("override")
        await expect(page.locator("#pal [role=status]")).to_contain_text("Search isn’t answering")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/oncall")


async def test_search_works_without_a_script_on_a_phone_and_in_the_dark(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        context = await browser.new_context(base_url=server.url)
        page = await context.new_page()
        await first_run(page)
        plain = await browser.new_context(
            base_url=server.url,
            java_script_enabled=False,
            viewport={"width": 1440, "height": 900},
            storage_state=await context.storage_state(),
        )
        there = await plain.new_page()
        await there.goto("/")
        await there.click("a.find")
        await there.fill("[name=q]", "checkout")
        await there.click("main button")
        await there.click("main a:has-text('Checkout')")
        await there.wait_for_url("**/services/checkout")
        for width in (390, 1440):
            await page.set_viewport_size({"width": width, "height": 844})
            for scheme in ("light", "dark"):
                await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                await look(page, "/search?q=payments")
                await look(page, "/search?q=xyzzy")
