"""Browser: the longest names in any script stay inside the window and beside their neighbors."""

import pytest
from playwright.async_api import Browser

from firebell.kit.clock import FakeClock
from tests.browser.layout import MISPLACED, WRAPPED_TIMES
from tests.browser.long_names import ADDRESSES, lengthen, signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser

SIZES = ((320, 640), (390, 844), (1440, 1000))


async def test_no_long_name_is_cut_or_lies_under_another(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        await lengthen(w)
        async with serve(dsn) as server:
            page = await signed_in(browser, server, *SIZES[0])
            misplaced = []
            for address in ADDRESSES:
                await page.goto(address)
                for width, height in SIZES:
                    await page.set_viewport_size({"width": width, "height": height})
                    misplaced += [f"{address} at {width}: {text}" for text in await page.evaluate(MISPLACED)]
                    misplaced += [
                        f"{address} at {width}: {text} in two lines"
                        for text in await page.evaluate(WRAPPED_TIMES)
                    ]
            assert not misplaced, "\n".join(misplaced)
