"""Browser: another website shows a status, and its time once it can no longer be read."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, Route, expect

from firebell.kit.clock import FakeClock
from firebell.status_pages import actions as status_pages
from firebell.status_pages.model import PageVisibility
from tests.servers import serve
from tests.world import World, world

pytestmark = pytest.mark.browser


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


async def _website(browser: Browser, script: str, attributes: str = "") -> Page:
    page = await browser.new_page(locale="en-US")
    await page.clock.install()
    await page.set_content(f'<p id="here">Status: <script async {attributes} src="{script}"></script></p>')
    return page


async def test_a_status_that_can_no_longer_be_read_is_not_shown_as_current(
    dsn: str, browser: Browser
) -> None:
    # the served process reads the real clock
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        await _published(w)
        async with serve(dsn) as server:
            script = f"{server.url}/s/kestrel/embed.js"
            page = await _website(browser, script)
            shown = page.locator("#here a")
            await expect(shown).to_have_text("✓All systems operational")

            async def fail(route: Route) -> None:
                await route.abort("connectionrefused")

            await page.route("**/status.json", fail)
            await page.clock.fast_forward("04:00")
            await expect(shown).to_have_text("✓All systems operational")
            await page.clock.fast_forward("05:00")
            await expect(shown).to_contain_text("Last known status, ")
            await expect(shown).to_contain_text(": All systems operational")
            await expect(shown).to_have_attribute("data-state", "unknown")
            await page.unroute("**/status.json")

            # a shared cache may answer while the server is down
            async def answer_of_yesterday(route: Route) -> None:
                answer = await route.fetch()
                known = await answer.json()
                await route.fulfill(response=answer, json={**known, "as_of": "2026-01-01T00:00:00Z"})

            quiet = await _website(browser, script, "data-only-problems")
            await expect(quiet.locator("#here > div")).to_be_attached()
            await expect(quiet.locator("#here a")).to_be_hidden()
            await quiet.route("**/status.json", answer_of_yesterday)
            await quiet.clock.fast_forward("02:00")
            await expect(quiet.locator("#here a")).to_contain_text("Last known status, ")
