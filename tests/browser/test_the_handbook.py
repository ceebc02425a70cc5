"""Browser: the handbook is read, searched, linked into and printed, with and without scripts."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import look_everywhere, press, set_up, sound
from tests.servers import serve

pytestmark = pytest.mark.browser
CHAPTERS = (
    "/handbook",
    "/handbook/SKILL",
    "/handbook/references/severity-classification",
    "/handbook/examples/runbooks/database-failover",
    "/handbook/scripts/classify-severity",
    "/handbook?q=commander",
    "/handbook/templates",
    "/handbook/templates/postmortem",
)


async def test_every_page_of_it_is_accessible_on_desk_and_phone(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await set_up(page)
        await look_everywhere(page, *CHAPTERS)


async def test_a_chapter_is_listed_read_and_linked(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        context = await browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 900})
        page = await context.new_page()
        await set_up(page)
        await page.goto("/")
        await page.click("nav a:has-text('Handbook')")
        await page.fill("#q", "regulatory clocks")
        await page.press("#q", "Enter")
        await page.locator("mark").first.wait_for()
        await page.click("main .rows a >> nth=0")
        await page.wait_for_url("**/handbook/references/incident-workflow#regulatory-clocks")
        await expect(page.locator("#regulatory-clocks")).to_be_visible()
        await expect(page.locator("[data-toc] [aria-current]")).to_have_text("Regulatory clocks")
        await page.evaluate("scrollTo(0, 0)")
        await expect(page.locator("[data-toc] [aria-current]")).to_have_text("In one paragraph")
        await page.hover("#phases")
        await page.click("#phases .hash")
        await expect(page).to_have_url(re.compile("#phases$"))

        await page.goto("/handbook/references/severity-classification")
        link = page.locator("article a[href='/handbook/examples/communication-templates']").first
        await link.click()
        await page.wait_for_url("**/handbook/examples/communication-templates")

        await page.goto("/handbook/scripts/classify-severity")
        async with page.expect_download() as download:
            await press(page, "Download")
        assert (await download.value).suggested_filename == "classify-severity.py"


async def test_a_chapter_prints_without_the_frame(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        context = await browser.new_context(base_url=server.url, color_scheme="dark")
        page = await context.new_page()
        await set_up(page)
        await page.goto("/handbook/references/incident-roles")
        await page.emulate_media(media="print")
        hidden = (".side", ".tabbar", "aside", ".crumb", ".hash >> nth=0", "#strips")
        assert [s for s in hidden[:5] if await page.locator(s).first.is_visible()] == []
        assert await page.locator("article h1").is_visible()
        # paper is white whatever the screen is
        ink = await page.evaluate("getComputedStyle(document.querySelector('article p')).color")
        assert float(ink.removeprefix("oklch(").split()[0]) < 0.5
        assert await page.pdf()


async def test_messages_and_templates_work_in_the_browser(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        context = await browser.new_context(
            base_url=server.url, permissions=["clipboard-read", "clipboard-write"]
        )
        page = await context.new_page()
        await set_up(page)
        await page.goto("/handbook/templates/update-first")
        await page.fill("#body", "{{ref}} burns, says {{nobody}}")
        await page.locator("#e-body:has-text('no placeholder {{nobody}}')").wait_for()
        await page.fill("#body", "{{ref}} burns in {{services}}")
        await page.locator("#preview:has-text('INC-214 burns in Checkout')").wait_for()
        await press(page, "Save")
        await page.get_by_text("Changed by Mara Lindqvist").wait_for()
        await page.locator("ins:has-text('{{ref}} burns in {{services}}')").wait_for()
        await sound(page)

        await page.goto("/incidents/new")
        await page.fill("[name=title]", "Search is slow")
        await page.select_option("[name=severity]", "1")
        await page.click("#go")
        await page.wait_for_url("**/incidents/INC-1")
        await press(page, "First update")
        await expect(page.locator("#say")).to_have_value("INC-1 burns in {{services}}")
        assert await page.is_checked("#composer [value=update]")
        await page.fill("#say", "Mine")
        await press(page, "Progress")
        assert await page.input_value("#say") == "Mine"
        await page.fill("#say", "**All** is well")
        await page.click(".composer button:has-text('Post')")
        await page.locator(".say b:text-is('All')").wait_for()
        await sound(page)

        await press(page, "All messages")
        await page.wait_for_url("**/incidents/INC-1/messages")
        await sound(page)
        await page.click("#channel-name [data-copy]")
        copied = await page.evaluate("navigator.clipboard.readText()")
        assert copied.startswith("incident-")
        assert copied.endswith("-search-is-slow")
        await page.set_viewport_size({"width": 390, "height": 844})
        await sound(page)


async def test_an_update_begins_with_a_template_without_javascript(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        context = await browser.new_context(base_url=server.url, java_script_enabled=False)
        page = await context.new_page()
        await set_up(page)
        await page.goto("/incidents/new")
        await page.fill("[name=title]", "Search is slow")
        await page.select_option("[name=severity]", "3")
        await page.click("#go")
        await page.click(".composer a:has-text('Progress')")
        await page.wait_for_url("**/incidents/INC-1?template=update-progress#composer")
        assert "INC-1: Search is slow" in await page.input_value("#say")
        await page.click(".composer button:has-text('Post')")
        await page.get_by_text("Update", exact=True).first.wait_for()

        await page.goto("/handbook/templates/update-first")
        await page.fill("#body", "{{ref}} burns")
        await press(page, "Preview")
        await page.locator("#preview:has-text('INC-214 burns')").wait_for()
        assert await page.input_value("#body") == "{{ref}} burns"
        await press(page, "Save")
        await press(page, "Reset to default")
        await page.locator(".chip:text-is('default')").wait_for()
