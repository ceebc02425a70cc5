"""Browser: the response by severity is changed and applied, a question is answered, and the pages are sound."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, expect

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.browser.conftest import PHONE_AND_DESK, look_everywhere, sound
from tests.browser.long_names import lengthen, signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser

PAGES = (
    "/settings/response",
    "/settings/response?severity=SEV0&dry=SEV2",
    "/settings/response/severities/SEV0",
    "/settings/response/groups",
    "/settings/response/steps",
    "/settings/response/rows",
    "/settings/response/review",
    "/settings/response/transfer",
)


async def test_a_step_is_added_and_applied_and_a_question_is_answered(dsn: str, browser: Browser) -> None:
    # the served process reads the real clock
    async with world(dsn, FakeClock(datetime.now(UTC) - timedelta(minutes=11))) as w:
        await lengthen(w)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            incident = await incidents.declare(tx, mara, title="Cards fail", severity=1, now=w.now)
        w.clock.set(datetime.now(UTC))
        await w.settle()
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, 1440, 1000)
            await page.goto("/settings/response?severity=SEV1")
            await page.get_by_label("Add a step for Legal at 60 min").click()
            await page.select_option("[name=who]", "service_team")
            await page.click("button:has-text('Add to changes')")
            await expect(page.locator("text=1 change not applied yet")).to_be_visible()
            await page.click("a:has-text('Review and apply')")
            await sound(page)
            await page.click("button:has-text('Apply changes')")
            await expect(page.locator("text=Version 1.")).to_be_visible()
            await page.goto(f"/incidents/{incident.ref}")
            asked = page.locator("[data-step=E4][data-state=late]")
            await asked.locator("[name=reason]").fill("I take it now")
            await asked.locator("button:has-text('Not yet')").click()
            await expect(asked).to_have_count(0)
            await look_everywhere(page, *PAGES, wanted=PHONE_AND_DESK)
