"""Browser: the timeline of an incident is written, corrected and shared, on a desk and on a phone."""

import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, expect

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from tests.browser.conftest import look_everywhere, sound
from tests.browser.long_names import signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser

PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


async def test_the_room_is_kept_on_a_desk_and_on_a_phone(dsn: str, browser: Browser) -> None:
    # the served process reads the real clock
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            await incidents.declare(
                tx, mara, title="Card payments fail", severity=1, commander_id=w.mara, now=w.now
            )
            await incidents.add_entry(tx, mara, 1, "finding", "It is the pool", w.now)
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, 1440, 1000)
            await page.goto("/incidents/INC-1")
            await expect(page).to_have_title(re.compile(r"^\(\d+:\d\d\) "))
            await page.fill("#say", "A draft that is not lost")
            await page.reload()
            await expect(page.locator("#say")).to_have_value("A draft that is not lost")
            await page.set_input_files(
                "#composer [type=file]", {"name": "graph.png", "mimeType": "image/png", "buffer": PNG}
            )
            await expect(page.locator("#picked")).to_have_text("graph.png")
            await page.locator("#say").press("Control+Enter")
            await expect(page.locator(".att img")).to_have_count(1)
            await expect(page.locator("#say")).to_have_value("")

            entry = page.locator("#feed li", has_text="It is the pool")
            await entry.locator("[data-dialog=entry]").click()
            dialog = page.locator("#dialog")
            await expect(dialog.locator("[name=text]").first).to_have_value("It is the pool")
            await sound(page)
            await dialog.locator("[name=text]").first.fill("It is the proxy")
            await dialog.locator("button:has-text('Save changes')").click()
            edited = page.locator("#feed li", has_text="It is the proxy")
            await expect(edited.get_by_text("2 versions")).to_be_visible()

            await page.locator("#tasks [name=text]").last.fill("Watch the lag")
            await page.locator("#new-task button:has-text('Add task')").click()
            await expect(page.locator("[data-task=open]")).to_have_count(1)
            await look_everywhere(page, "/incidents/INC-1", "/incidents/INC-1/entries/3")
