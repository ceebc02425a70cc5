"""Browser: typed text survives the end of a session, an answer that never comes, and a refused form."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from firebell.incidents import actions as incidents
from firebell.incidents.model import Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.people import actions as people
from firebell.postmortems import actions as postmortems
from tests.browser.conftest import press, sign_in, sound
from tests.browser.long_names import signed_in
from tests.servers import serve
from tests.world import ANSWERS, World, world

pytestmark = pytest.mark.browser

TEXT = "The pool is exhausted in both regions"
SIGNED_OUT = "#signed-out"
PASSWORD = "lanterns over the harbor"


@asynccontextmanager
async def _room(dsn: str, browser: Browser) -> AsyncIterator[tuple[World, Page]]:
    """Yield the page of an incident that the signed-in admin commands."""
    # the served process reads the real clock
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            await incidents.declare(
                tx, mara, title="Card payments fail", severity=1, commander_id=w.mara, now=w.now
            )
        async with serve(dsn) as server:
            page = await signed_in(browser, server.url, 1440, 1000)
            await page.goto("/incidents/INC-1")
            yield w, page


async def _beside(page: Page, path: str) -> Page:
    other = await page.context.new_page()
    await other.goto(path)
    return other


async def _sign_out(context: BrowserContext) -> Page:
    other = await context.new_page()
    await other.goto("/settings")
    await press(other, "Sign out")
    await other.wait_for_url("**/login*")
    return other


async def _post(page: Page, text: str) -> None:
    await page.fill("#say", text)
    await page.click(".composer button:has-text('Post')")
    await page.locator(f".say:has-text('{text}')").wait_for()


async def test_what_was_typed_before_the_session_ended_is_sent_after_signing_in_again(
    dsn: str, browser: Browser
) -> None:
    async with _room(dsn, browser) as (_, page):
        await page.fill("#say", TEXT)
        other = await _sign_out(page.context)
        await expect(page.locator(SIGNED_OUT)).to_be_visible()
        await sound(page)
        await page.click(".composer button:has-text('Post')")
        await expect(page.locator("#say")).to_have_value(TEXT)
        assert page.url.endswith("/incidents/INC-1")
        await sign_in(other, ANSWERS.email, ANSWERS.password)
        await expect(page.locator(SIGNED_OUT)).to_be_hidden()
        await page.click(".composer button:has-text('Post')")
        await expect(page.locator(f".say:text-is('{TEXT}')")).to_be_visible()
        await expect(page.locator("#say")).to_have_value("")


async def test_a_page_without_anything_typed_asks_to_sign_in_when_the_session_ended(
    dsn: str, browser: Browser
) -> None:
    async with _room(dsn, browser) as (_, page):
        await expect(page.locator("[data-pulse]")).to_be_hidden()
        await _sign_out(page.context)
        await page.wait_for_url("**/login?next=%2Fincidents%2FINC-1")


async def test_nothing_is_sent_as_the_person_who_signed_in_meanwhile(dsn: str, browser: Browser) -> None:
    async with _room(dsn, browser) as (w, page):
        async with w.ctx.db.tx() as tx:
            email = (await people.person(tx, w.jun)).email
        await w.set_password(w.jun, PASSWORD)
        await page.fill("#say", TEXT)
        other = await _sign_out(page.context)
        await sign_in(other, email, PASSWORD)
        await other.goto("/incidents/INC-1")
        # a draft belongs to its author
        await expect(other.locator("#say")).to_have_value("")
        await _post(other, "Looking at the proxy")
        await expect(page.locator(SIGNED_OUT)).to_be_visible()
        await page.click(".composer button:has-text('Post')")
        await expect(page.locator("#say")).to_have_value(TEXT)
        async with w.ctx.db.tx() as tx:
            assert not await tx.value("select count(*) from timeline_entry where text = $1", TEXT)


async def test_a_section_typed_after_the_session_ended_is_saved_after_signing_in_again(
    dsn: str, browser: Browser
) -> None:
    async with _room(dsn, browser) as (w, page):
        async with w.ctx.db.tx() as tx:
            await postmortems.start(tx, SYSTEM, 1, w.now)
        await page.goto("/post-mortems/INC-1/edit")
        await page.click("[data-edit=summary]")
        other = await _sign_out(page.context)
        await page.fill("#f-summary textarea", TEXT)
        status = page.locator("#f-summary [data-status]")
        await expect(status).to_contain_text("Not saved: you were signed out.")
        await expect(page.locator(SIGNED_OUT)).to_be_visible()
        await sign_in(other, ANSWERS.email, ANSWERS.password)
        await expect(status).to_have_text(re.compile("^Saved"))
        await expect(page.locator(SIGNED_OUT)).to_be_hidden()


async def test_a_text_whose_sending_failed_is_still_a_draft(dsn: str, browser: Browser) -> None:
    async with _room(dsn, browser) as (_, page):
        await page.fill("#say", TEXT)

        async def fail(route: Route) -> None:
            await route.abort("connectionreset")

        await page.route("**/entries", fail)
        await page.click(".composer button:has-text('Post')")
        await page.wait_for_url("chrome-error://**")
        await page.unroute("**/entries")
        await page.goto("/incidents/INC-1")
        await expect(page.locator("#say")).to_have_value(TEXT)
        await page.click(".composer button:has-text('Post')")
        await expect(page.locator(f".say:text-is('{TEXT}')")).to_be_visible()
        await page.reload()
        await expect(page.locator("#say")).to_have_value("")


async def test_a_page_that_refused_a_form_stays_live_and_keeps_what_was_typed(
    dsn: str, browser: Browser
) -> None:
    async with _room(dsn, browser) as (_, page):
        # an entry can't be in the future
        await page.locator("#composer [name=at]").evaluate("field => { field.value = '2999-01-01T00:00'; }")
        await page.locator("#composer").evaluate("form => { form.noValidate = true; }")
        await page.fill("#say", TEXT)
        await page.click(".composer button:has-text('Post')")
        await page.wait_for_url("**/entries")
        other = await _beside(page, "/incidents/INC-1")
        await _post(other, "Looking at the proxy")
        await expect(page.locator(".say:text-is('Looking at the proxy')")).to_be_visible()
        await expect(page.locator("#say")).to_have_value(TEXT)


async def test_a_change_by_others_does_not_wipe_a_refused_form(dsn: str, browser: Browser) -> None:
    async with _room(dsn, browser) as (w, page):
        async with w.ctx.db.tx() as tx:
            mara = await w.actor(w.mara)
            await incidents.add_entry(tx, mara, 1, "mitigation", "Failed over", w.now)
            await incidents.set_phase(tx, mara, 1, Phase.MONITORING, w.now)
        await page.goto("/incidents/INC-1/close")
        await page.locator("summary:has-text('Close without waiting')").click()
        reason = page.locator("[name=reason]")
        await reason.evaluate("field => { field.value = 'The fix is proven. '.repeat(900); }")
        await page.click("button:has-text('Close without waiting')")
        await expect(page.locator("#e-reason")).to_be_visible()
        await page.evaluate("document.activeElement.blur()")
        before = await reason.input_value()
        other = await _beside(page, "/incidents/INC-1")
        await page.evaluate(
            "document.addEventListener('morphed', () => { document.body.dataset.seen = 'yes'; })"
        )
        await _post(other, "Looking at the proxy")
        await expect(page.locator("body[data-seen]")).to_be_attached()
        assert await reason.input_value() == before


async def test_a_button_of_an_editor_that_cannot_reach_the_server_says_so(dsn: str, browser: Browser) -> None:
    async with _room(dsn, browser) as (_, page):
        await page.goto("/escalation/payments/edit")
        levels = await page.locator("[data-level]").count()

        async def fail(route: Route) -> None:
            await route.abort("connectionrefused")

        await page.route("**/edit?preview=yes", fail)
        await page.locator("button[name=do][value^=insert]").first.click()
        await expect(page.locator("#sending")).to_contain_text("what you typed is still here")
        await page.unroute("**/edit?preview=yes")
        await page.locator("button[name=do][value^=insert]").first.click()
        await expect(page.locator("[data-level]")).to_have_count(levels + 1)


async def test_a_refused_form_is_not_sent_again_when_the_session_ends(dsn: str, browser: Browser) -> None:
    async with _room(dsn, browser) as (_, page):
        await page.fill("#say", TEXT)
        await page.locator("#composer [name=csrf]").evaluate(
            "field => { field.value = 'of another session'; }"
        )
        await page.click(".composer button:has-text('Post')")
        await expect(page.locator("#typed-1")).to_have_value(TEXT)
        sent: list[str] = []
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        await expect(page.locator("[data-pulse]")).to_be_hidden()
        await _sign_out(page.context)
        await expect(page.locator(SIGNED_OUT)).to_be_visible()
        await expect(page.locator("#typed-1")).to_have_value(TEXT)
        assert not sent


async def test_an_update_answered_by_something_else_leaves_the_forms_usable(
    dsn: str, browser: Browser
) -> None:
    async with _room(dsn, browser) as (_, page):
        await expect(page.locator("[data-pulse]")).to_be_hidden()
        answered: list[str] = []

        async def answer_as_a_proxy(route: Route) -> None:
            if "x-live" not in route.request.headers:
                await route.continue_()
                return
            await route.fulfill(content_type="text/html", body="<p>Maintenance of the network")
            answered.append(route.request.url)

        await page.context.route("**/incidents/INC-1", answer_as_a_proxy)
        other = await _beside(page, "/incidents/INC-1")
        await _post(other, "Looking at the proxy")
        async with asyncio.timeout(20):
            while not answered:
                await page.wait_for_timeout(50)
        await page.wait_for_timeout(300)
        await _post(page, TEXT)
