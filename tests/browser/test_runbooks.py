"""Browser: from a default runbook to one's own, on a desktop and on a phone."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import first_run, look, press, sound
from tests.rules.test_runbooks import GOOD
from tests.servers import serve

pytestmark = pytest.mark.browser


async def test_a_runbook_is_read_copied_written_checked_and_put_back(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        context = await browser.new_context(base_url=server.url)
        await context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
        page = await context.new_page()
        await first_run(page)
        await look(page, "/runbooks")
        await press(page, "Database failover")
        await expect(page.locator("h1")).to_have_text("Database failover")
        await sound(page)
        await page.locator("nav[aria-label=Contents] a", has_text="Rollback").click()
        await expect(page).to_have_url(re.compile("#rollback$"))
        command = page.locator(".doc .cmd", has_text="pg_ctl promote")
        await command.get_by_role("button", name="Copy").click()
        await expect(command.get_by_role("button")).to_have_text("Copied")
        assert (await page.evaluate("navigator.clipboard.readText()")).startswith("pg_ctl promote -D")

        await own(page)
        await page.set_viewport_size({"width": 390, "height": 844})
        await look(page, "/runbooks/database-failover")
        await page.locator("summary:visible", has_text="Contents").click()
        await sound(page)
        await page.locator(".only-s a:has-text('Verification')").click()
        await press(page, "Reset to default")
        await expect(page.locator("h1")).to_have_text("Database failover")
        await press(page, "Hide from library")
        await page.get_by_role("button", name="Show database-failover").click()
        await expect(page.locator("h1")).to_have_text("Database failover")


async def own(page: Page) -> None:
    """Replace the text, first with one that has an error."""
    await press(page, "Edit")
    await page.fill("#body", GOOD.replace("## Rollback", "## Way back"))
    await press(page, "Run check")
    await page.get_by_text("The part Rollback is missing.").wait_for()
    assert "## Way back" in await page.input_value("#body"), "checking keeps what was typed"
    await sound(page)
    await page.fill("#body", GOOD)
    await press(page, "Save")
    await expect(page.locator("h1")).to_have_text("Payments failover")
    await expect(page).to_have_url(re.compile("/runbooks/database-failover$"))
    await page.get_by_text("Written in the app").wait_for()


async def test_a_new_runbook_begins_with_its_eight_parts_and_two_editors_meet(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        context = await browser.new_context(base_url=server.url)
        page, other = await context.new_page(), await context.new_page()
        await first_run(page)
        await page.goto("/runbooks")
        await press(page, "Create runbook")
        await sound(page)
        outline = await page.input_value("#body")
        assert outline.count("\n## ") == 8
        await page.fill("#body", outline.removeprefix("# Name of the runbook"))
        await press(page, "Create runbook")
        await page.locator("#e-body:has-text('Begin with a line')").wait_for()
        await page.fill("#body", outline.replace("Name of the runbook", "Search is slow"))
        await press(page, "Create runbook")
        await page.wait_for_url("**/runbooks/search-is-slow")
        # that it was never exercised is a warning only after 180 days
        await page.locator("summary", has_text="Runbook check: 1 warning").click()
        await sound(page)

        for one in (page, other):
            await one.goto("/runbooks/search-is-slow/edit")
        await page.fill("#body", GOOD)
        await press(page, "Save")
        await page.wait_for_url("**/runbooks/search-is-slow")
        await other.fill("#body", "# Mine\n")
        await press(other, "Save")
        await other.locator("#conflict").wait_for()
        await other.locator("article", has_text="Orders arrive.").wait_for()
        assert await other.input_value("#body") == "# Mine\n"
        await sound(other)
        await page.goto("/runbooks/search-is-slow")
        await press(page, "Delete")
        await expect(page.locator(".rows")).not_to_contain_text("Payments failover")
