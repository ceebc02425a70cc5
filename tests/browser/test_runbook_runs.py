"""Browser: two people work through a run, one of them on a phone, and roll it back."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, expect

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from tests.actions.test_runbook_runs import SLUG, write
from tests.browser.conftest import PHONE_AND_DESK, look_everywhere, sign_in, sound
from tests.browser.long_names import signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser
PASSWORD = "a second quiet night"


async def at_step(page: Page, title: str) -> None:
    await expect(page.locator("#now h3")).to_have_text(title)


async def test_a_run_is_worked_through_by_two_and_rolled_back(dsn: str, browser: Browser) -> None:
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        await write(w)
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, actor, title="Search is slow", severity=1, now=w.now)
            jun = await people.person(tx, w.jun)
        await w.set_password(w.jun, PASSWORD)
        async with serve(dsn) as server:
            desk = await signed_in(browser, server.url, 1440, 1000)
            context = await browser.new_context(
                base_url=server.url, viewport={"width": 390, "height": 844}, has_touch=True
            )
            phone = await context.new_page()
            await sign_in(phone, jun.email, PASSWORD)
            await desk.goto(f"/runbooks/runs/new?incident=INC-1&runbook={server.url}/runbooks/{SLUG}")
            await desk.locator("button:has-text('Start')").first.click()
            await desk.wait_for_url("**/runbooks/runs/RUN-1")
            await at_step(desk, "You are on search-1.")
            await phone.goto("/runbooks/runs/RUN-1")
            await sound(phone)

            await phone.locator("#dock button:has-text('Done')").tap()
            await at_step(phone, "Restart")
            await at_step(desk, "Restart")
            await desk.locator("#now summary:has-text('Failed')").click()
            await desk.fill("#now form[action$='/fail'] [name=reason]", "it hangs")
            await desk.locator("#now button:has-text('Save as failed')").click()
            await expect(phone.locator("#now .chip")).to_have_text("Failed")
            await phone.locator("#dock button:has-text('Retry step')").tap()
            await expect(phone.locator("#now .chip")).to_have_text("Jun Okafor began")
            await phone.locator("#dock button:has-text('Done')").tap()
            await at_step(desk, "Wait")

            await desk.locator(
                "#now summary:has-text('Roll back'), #now button:has-text('Roll back')"
            ).first.click()
            await desk.locator(
                "form[action$='/roll-back'] button:has-text('Roll back'):visible"
            ).first.click()
            await expect(desk.locator("#steps h2").first).to_have_text("Rollback")
            await expect(phone.locator("#steps h2").first).to_have_text("Rollback")
            await phone.locator("#dock button:has-text('Done')").tap()
            await expect(desk.locator("#run-h .chip").first).to_have_text("Rolled back")
            await phone.goto("/incidents/INC-1")
            await expect(phone.locator("body")).to_contain_text("rolled back RUN-1")
            await look_everywhere(desk, "/runbooks/runs/RUN-1", wanted=PHONE_AND_DESK)
