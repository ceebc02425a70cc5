"""Browser: the names of time zones are there when someone begins to choose one."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import first_run
from tests.servers import serve

pytestmark = pytest.mark.browser


async def test_a_field_offers_time_zones_once_it_is_used(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await first_run(page)
        await page.goto("/settings")
        names = page.locator("#zones option")
        await expect(names).to_have_count(0)
        await page.focus("[name=tz]")
        await expect(page.locator("#zones option[value='America/New_York']")).to_have_count(1)
        count = await names.count()
        await page.focus("[name=name]")
        await page.focus("[name=tz]")
        await expect(names).to_have_count(count)
