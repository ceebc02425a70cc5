"""Browser: an incident is closed once its conditions are met, and everyone can use every page of its lifecycle."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from firebell.incidents import actions as incidents
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.custom_fields.field_kinds import FieldKind
from firebell.incidents.model import IncidentType, Phase
from firebell.kit.clock import FakeClock
from tests.actions.test_incidents import declared, run
from tests.browser.conftest import sound
from tests.browser.long_names import lengthen, signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser

PAGES = (
    *("/incidents/INC-2/close", "/incidents/INC-2/details", "/incidents/INC-3", "/incidents/INC-3/declare"),
    *("/incidents/report", "/incidents/past", "/incidents/new", "/settings/declaration-rules"),
    "/settings/incident-fields",
)
SHOTS = os.environ.get("SHOTS", "")


async def test_the_closing_page_leads_to_a_closed_incident(dsn: str, browser: Browser) -> None:
    # the served process reads the real clock
    clock = FakeClock(datetime.now(UTC) - timedelta(minutes=45))
    async with world(dsn, clock) as w:
        await lengthen(w)
        mara = await w.actor(w.mara)
        made = await declared(w, incident_type=IncidentType.SECURITY)
        assert made.ref == "INC-2"
        await run(w, incidents.add_entry, mara, made.id, "mitigation", "Failed over", w.now)
        await run(w, incidents.report, mara, title="Invoices show an old rate", now=w.now)
        for name, kind in (
            ("Region", FieldKind.TEXT),
            ("Reviewer", FieldKind.PERSON),
            ("Due", FieldKind.DATE),
        ):
            await run(w, field_actions.create_field, mara, name=name, kind=kind, now=w.now)
        clock.advance(timedelta(minutes=10))
        ended = w.now
        clock.advance(timedelta(minutes=1))
        await run(w, incidents.record_report, mara, made.id, "Cards still fail", w.now)
        await run(w, incidents.set_phase, mara, made.id, Phase.MONITORING, w.now, effective_at=ended)
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, 1440, 1000)
            await page.goto("/incidents/INC-2/close")
            await expect(page.locator("[data-condition=baseline]")).to_have_attribute("data-state", "warn")
            await expect(page.locator("[data-condition=stable]")).to_have_attribute("data-state", "ok")
            for scheme, width in (("light", 390), ("dark", 1440)):
                other = await signed_in(browser, server.url, width, 900, color_scheme=scheme)
                for address in PAGES:
                    answer = await other.goto(address)
                    assert answer
                    assert answer.status == 200, address
                    await sound(other)
                    if SHOTS:
                        name = f"{address.strip('/').replace('/', '-')}-{scheme}-{width}.png"
                        await other.screenshot(path=Path(SHOTS) / name, full_page=True)
            await page.locator("[data-condition=baseline] summary").click()
            await page.fill("[name=note]", "5xx ratio at 0.4%")
            await sound(page)
            await page.click("button:has-text('Confirm baseline')")
            await expect(page.locator("[data-condition=baseline]")).to_have_attribute("data-state", "ok")
            reports = page.locator("#reports")
            await reports.locator("button:has-text('Mark answered')").click()
            await expect(page.locator("[data-condition=reports]")).to_have_attribute("data-state", "ok")
            await page.locator("#close-h summary:has-text('Close incident')").click()
            await page.locator("#close-h button:has-text('Close INC-2')").click()
            await page.wait_for_url("**/incidents/INC-2")
        async with w.ctx.db.tx() as tx:
            assert (await incidents.incident(tx, made.id)).phase is Phase.CLOSED
