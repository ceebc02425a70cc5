"""Browser: offline or while the server restarts, pages can be read and no action is lost."""

import asyncio
import contextlib
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.browser.conftest import FIRST_RUN, press, sound
from tests.browser.test_acting_on_pages import (
    NOTICE_LOSS,
    PHONE,
    heard_the_server,
    integration,
    open_pages,
    state_of,
)
from tests.browser.test_selecting_pages import checked, rows
from tests.servers import Server, answers, listening, serve, started, until

pytestmark = pytest.mark.browser

STRIP, SENDING = "#offline", "#sending"
KEEP_ESCALATION = """
me => localStorage.setItem('action k', JSON.stringify({
  key: 'k-00000001', path: '/pages/PG-1/escalate', ref: 'PG-1', me, at: Date.now() - 3600000, position: '1.0.0',
}))
"""
COPIES = "async () => (await (await caches.open('pages')).keys()).map(copy => new URL(copy.url).pathname)"


async def _controlled(page: Page, path: str) -> None:
    """Open a page with the service worker, so that a copy is stored."""
    await page.goto(path)
    await page.evaluate("navigator.serviceWorker.ready")
    await until(
        lambda: page.evaluate("Boolean(navigator.serviceWorker.controller)"), "the service worker took over"
    )
    await page.goto(path)
    await _kept(page, path)


async def _kept(page: Page, path: str) -> None:
    async def kept() -> bool:
        return path in await page.evaluate(COPIES)

    await until(kept, f"a copy of {path} is kept")


async def _phone(browser: Browser, server: Server, pages: int = 1, **options: Any) -> Page:
    page = await open_pages(browser, server, pages, viewport=PHONE, **options)
    await _controlled(page, "/pages/PG-1")
    return page


async def _elsewhere(page: Page, verb: str) -> None:
    """Act on PG-1 from another device that is online."""
    text = await (await page.context.request.get("/pages/PG-1")).text()
    csrf = text.split('name="csrf" value="')[1].split('"')[0]
    answer = await page.context.request.post(f"/pages/PG-1/{verb}", form={"csrf": csrf})
    assert answer.ok


async def _escalations(page: Page) -> int:
    answer = await page.context.request.get("/api/v1/pages/PG-1")
    return sum(line["kind"] == "escalated" for line in (await answer.json())["log"])


async def test_a_reload_in_the_tunnel_shows_the_page_and_the_time_of_its_data(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await _phone(browser, server, 2)
        await _controlled(page, "/runbooks/cache-invalidation")
        await _controlled(page, "/pages/PG-1")
        # what a responder needs is copied without a visit
        await _kept(page, "/oncall")
        await page.context.set_offline(True)
        await page.goto("/oncall")
        await expect(page.locator("#rota")).to_be_visible()
        await page.go_back()
        await expect(page.locator("h1")).to_have_text("alert 1")
        await expect(page.locator(STRIP)).to_be_in_viewport(ratio=1)
        await expect(page.locator("[data-calm]")).to_be_visible()
        await sound(page)
        # a page that was never opened here: Firebell's own page, not the browser's
        await page.goto("/pages/PG-2")
        await expect(page.locator("[data-unreachable]")).to_be_visible()
        await expect(page.locator("#saved a")).to_have_text(["PG-1", "cache-invalidation"])
        await sound(page)
        await page.locator("#saved a").last.click()
        await expect(page.locator("h1")).to_have_text("Cache invalidation")
        await page.go_back()
        await page.context.set_offline(False)
        await expect(page.locator("h1")).to_have_text("alert 2")
        await expect(page.locator(STRIP)).to_be_hidden()


async def test_what_is_pressed_during_a_restart_survives_a_reload_and_is_done_in_order_and_once(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await _phone(browser, server)
        await expect(page.locator("[data-pulse]")).to_be_hidden()
        await server.kill()
        await page.reload()
        await expect(page.locator(STRIP)).to_be_visible()
        # the phone is online, so it is unknown whether paging works
        await expect(page.locator("[data-calm]")).to_be_hidden()
        await press(page, "Acknowledge")
        await press(page, "Resolve")
        await expect(page.locator("#dock .btn:has-text('Sending…')")).to_have_count(2)
        await expect(page.locator("[data-unsent]")).to_be_visible()
        await expect(page.locator(".state")).to_have_attribute("data-state", "firing")
        await page.reload()
        await expect(page.locator("#dock .btn:has-text('Sending…')")).to_have_count(2)
        async with started(dsn, FIREBELL_PORT=server.url.rpartition(":")[2]):
            await answers(f"{server.url}/livez")
            await expect(page.locator(".state")).to_have_attribute("data-state", "resolved")
            await expect(page.locator(SENDING)).to_be_hidden()
            await expect(page.locator(STRIP)).to_be_hidden()
            log = (await (await page.context.request.get("/api/v1/pages/PG-1")).json())["log"]
            assert [line["kind"] for line in log if line["kind"] in ("acked", "resolved")] == [
                "acked",
                "resolved",
            ]


async def test_an_action_whose_answer_was_lost_is_done_once_and_the_next_one_is_not_held_up(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await _phone(browser, server)
        statuses: list[int] = []

        async def lose_the_first_answer(route: Route) -> None:
            answer = await route.fetch()
            statuses.append(answer.status)
            await (route.fulfill(response=answer) if len(statuses) > 1 else route.abort())

        await page.context.set_offline(True)
        await press(page, "Acknowledge")
        await press(page, "Resolve")
        await expect(page.locator(SENDING)).to_be_visible()
        await page.context.route("**/api/v1/pages/PG-1/actions", lose_the_first_answer)
        await page.context.set_offline(False)
        await expect(page.locator(".state")).to_have_attribute("data-state", "resolved")
        await expect(page.locator(SENDING)).to_be_hidden()
        assert statuses == [200, 200, 200]


async def test_an_action_that_waits_for_its_person_does_not_promise_to_be_sent(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await _phone(browser, server)
        await page.context.set_offline(True)
        await press(page, "Resolve")
        later = page.locator("[data-unsent] [data-later]")
        await expect(later).to_be_visible()
        await _elsewhere(page, "ack")
        await page.context.set_offline(False)
        await expect(page.locator(SENDING).get_by_text("Send anyway")).to_be_visible()
        await expect(page.locator("[data-unsent]")).to_be_visible()
        await expect(later).to_be_hidden()


async def test_a_browser_that_cannot_limit_a_request_sends_what_it_kept(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await _phone(browser, server)
        await page.add_init_script("delete AbortSignal.timeout")
        await page.reload()
        await press(page, "Acknowledge")
        await expect(page.locator(".state")).to_have_attribute("data-state", "acked")
        await expect(page.locator(SENDING)).to_be_hidden()


async def test_rows_selected_in_a_copy_stay_where_they_are_when_the_connection_is_back(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 2)
        address = await integration(page)
        await _controlled(page, "/pages")
        await page.context.set_offline(True)
        await page.reload()
        await expect(page.locator(STRIP)).to_be_visible()
        await page.keyboard.press("x")
        assert await checked(page) == ["PG-2"]
        async with httpx.AsyncClient(timeout=60) as http:
            await http.post(address, json={"title": "Another", "key": "z", "labels": {"service": "z"}})
        await page.context.set_offline(False)
        await expect(page.locator(STRIP)).to_be_hidden()
        await expect(page.locator("#tabs [aria-current] .num")).to_have_text("3")
        assert await rows(page) == ["PG-2", "PG-1"]
        assert await checked(page) == ["PG-2"]
        await page.keyboard.press("Escape")
        await expect(page.locator("#list .pg")).to_have_count(3)


async def test_two_tabs_send_an_escalation_once_and_an_outdated_one_asks(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await _phone(browser, server)
        # acknowledged, it stands still: no message of this installation can be delivered
        await _elsewhere(page, "ack")
        await page.goto("/pages/PG-1")
        other = await page.context.new_page()
        await other.goto("/pages/PG-1")
        await page.context.set_offline(True)
        await press(page, "Escalate")
        await expect(other.locator("#dock .btn:has-text('Sending…')")).to_have_count(1)
        await page.context.set_offline(False)
        await expect(page.locator("#dock .btn:has-text('Sending…')")).to_have_count(0)

        async def escalated() -> bool:
            return await _escalations(page) == 1

        await until(escalated, "PG-1 is escalated")
        await _elsewhere(page, "ack")
        await page.goto("/pages/PG-1")
        await page.context.set_offline(True)
        await press(page, "Escalate")
        await expect(page.locator(SENDING)).to_be_visible()
        await _elsewhere(page, "escalate")
        await page.context.set_offline(False)
        await expect(page.locator(SENDING).get_by_text("Send anyway")).to_be_visible()
        assert await _escalations(page) == 2
        await page.click(f"{SENDING} [data-cancel]")
        await expect(page.locator(SENDING)).to_be_hidden()
        assert await _escalations(page) == 2


async def test_the_answer_names_who_resolved_the_page_meanwhile(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await _phone(browser, server)
        await page.context.set_offline(True)
        await press(page, "Acknowledge")
        await expect(page.locator(SENDING)).to_be_visible()
        await _elsewhere(page, "resolve")
        await page.context.set_offline(False)
        await expect(page.locator(SENDING)).to_contain_text(FIRST_RUN["name"])
        await expect(page.locator(".state")).to_have_attribute("data-state", "resolved")
        await page.click(f"{SENDING} [data-cancel]")
        await expect(page.locator(SENDING)).to_be_hidden()


async def test_a_session_that_ended_meanwhile_leaves_no_copy_and_the_action_waits_for_its_person(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await _phone(browser, server)
        await page.context.set_offline(True)
        await page.goto("/pages/PG-1")
        await press(page, "Acknowledge")
        await expect(page.locator(SENDING)).to_be_visible()
        # the session ends while the phone is away
        await page.context.clear_cookies()
        await page.context.set_offline(False)
        await page.wait_for_url("**/login*")
        await expect(page.locator(SENDING)).to_be_visible()
        assert await page.evaluate("caches.has('pages')") is False
        await page.context.set_offline(True)
        await page.goto("/pages/PG-1")
        await expect(page.locator("[data-unreachable]")).to_be_visible()
        await page.context.set_offline(False)
        await page.wait_for_url("**/login*")
        await page.fill("[name=email]", FIRST_RUN["email"])
        await page.fill("[name=password]", FIRST_RUN["password"])
        await page.click("button:has-text('Sign in')")

        async def acknowledged() -> bool:
            return await state_of(page, "PG-1") == "acked"

        await until(acknowledged, "PG-1 is acknowledged after signing in again")


async def test_signing_out_warns_of_what_is_not_sent(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await _phone(browser, server)
        await page.goto("/settings")
        await page.evaluate(KEEP_ESCALATION, "1")
        asked: list[str] = []

        async def dismiss(dialog: Any) -> None:
            asked.append(dialog.message)
            await dialog.dismiss()

        page.on("dialog", dismiss)
        await page.click("button:has-text('Sign out')")
        await until(lambda: asyncio.sleep(0, bool(asked)), "the person is warned")
        assert page.url.endswith("/settings")


async def test_a_network_that_falls_silent_is_noticed_within_ten_seconds(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        flowing = asyncio.Event()
        flowing.set()

        async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            upstream, to_server = await asyncio.open_connection(
                "127.0.0.1", int(server.url.rpartition(":")[2])
            )

            async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
                while data := await source.read(65536):
                    await flowing.wait()
                    target.write(data)
                    await target.drain()
                target.close()

            try:
                await asyncio.gather(copy(reader, to_server), copy(upstream, writer))
            finally:
                to_server.close()
                with contextlib.suppress(ConnectionError):
                    await to_server.wait_closed()

        async with listening(relay) as port:
            page = await _phone(browser, Server(f"http://127.0.0.1:{port}", server.process, server.log))
            await page.add_init_script(NOTICE_LOSS)
            await page.reload()
            await heard_the_server(page)
            flowing.clear()
            await expect(page.locator("[data-pulse]")).to_be_visible()
            assert await page.evaluate("noticed.shown - noticed.heard") <= 10_000
            flowing.set()
            await expect(page.locator("[data-pulse]")).to_be_hidden()
