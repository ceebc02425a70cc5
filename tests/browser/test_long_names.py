"""Browser: names stay inside the window and beside their neighbors, the longest ones and ordinary ones."""

import pytest
from playwright.async_api import Browser

from firebell.incidents import actions as incidents
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


async def test_on_a_phone_no_ordinary_word_is_broken_and_the_present_tab_is_in_sight(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        actor = await w.actor(w.mara)
        await w.alert("checkout-api: 5xx ratio above 5% on checkout-0", key="a")
        await w.settle()
        async with w.ctx.db.tx() as tx:
            await incidents.declare(
                tx,
                actor,
                title="Card payments failing at checkout for about 18% of customers",
                severity=1,
                service_ids=[w.service],
                now=w.now,
            )
        await w.settle()
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, *SIZES[1])
            problems = []
            for address in ADDRESSES:
                await page.goto(address)
                broken = await page.evaluate(
                    "[...measure.brokenWords(), ...measure.squeezed(), ...measure.hiddenTabs()]"
                )
                problems += [f"{address}: {text}" for text in broken]
            assert not problems, "\n".join(problems)
