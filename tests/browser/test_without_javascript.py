"""Browser: every form works with scripts switched off."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import FIRST_RUN
from tests.servers import serve

pytestmark = pytest.mark.browser


async def test_every_form_works_without_javascript(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        context = await browser.new_context(base_url=server.url, java_script_enabled=False)
        page = await context.new_page()
        await page.goto("/setup")
        for name, value in {**FIRST_RUN, "password": "short"}.items():
            await page.fill(f"[name={name}]", value)
        await page.click("form[action='/setup'] button")
        await page.locator("#e-password:has-text('At least 12 characters.')").wait_for()
        assert await page.input_value("[name=team]") == "Payments"
        await page.fill("[name=password]", FIRST_RUN["password"])
        await page.click("form[action='/setup'] button")

        await page.click("a:has-text('Declare incident')")
        await page.fill("[name=title]", "Search is slow")
        await page.select_option("[name=severity]", "3")
        await page.click("#go")
        await page.get_by_text("declared SEV3: Search is slow").wait_for()
        await page.fill("#say", "See PG-1 and https://example.org/graph.")
        await page.click(".kinds label:has-text('Finding')")
        await page.click(".composer button:has-text('Post')")
        await expect(page.locator(".say a")).to_have_text(["PG-1", "https://example.org/graph"])
        await page.click("summary:has-text('Conditions')")
        await page.fill("#c-conditions", "Half of all searches take 4 s")
        await page.click("#canvas-conditions button:has-text('Save')")
        await page.get_by_text("Half of all searches take 4 s").first.wait_for()

        await page.goto("/oncall/payments-primary")
        await page.fill("[name=start]", "2031-01-01T09:00")
        await page.fill("[name=end]", "2031-01-01T08:00")
        await page.click("button:has-text('Create override')")
        await page.get_by_text("The override ends before it starts.").wait_for()
        await page.fill("[name=end]", "2031-01-02T08:00")
        await page.click("button:has-text('Create override')")
        await page.get_by_text("Wed 1 Jan 09:00 to Thu 2 Jan 08:00").first.wait_for()


async def test_a_colleague_chooses_a_password_by_link_once(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        context = await browser.new_context(base_url=server.url, java_script_enabled=False)
        admin = await context.new_page()
        await admin.goto("/setup")
        for name, value in FIRST_RUN.items():
            await admin.fill(f"[name={name}]", value)
        await admin.click("form[action='/setup'] button")
        await admin.goto("/settings/people")
        await admin.fill("[name=name]", "Jun Okafor")
        await admin.fill("[name=email]", "jun@example.org")
        await admin.click("button:text-is('Add person')")
        link = await admin.inner_text(".cmd code")

        theirs = await (await browser.new_context(java_script_enabled=False)).new_page()
        await theirs.goto(link)
        await theirs.fill("[name=password]", "another quiet night")
        await theirs.click("button:has-text('Sign in')")
        await theirs.get_by_text("All clear").wait_for()
        again = await theirs.goto(link)
        assert again
        assert again.status == 422
        await theirs.get_by_text("This link has already been used.").wait_for()
