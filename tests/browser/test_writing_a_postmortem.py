"""Browser: two people write one post-mortem at the same time, and no line is lost."""

import re
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, Page, expect

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.people import actions as people
from firebell.postmortems import actions as postmortems
from tests.browser.conftest import sign_in, sound
from tests.browser.long_names import signed_in
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.browser
EDIT = "/post-mortems/INC-1/edit"
PASSWORD = "a second quiet night"


async def saved(page: Page, slug: str) -> None:
    await expect(page.locator(f"#f-{slug} [data-status]")).to_have_text(re.compile("^Saved"))


async def test_two_writers_at_one_desk(dsn: str, browser: Browser) -> None:
    clock = FakeClock(datetime.now(UTC))
    async with world(dsn, clock) as w:
        actor = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.declare(tx, actor, title="Cards fail", severity=1, now=w.now)
            await incidents.add_entry(tx, actor, 1, "finding", "The pool was full", w.now)
            await postmortems.start(tx, SYSTEM, 1, w.now)
            document = await postmortems.of_incident(tx, 1)
            body = document.body.replace("- _What got in the way?_", "- Jun should have checked the limit.")
            await postmortems.save(tx, actor, 1, body, 1, w.now)
            jun = await people.person(tx, w.jun)
        await w.set_password(w.jun, PASSWORD)
        async with serve(dsn) as server:
            mara = await signed_in(browser, server.url, 1440, 1000)
            context = await browser.new_context(base_url=server.url, viewport={"width": 390, "height": 844})
            other = await context.new_page()
            await sign_in(other, jun.email, PASSWORD)
            for page in (mara, other):
                await page.goto(EDIT)
            await other.click("[data-edit=summary]")
            await expect(mara.locator("#h-summary .chip")).to_contain_text("Jun")
            await mara.click("[data-edit=summary]")
            base = "one\n\ntwo\n\nthree"
            await mara.fill("#f-summary textarea", base)
            await saved(mara, "summary")
            await mara.keyboard.press("Control+Enter")
            await expect(mara.locator("#r-summary")).to_contain_text("three")
            await other.goto(EDIT)
            for page in (mara, other):
                await page.click("[data-edit=summary]")
            await mara.fill("#f-summary textarea", f"{base}\n\nfour by Mara")
            await saved(mara, "summary")
            await other.fill("#f-summary textarea", f"zero by Jun\n\n{base}")
            await saved(other, "summary")
            both = f"zero by Jun\n\n{base}\n\nfour by Mara"
            await expect(other.locator("#f-summary textarea")).to_have_value(both)
            await mara.fill("#f-summary textarea", f"{base}\n\nfour, says Mara")
            await expect(mara.locator("#f-summary textarea")).to_have_value(
                both.replace("four by Mara", "four, says Mara")
            )
            await other.fill("#f-summary textarea", both.replace("four by", "quatre by"))
            await other.check("[data-hunks] input[value=both]")
            await other.click("[data-hunks] button")
            await saved(other, "summary")
            await expect(other.locator("#f-summary textarea")).to_have_value(
                re.compile("four, says Mara\nquatre by Mara$")
            )
            await mara.keyboard.press("Control+Enter")
            await mara.click("[data-tree]")
            await mara.locator(".ol input").nth(1).focus()
            await mara.keyboard.press("Enter")
            await mara.keyboard.type("No alert on pools")
            await mara.keyboard.press("Alt+ArrowUp")
            await saved(mara, "root-cause")
            await expect(mara.locator("#f-root-cause textarea")).to_have_value(
                re.compile("effect: .*\n  - why: No alert on pools\n  - why: The pool was full")
            )
            await mara.locator("#root-cause [data-form] .btn").last.click()
            await mara.click("[data-keep]")
            await mara.fill("[data-reason] input", "He said it")
            await mara.click("[data-reason] button")
            await expect(mara.locator("#wording")).to_contain_text("Nothing found")
            await expect(mara.locator("#comments")).to_contain_text("He said it")
            await mara.goto(EDIT)
            await mara.locator("#r-summary p", has_text="zero by Jun").select_text()
            await mara.click("#picked [data-action]")
            await expect(mara.locator("#f-action-quote")).to_have_value("zero by Jun")
            await mara.fill("#f-action-title", "Count the zeros")
            await sound(mara)
            await mara.click("#new-action button")
            await expect(mara.locator("#action-items")).to_contain_text("ACT-1")
            await other.goto("/actions/ACT-1")
            await expect(other.locator("blockquote")).to_contain_text("zero by Jun")
            for page in (mara, other):
                await page.goto(EDIT)
                await sound(page)
