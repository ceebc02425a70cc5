"""Browser: a status page that stays open shows what was published since, where the reader is."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Route, expect

from firebell.kit.clock import FakeClock
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import PageVisibility
from tests.servers import serve
from tests.world import World, world

pytestmark = pytest.mark.browser


def _with(text: str) -> Callable[[Route], Awaitable[None]]:
    """Return what answers with the page as it is after `text` was published."""

    async def answer(route: Route) -> None:
        html = await (await route.fetch()).text()
        await route.fulfill(body=html.replace("</h1>", f"</h1><p>{text}</p>"), content_type="text/html")

    return answer


async def _published(w: World) -> None:
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        await status_pages.create_status_page(
            *(tx, mara),
            slug="kestrel",
            name="Kestrel",
            tz="Europe/Stockholm",
            visibility=PageVisibility.PUBLIC,
            component_of=[w.service],
            now=w.now,
        )


async def test_a_customer_who_leaves_the_page_open_reads_what_was_published_since(
    dsn: str, browser: Browser
) -> None:
    # the served process reads the real clock
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        await _published(w)
        async with serve(dsn) as server:
            page = await browser.new_page(locale="en-US")
            await page.clock.install()
            await page.goto(f"{server.url}/s/kestrel")
            await expect(page.locator("#as-of")).to_be_visible()
            await expect(page.locator("#old")).to_be_hidden()
            link = page.locator("main a").first
            await link.focus()
            focused = await link.get_attribute("href")

            await page.route("**/s/kestrel", _with("We are investigating."))
            await page.clock.fast_forward("01:00")
            await expect(page.locator("main")).to_contain_text("We are investigating.")
            assert await page.evaluate("document.activeElement.getAttribute('href')") == focused
            await page.unroute("**/s/kestrel")
            await page.clock.fast_forward("01:00")
            await expect(page.locator("main")).not_to_contain_text("We are investigating.")


async def test_a_visitor_whose_clock_is_wrong_is_not_told_that_the_status_is_old(
    dsn: str, browser: Browser
) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        await _published(w)
        async with serve(dsn) as server:
            for hours in (1, -1):
                context = await browser.new_context(locale="en-US")
                await context.add_init_script(
                    f"const now = Date.now; Date.now = () => now() + {hours} * 3600000"
                )
                page = await context.new_page()
                await page.goto(f"{server.url}/s/kestrel")
                await expect(page.locator("#as-of")).to_be_visible()
                await expect(page.locator("#old")).to_be_hidden()
                site = await context.new_page()
                await site.set_content(
                    f'<p id="here"><script async src="{server.url}/s/kestrel/embed.js"></script></p>'
                )
                await expect(site.locator("#here a")).to_have_text("✓All systems operational")


async def test_a_status_page_without_scripts_renews_itself(dsn: str, browser: Browser) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        await _published(w)
        async with serve(dsn) as server:
            page = await (await browser.new_context(java_script_enabled=False)).new_page()
            await page.goto(f"{server.url}/s/kestrel")
            await expect(page.locator("meta[http-equiv=refresh]")).to_have_attribute("content", "120")
