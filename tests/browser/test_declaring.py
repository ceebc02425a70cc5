"""Browser: the form that declares an incident waits for an answer and for its button."""

import pytest
from playwright.async_api import Browser, expect

from firebell.kit.clock import FakeClock
from tests.browser.conftest import sound
from tests.browser.test_long_lists import sign_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser


async def test_bug_enter_in_the_title_declared_a_sev0(dsn: str, clock: FakeClock, browser: Browser) -> None:
    async with world(dsn, clock) as w:
        async with serve(dsn) as server:
            page = await (await browser.new_context(base_url=server.url)).new_page()
            await sign_in(page)
            for form in ("#dialog", "main"):
                if form == "main":
                    await page.goto("/incidents/new")
                else:
                    await page.click("a:has-text('Declare incident')")
                title = page.locator(f"{form} [name=title]")
                await title.fill("Search is slow")
                await title.press("Enter")
                first = page.locator(f"{form} [name=down_or_data_at_risk]").first
                await expect(first).to_be_focused()
                await first.press("Enter")
                await expect(page.locator("#go")).to_have_text("Declare incident")
                await expect(page.locator("#answered")).to_be_hidden()
                await expect(page.locator(".ladder [aria-current]")).to_have_count(0)
                await expect(page.locator(".then:visible")).to_have_count(0)
                await sound(page)
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from incident") == 0


async def test_not_known_shows_sev2_until_a_severity_is_selected(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        async with serve(dsn) as server:
            page = await (await browser.new_context(base_url=server.url)).new_page()
            await sign_in(page)
            await page.goto("/incidents/new")
            await page.fill("[name=title]", "Search is slow")
            await page.check("[name=down_or_data_at_risk][value=unknown]")
            await expect(page.locator("#go")).to_have_text("Declare SEV2")
            await expect(page.locator("#provisional")).to_be_visible()
            await page.select_option("[name=severity]", "0")
            await expect(page.locator("#go")).to_have_text("Declare SEV0")
            await expect(page.locator("#provisional")).to_be_hidden()
            await page.select_option("[name=severity]", "")
            await page.click("#go")
            await page.wait_for_url("**/incidents/INC-1")
        async with w.ctx.db.tx() as tx:
            row = await tx.row("select severity, provisional from incident")
        assert dict(row or {}) == {"severity": 2, "provisional": True}


async def test_enter_without_a_script_shows_the_severity_and_declares_nothing(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        async with serve(dsn) as server:
            context = await browser.new_context(base_url=server.url, java_script_enabled=False)
            page = await context.new_page()
            await sign_in(page)
            await page.goto("/incidents/new")
            await page.check("[name=down_or_data_at_risk][value=yes]", force=True)
            await page.fill("[name=title]", "Search is slow")
            await page.press("[name=title]", "Enter")
            await page.locator("#answered .sev[data-sev='0']").wait_for()
            assert await page.input_value("[name=title]") == "Search is slow"
        async with w.ctx.db.tx() as tx:
            assert await tx.value("select count(*) from incident") == 0
