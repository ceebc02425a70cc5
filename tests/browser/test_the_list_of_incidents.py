"""Browser: the list of incidents by keyboard, and duplicates that are suggested while someone types."""

import pytest
from playwright.async_api import Browser, expect

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.browser.conftest import sound
from tests.browser.test_long_lists import sign_in
from tests.servers import serve
from tests.world import World, world

pytestmark = pytest.mark.browser


async def declare(w: World, *titles: str) -> None:
    """Declare incidents, the first one first."""
    async with w.ctx.db.tx() as tx:
        for title in titles:
            await incidents.declare(tx, await w.actor(w.mara), title=title, severity=2, now=w.now)


@pytest.mark.parametrize("width", [390, 1440])
async def test_keys_search_filter_select_and_open(
    dsn: str, clock: FakeClock, browser: Browser, width: int
) -> None:
    async with world(dsn, clock) as w, serve(dsn) as server:
        await declare(w, "Cards fail", "Search is slow")
        context = await browser.new_context(base_url=server.url, viewport={"width": width, "height": 900})
        page = await context.new_page()
        await sign_in(page)
        await page.goto("/incidents?state=all&severity=2")
        await sound(page)
        await page.keyboard.press("f")
        await expect(page.locator("details.menu[open] summary")).to_contain_text("Severity")
        await sound(page)
        await page.keyboard.press("Escape")
        await page.locator("h1").click()
        await page.keyboard.press("j")
        await expect(page.locator("a.t:focus")).to_have_text("Search is slow")
        await page.keyboard.press("j")
        await expect(page.locator("a.t:focus")).to_have_text("Cards fail")
        await page.keyboard.press("k")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/incidents/INC-2")
        await page.goto("/incidents?state=all")
        await page.keyboard.press("/")
        await expect(page.locator(".flt [name=q]")).to_be_focused()
        await page.keyboard.type("cards")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/incidents?state=all&q=cards")
        await expect(page.locator("#list a.t")).to_have_count(1)


@pytest.mark.parametrize("form", ["#dialog", "main"])
async def test_a_similar_incident_appears_while_typing_and_is_joined(
    dsn: str, clock: FakeClock, browser: Browser, form: str
) -> None:
    async with world(dsn, clock) as w, serve(dsn) as server:
        await declare(w, "Card payments failing at checkout")
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await sign_in(page)
        if form == "main":
            await page.goto("/incidents/new")
        else:
            await page.click("a:has-text('Declare incident')")
        await page.locator(f"{form} [name=title]").press_sequentially("card payments fail")
        join = page.locator(f"{form} #similar button:has-text('Join INC-1 instead')")
        await expect(join).to_be_visible()
        await expect(page.locator(f"{form} [name=title]")).to_have_value("card payments fail")
        await sound(page)
        await join.click()
        await page.wait_for_url("**/incidents/INC-1")
        async with w.ctx.db.tx() as tx:
            (assignment,) = (await incidents.roles(tx, [1]))[1]
        assert (assignment.role, assignment.person_id) == ("responder", w.mara)


async def test_the_form_that_pages_someone_previews_who_is_reached(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock), serve(dsn) as server:
        context = await browser.new_context(base_url=server.url, viewport={"width": 390, "height": 844})
        page = await context.new_page()
        await sign_in(page)
        await page.goto("/pages/new")
        await sound(page)
        await page.select_option("[name=target]", "person:2")
        await expect(page.locator("#reach")).to_contain_text("Jun Okafor")
        await page.fill("[name=text]", "Please join")
        await page.click("button:has-text('Page now')")
        await page.wait_for_url("**/pages/PG-1")
        await sound(page)
        await page.click("#flash button:has-text('Undo')")
        await expect(page.locator("#state")).to_contain_text("Resolved")
