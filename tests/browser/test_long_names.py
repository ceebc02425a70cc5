"""Browser: the longest names in any script stay inside the window and beside their neighbors."""

import pytest
from playwright.async_api import Browser

from firebell.kit.clock import FakeClock
from tests.browser.long_names import ADDRESSES, lengthen, resize, signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser

SIZES = ((320, 640), (390, 844), (1440, 1000))
OPEN_MENUS = "document.querySelectorAll('details.menu').forEach(menu => { menu.open = true; })"


async def test_no_long_name_is_cut_or_lies_under_another(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        await lengthen(w)
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, *SIZES[0])
            misplaced = []
            for address in ADDRESSES:
                await page.goto(address)
                for size in SIZES:
                    await resize(page, size)
                    problems = await page.evaluate("[...measure.misplaced(), ...measure.wrappedTimes()]")
                    misplaced += [f"{address} at {size[0]}: {text}" for text in problems]
                await page.evaluate(OPEN_MENUS)
                for size in SIZES:
                    await resize(page, size)
                    problems = await page.evaluate(
                        "measure.misplaced().filter(text => !text.includes('under'))"
                    )
                    misplaced += [f"{address} at {size[0]}, menus open: {text}" for text in problems]
            assert not misplaced, "\n".join(misplaced)
