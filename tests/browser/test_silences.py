"""Browser: an alert is silenced from its screen, with a preview while the form is filled in."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, expect

from firebell.alerts.inhibition import actions as inhibition
from firebell.alerts.inhibition.model import NewInhibitionRule
from firebell.kit.clock import FakeClock
from tests.browser.conftest import sign_in, sound
from tests.servers import serve
from tests.world import ANSWERS, world

pytestmark = pytest.mark.browser

LABELS = {"alertname": "DiskWarning", "instance": "ledger-db-2.eu-west-1.internal", "job": "batch"}


async def test_an_alert_is_silenced_from_its_screen(dsn: str, browser: Browser) -> None:
    # the served process reads the real clock
    clock = FakeClock(datetime.now(UTC))
    async with world(dsn, clock) as w:
        await w.alert("Disk of ledger-db-2 is 82% full", labels=LABELS, severity="warning")
        rule = NewInhibitionRule(
            "Node down", "alertname=NodeDown", 'alertname=~"Disk.*|Net.*"', ("instance",)
        )
        async with w.ctx.db.tx() as tx:
            await inhibition.create_rule(tx, await w.actor(w.mara), entered=rule, now=w.now)
        async with serve(dsn) as server:
            context = await browser.new_context(base_url=server.url)
            page = await context.new_page()
            await sign_in(page, ANSWERS.email, ANSWERS.password)
            await page.goto("/alerts/1")
            await page.get_by_role("link", name="Silence…").click()
            await expect(page.locator("#f-matchers")).to_have_value(
                '{alertname="DiskWarning",instance="ledger-db-2.eu-west-1.internal",job="batch"}'
            )
            await expect(page.locator("#preview")).to_contain_text("1 firing alert matches now")
            await page.fill("[name=matchers]", "job=other")
            await expect(page.locator("#preview")).to_contain_text("0 firing alerts match now")
            await page.fill("[name=matchers]", "job")
            await expect(page.locator("#preview")).to_contain_text("No preview")
            await page.fill("[name=matchers]", 'job=~"batch|etl"')
            await page.fill("[name=comment]", "The new volume arrives on Wednesday")
            await expect(page.locator("#preview")).to_contain_text("1 firing alert matches now")
            await sound(page)
            await page.click("button:has-text('Create silence')")
            await page.wait_for_url("**/silences/*")
            await expect(page.locator("#state")).to_contain_text("Active")
            await page.get_by_text("Expire…", exact=True).click()
            await sound(page)
            silences = ("/silences", "/silences/1/edit", "/inhibition-rules", "/inhibition-rules/1")
            for address in (*silences, "/alerts?q=job%3Dbatch", "/routing"):
                await page.goto(address)
                await sound(page)
