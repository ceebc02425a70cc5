"""Browser: screens at 400% zoom, in forced colors, by keyboard and by accessible names alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from firebell.kit.clock import FakeClock
from tests.browser.conftest import looks
from tests.browser.long_names import ADDRESSES, lengthen, resize, signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser

LOW = ((360, 225), (320, 256))
"""The windows of a laptop and of a desk at 400% zoom."""
BUSIEST = ("/", "/pages", "/pages/PG-2", "/incidents/INC-1", "/incidents/new", "/oncall", "/settings/contact")
"""The pages with the most bars, rows and controls."""
FOCUS = "(covered => covered === null ? null : covered || measure.focusShown())(measure.coveredFocus())"
"""What is wrong with the focused element, nothing if it is sound, null if there is none."""
STATES = ("firing", "acked", "snoozed", "resolved", "warn", "late")


@asynccontextmanager
async def reader(
    dsn: str, clock: FakeClock, browser: Browser, width: int, height: int, **options: Any
) -> AsyncIterator[Page]:
    """Serve an organization with long names, and yield a page of this size, signed in as its admin."""
    async with world(dsn, clock) as w:
        await lengthen(w)
        async with serve(dsn) as server:
            yield await signed_in(browser, server.url, width, height, **options)


async def test_at_400_percent_zoom_no_bar_lies_over_what_is_read(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with reader(dsn, clock, browser, *LOW[0]) as page:
        for address in BUSIEST:
            await page.goto(address)
            for size in LOW:
                await resize(page, size)
                for position in ("0", "200", "document.body.scrollHeight"):
                    await page.evaluate(f"scrollTo(0, {position})")
                    assert await page.evaluate("measure.uncovered()") == 1, (address, size, position)
        # what the dock offers stands in the page instead
        await page.goto("/pages/PG-2")
        await expect(page.locator("#acts button:has-text('Acknowledge')")).to_be_visible()
        await expect(page.locator("#dock")).to_be_hidden()


async def test_what_has_the_focus_shows_it_and_is_never_under_a_bar(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with reader(dsn, clock, browser, 390, 844) as page:
        hidden = []
        for size in (LOW[1], (390, 844), (1024, 600)):
            await resize(page, size)
            for address in ("/pages/PG-2", "/incidents/INC-1", "/settings/contact"):
                for key in ("Tab", "Shift+Tab"):
                    await page.goto(address)
                    for _ in range(90):
                        await page.keyboard.press(key)
                        problems = await page.evaluate(FOCUS)
                        if problems is None:
                            break
                        if problems:
                            hidden.append(f"{address} {size} {key}: {problems}")
        assert not hidden, "\n".join(hidden)


async def test_on_a_phone_a_lost_connection_stays_in_sight_and_incidents_scroll_away(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with reader(dsn, clock, browser, 390, 844) as page:
        await page.goto("/settings/contact")
        await page.context.set_offline(True)
        offline = page.locator("#offline")
        await expect(offline).to_be_visible()
        await page.evaluate("scrollTo(0, 500)")
        await expect(offline).to_be_in_viewport(ratio=1)
        await expect(page.locator("#strips .strip").last).not_to_be_in_viewport()


async def _pictures(page: Page, selector: str, attribute: str, values: tuple[str, ...]) -> set[bytes]:
    """Return the style of an element for each value of an attribute."""
    pictures = set()
    element = page.locator(selector).first
    for value in values:
        picture = None
        # a live update puts back what it was
        while picture is None or await element.get_attribute(attribute) != value:
            await element.evaluate("(el, [name, value]) => el.setAttribute(name, value)", [attribute, value])
            picture = await element.screenshot(animations="disabled")
        pictures.add(picture)
    return pictures


async def _style(page: Page, selector: str, name: str) -> Any:
    """Return a computed style of the first element."""
    return await page.locator(selector).first.evaluate("(el, name) => getComputedStyle(el)[name]", name)


async def test_with_forced_colors_states_and_selections_differ_by_shape(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with reader(dsn, clock, browser, 1440, 1000, forced_colors="active") as page:
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            await page.goto("/incidents/INC-1")
            stages = await _pictures(page, ".life li:nth-child(2)", "class", ("done", ""))
            assert (
                len(stages | await _pictures(page, ".life li:nth-child(2)", "aria-current", ("step",))) == 3
            )
            assert len(await _pictures(page, ".todo .glyph", "data-state", STATES)) == len(STATES)
            await page.evaluate("document.querySelector('.room-h .sev b').textContent = ''")
            assert len(await _pictures(page, ".room-h .sev", "data-sev", ("0", "1", "2", "3"))) == 4

            await page.goto("/pages")
            assert await _style(page, ".pg[aria-current]", "borderTopWidth") == "2px"
            assert await _style(page, ".pg:not([aria-current])", "borderTopWidth") == "0px"
            primary = await _style(page, "#pane .btn.primary", "backgroundColor")
            assert primary != await _style(page, "#pane .btn:not(.primary)", "backgroundColor")
            current = await _style(page, "#tabs a[aria-current]", "borderBottomColor")
            assert current != await _style(page, "#tabs a:not([aria-current])", "borderBottomColor")


async def test_every_page_keeps_the_rules_for_headings_landmarks_and_names(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with reader(dsn, clock, browser, 390, 900) as page:
        broken = []
        for address in ADDRESSES:
            async for _, width in looks(page, address, (("light", 390), ("light", 1440))):
                assert await page.get_attribute("html", "lang") == "en"
                problems = await page.evaluate("[...measure.names(), ...measure.smallTargets(24)]")
                broken += [f"{address} at {width}: {text}" for text in problems]
        assert not broken, "\n".join(broken)
