"""Browser: changes by others appear without a reload, and never discard what the reader types."""

import time

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.conftest import first_run
from tests.servers import Server, serve

pytestmark = pytest.mark.browser


async def _room(browser: Browser, server: Server) -> Page:
    context = await browser.new_context(base_url=server.url)
    page = await context.new_page()
    await first_run(page)
    await page.goto("/incidents/new")
    await page.fill("[name=title]", "Search is slow")
    await page.select_option("[name=severity]", "2")
    await page.click("#go")
    await page.wait_for_url("**/incidents/INC-1")
    return page


async def _post(page: Page, text: str) -> None:
    await page.fill("#say", text)
    await page.click(".composer button:has-text('Post')")
    await page.locator(f".say:text-is('{text}')").wait_for()


async def test_what_another_writes_appears_without_losing_what_i_type(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        mine = await _room(browser, server)
        await mine.fill("#say", "half a thought")
        theirs = await mine.context.new_page()
        await theirs.goto("/incidents/INC-1")
        await _post(theirs, "The index is rebuilding")
        await mine.locator(".say:has-text('The index is rebuilding')").wait_for()
        assert await mine.input_value("#say") == "half a thought"


async def test_entries_never_move_what_is_being_read(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        mine = await _room(browser, server)
        for number in range(14):
            await _post(mine, f"line {number}")
        await mine.evaluate("scrollTo(0, document.body.scrollHeight)")
        theirs = await mine.context.new_page()
        await theirs.goto("/incidents/INC-1")
        await _post(theirs, "The index is rebuilding")
        await _post(theirs, "It is done")
        more = mine.locator(".more-new")
        await expect(more).to_have_text("2 new entries")
        assert not await mine.locator(".say:has-text('It is done')").count()
        await more.click()
        await mine.locator(".say:has-text('It is done')").wait_for()
        await expect(more).to_be_hidden()


async def test_a_new_page_appears_in_the_inbox_without_a_reload(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await first_run(page)
        command = await page.inner_text(".cmd code")
        await page.goto("/pages")
        await page.get_by_text("Nothing needs a response").wait_for()
        address = next(word for word in command.split() if word.startswith("http"))
        async with httpx.AsyncClient(timeout=60) as http:
            await http.post(address, json={"title": "Disk <b>full</b> 🔥", "severity": "critical"})
        await page.locator(".pg:has-text('Disk <b>full</b> 🔥')").wait_for()
        await expect(page).to_have_title("(1) Pages · Firebell")


async def test_an_update_whose_answer_never_comes_is_asked_for_again(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await first_run(page)
        command = await page.inner_text(".cmd code")
        address = next(word for word in command.split() if word.startswith("http"))
        # the product waits for 20 s; 2 s are enough here
        await page.add_init_script(
            "const limit = AbortSignal.timeout; AbortSignal.timeout = time => limit.call(AbortSignal, time / 10);"
        )
        await page.goto("/pages")
        await expect(page.locator("[data-pulse]")).to_be_hidden()
        unanswered: list[Route] = []

        async def answer_all_but_the_first(route: Route) -> None:
            if unanswered or "x-live" not in route.request.headers:
                await route.continue_()
            else:
                unanswered.append(route)

        await page.context.route("**/pages*", answer_all_but_the_first)
        async with httpx.AsyncClient(timeout=60) as http:
            await http.post(address, json={"title": "Disk full", "severity": "critical"})
        await page.locator(".pg:has-text('Disk full')").wait_for()
        assert unanswered


async def test_an_update_that_the_server_could_not_answer_is_requested_again(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await first_run(page)
        command = await page.inner_text(".cmd code")
        address = next(word for word in command.split() if word.startswith("http"))
        await page.goto("/pages")
        await expect(page.locator("[data-pulse]")).to_be_hidden()
        refused: list[float] = []

        async def refuse_for_a_while(route: Route) -> None:
            # let everything that one alert causes arrive first
            if "x-live" not in route.request.headers or (refused and time.monotonic() - refused[0] > 4):
                await route.continue_()
                return
            refused.append(time.monotonic())
            await route.fulfill(status=503, headers={"X-Firebell-Page": "1"}, body="Busy")

        await page.context.route("**/pages*", refuse_for_a_while)
        async with httpx.AsyncClient(timeout=60) as http:
            await http.post(address, json={"title": "Disk full", "severity": "critical"})
        await page.locator(".pg:has-text('Disk full')").wait_for()
        assert refused


async def test_the_palette_and_single_keys_lead_everywhere(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await _room(browser, server)
        await page.keyboard.press("Control+k")
        await page.keyboard.type("who is on")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/oncall")
        await page.keyboard.press("Control+k")
        await page.keyboard.type("inc-1")
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/incidents/INC-1")
        await page.keyboard.press("g")
        await page.keyboard.press("p")
        await page.wait_for_url("**/pages")
        await page.keyboard.press("d")
        await page.locator("dialog #classify").wait_for()
        await page.keyboard.press("Escape")
        await expect(page.locator("#dialog")).to_be_hidden()
        await page.keyboard.press("?")
        await expect(page.locator("#shortcuts")).to_contain_text("Acknowledge")
        await page.keyboard.press("Escape")
        await expect(page.locator("#shortcuts")).to_be_hidden()
