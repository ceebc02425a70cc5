"""Browser: the screen at 400% zoom, in forced colors, by keyboard and by its names alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from firebell.kit.clock import FakeClock
from tests.browser.conftest import sound
from tests.browser.layout import COVERED_FOCUS, NAMES, SMALL_TARGETS, UNCOVERED
from tests.browser.long_names import ADDRESSES, lengthen, signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser

BUSIEST = ("/", "/pages", "/pages/PG-2", "/incidents/INC-1", "/incidents/new", "/oncall", "/settings/contact")
"""The pages with the most bars, rows and controls."""
LOW = ((360, 225), (320, 256))
"""The windows of a laptop and of a desk at 400% zoom."""


@asynccontextmanager
async def reader(
    dsn: str, clock: FakeClock, browser: Browser, width: int, height: int, **options: Any
) -> AsyncIterator[Page]:
    """Serve an organization with long names, and yield a page of this size, signed in as its admin."""
    async with world(dsn, clock) as w:
        await lengthen(w)
        async with serve(dsn) as server:
            yield await signed_in(browser, server, width, height, **options)


async def _tab_through(page: Page, key: str) -> list[str]:
    """Press a key until the focus leaves the page; return which focused elements could not be seen."""
    covered = []
    for _ in range(150):
        await page.keyboard.press(key)
        found = await page.evaluate(COVERED_FOCUS)
        if found is None:
            break
        if found:
            covered.append(found)
    return covered


async def test_at_400_percent_zoom_no_bar_lies_over_what_is_read(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with reader(dsn, clock, browser, *LOW[0]) as page:
        for width, height in LOW:
            await page.set_viewport_size({"width": width, "height": height})
            for address in BUSIEST:
                await page.goto(address)
                for position in ("0", "200", "document.body.scrollHeight"):
                    await page.evaluate(f"scrollTo(0, {position})")
                    assert await page.evaluate(UNCOVERED) == 1, (address, width, position)
        await page.goto("/pages/PG-2")
        acknowledge = page.locator("#acts button:has-text('Acknowledge')")
        await expect(acknowledge).to_be_visible()
        await expect(page.locator("#dock")).to_be_hidden()


@pytest.mark.parametrize(("width", "height"), [LOW[1], (390, 844), (1024, 600)])
async def test_what_has_the_focus_is_never_under_a_bar(
    dsn: str, clock: FakeClock, browser: Browser, width: int, height: int
) -> None:
    async with reader(dsn, clock, browser, width, height) as page:
        for address in ("/pages/PG-2", "/incidents/INC-1", "/pages", "/settings/contact"):
            for key in ("Tab", "Shift+Tab"):
                await page.goto(address)
                assert await _tab_through(page, key) == [], (address, key)


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


async def _picture(page: Page, selector: str) -> bytes:
    return await page.locator(selector).first.screenshot(animations="disabled")


GLYPHS = ("firing", "acked", "snoozed", "resolved", "warn", "late")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_with_forced_colors_states_and_selections_differ_by_shape(
    dsn: str, clock: FakeClock, browser: Browser, scheme: str
) -> None:
    async with reader(dsn, clock, browser, 1440, 1000, forced_colors="active", color_scheme=scheme) as page:
        await page.goto("/incidents/INC-1")
        bars = await page.evaluate(
            """() => [...document.querySelectorAll('.life li')].map(li => {
              const style = getComputedStyle(li, '::before');
              return [li.className, li.getAttribute('aria-current'), style.backgroundColor, style.borderTopWidth];
            })"""
        )
        done, current, ahead = (
            {bar[2] for bar in bars if key(bar)}
            for key in (lambda b: b[0] == "done", lambda b: b[1], lambda b: not b[0] and not b[1])
        )
        assert len(current) == len(ahead) == 1, bars
        assert current != ahead
        assert not done or done.isdisjoint(current | ahead)
        assert {bar[3] for bar in bars} == {"1px"}

        pictures = set()
        for state in GLYPHS:
            await page.evaluate(
                "state => { const g = document.querySelector('.todo .glyph'); g.dataset.state = state; }",
                state,
            )
            pictures.add(await _picture(page, ".todo .glyph"))
        assert len(pictures) == len(GLYPHS)

        pictures = set()
        for severity in range(4):
            await page.evaluate(
                "n => { const sev = document.querySelector('.room-h .sev'); sev.dataset.sev = n; sev.lastChild.textContent = ''; }",
                severity,
            )
            pictures.add(await _picture(page, ".room-h .sev"))
        assert len(pictures) == 4

        await page.goto("/pages")
        rows = page.locator(".pg")
        borders = [
            await row.evaluate("row => getComputedStyle(row).borderTopWidth") for row in await rows.all()
        ]
        assert sorted(borders)[-2:] == ["0px", "2px"], borders
        primary, other = (
            await page.locator(selector).first.evaluate("el => getComputedStyle(el).backgroundColor")
            for selector in ("#pane .btn.primary", "#pane .btn:not(.primary)")
        )
        assert primary != other
        await page.keyboard.press("Tab")
        outline = await page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none"


@pytest.mark.parametrize("width", [390, 1440])
async def test_every_page_keeps_the_rules_for_headings_landmarks_and_names(
    dsn: str, clock: FakeClock, browser: Browser, width: int
) -> None:
    async with reader(dsn, clock, browser, width, 900) as page:
        broken = []
        for address in ADDRESSES:
            await page.goto(address)
            await sound(page)
            assert await page.get_attribute("html", "lang") == "en"
            broken += [f"{address}: {text}" for text in await page.evaluate(SMALL_TARGETS, 24)]
            broken += [f"{address}: {text}" for text in await page.evaluate(NAMES)]
        assert not broken, "\n".join(broken)
