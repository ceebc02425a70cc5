"""Browser: keys, taps and a lost connection affect only the page that the reader looks at."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from firebell.kit.clock import FakeClock
from firebell.paging.model import PageState
from tests.browser.conftest import first_run, press, sound
from tests.servers import Server, answers, serve, started, until
from tests.world import world

pytestmark = pytest.mark.browser

PHONE = ViewportSize(width=390, height=844)
KEEP_ACK = """
([path, me, age]) => localStorage.setItem('ack ' + path, JSON.stringify({ path, ref: 'PG', me, at: Date.now() - age }))
"""
NOTICE_LOSS = """
window.noticed = {};
window.EventSource = class extends EventSource {
  constructor(address) {
    super(address);
    for (const name of ['hello', 'beat']) this.addEventListener(name, () => { noticed.heard = performance.now(); });
    this.addEventListener('error', () => { noticed.lost ??= performance.now(); });
  }
};
addEventListener('DOMContentLoaded', () => {
  const strip = document.querySelector('[data-pulse]');
  if (strip) new MutationObserver(() => { if (!strip.hidden) noticed.shown ??= performance.now(); })
    .observe(strip, { attributes: true });
});
"""
"""Notes in the browser when it heard of the server, lost it and showed that: a test on a loaded machine asks later."""
SEVERITY_CONTRAST = """
() => {
  const draw = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const luminance = color => {
    draw.fillStyle = '#fff'; draw.fillRect(0, 0, 1, 1); draw.fillStyle = color; draw.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...draw.getImageData(0, 0, 1, 1).data].map(v => v / 255)
      .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  return [...document.querySelectorAll('.sev b')].map(b => {
    const colors = [getComputedStyle(b).color, getComputedStyle(b.parentElement).backgroundColor];
    const [text, ground] = colors.map(luminance);
    return (Math.max(text, ground) + .05) / (Math.min(text, ground) + .05);
  });
}
"""


async def integration(page: Page) -> str:
    """Return the address of the first integration, from the page after the first run."""
    command = await page.inner_text(".cmd code")
    return next(part for part in command.split() if part.startswith("http"))


async def heard_the_server(page: Page) -> None:
    """Return when the page, prepared with `NOTICE_LOSS`, got its first live event."""
    await until(lambda: page.evaluate("Boolean(noticed.heard)"), "the page hears the server")
    await expect(page.locator("[data-pulse]")).to_be_hidden()


async def open_pages(browser: Browser, server: Server, pages: int, **options: Any) -> Page:
    """Finish the first run and open pages PG-1 to PG-`pages`, each of a group of its own."""
    page = await (await browser.new_context(base_url=server.url, **options)).new_page()
    await first_run(page)
    address = await integration(page)
    async with httpx.AsyncClient(timeout=60) as http:
        for number in range(1, pages + 1):
            alert = {"title": f"alert {number}", "key": f"k{number}", "severity": "critical"}
            answer = await http.post(address, json={**alert, "labels": {"service": f"part-{number}"}})
            assert answer.is_success

    async def are_exhausted() -> bool:
        answer = await page.context.request.get("/api/v1/pages")
        return [each["state"] for each in await answer.json()] == ["exhausted"] * pages

    # no message of this installation can be delivered; exhausted, a page changes only by what people do
    await until(are_exhausted, "the pages are exhausted")
    return page


async def state_of(page: Page, ref: str) -> str:
    """Return the state of a page, read without this tab."""
    answer = await page.context.request.get(f"/pages/{ref}", headers={"X-Live": "1"})
    text = await answer.text()
    return text.split('<section class="state" data-state="')[1].split('"')[0]


async def _one_tap_away(page: Page, label: str) -> None:
    """Fail unless the dock shows this button now, large enough for a thumb."""
    button = page.locator(f"#dock .btn:has-text('{label}')")
    await expect(button).to_be_in_viewport(ratio=1)
    box = await button.bounding_box()
    assert box
    assert box["height"] >= 44, label


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_severity_can_be_read_wherever_it_is_shown(dsn: str, browser: Browser, scheme: str) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 1, color_scheme=scheme)
        for severity in range(4):
            await page.goto("/incidents/new")
            await page.fill("[name=title]", f"Search is slow {severity}")
            await page.select_option("[name=severity]", str(severity))
            await page.click("#go")
            await page.wait_for_url("**/incidents/INC-*")
        shown = ("/", "/pages", "/incidents", "/incidents/new")
        refs = await page.request.get("/pages?state=open")
        paged = {part.split('"')[0] for part in (await refs.text()).split('href="/pages/PG-')[1:]}
        rooms = [f"/incidents/INC-{number}" for number in range(1, 5)]
        for address in (*shown, *rooms, *(f"/pages/PG-{number}" for number in paged)):
            await page.goto(address)
            ratios = await page.evaluate(SEVERITY_CONTRAST)
            assert all(ratio >= 4.5 for ratio in ratios), (address, ratios)
            if address != "/pages/PG-1":
                assert ratios, address


async def test_j_and_k_select_and_a_acknowledges_the_selected_page_only(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 4)
        await page.goto("/pages")
        selected = page.locator(".pg[aria-current]")
        await expect(selected).to_have_attribute("href", "/pages/PG-4")
        await page.keyboard.press("j")
        await page.keyboard.press("a")
        await expect(page.locator("#pane .id").first).to_have_text("PG-3")
        await expect(page.locator("#pane .state")).to_have_attribute("data-state", "acked")
        # what is acknowledged moves below what is not, and stays selected
        await expect(page.locator(".pg").last).to_have_attribute("href", "/pages/PG-3")
        await expect(selected).to_have_attribute("href", "/pages/PG-3")
        for key in "kkja":
            await page.keyboard.press(key)
        await expect(page.locator("#pane .id").first).to_have_text("PG-1")
        await expect(page.locator("#pane .state")).to_have_attribute("data-state", "acked")
        await expect(selected).to_have_attribute("href", "/pages/PG-1")
        states = [await state_of(page, f"PG-{number}") for number in range(1, 5)]
        assert states == ["acked", "firing", "acked", "firing"]
        await page.keyboard.press("r")
        await expect(page.locator("#pane .state")).to_have_attribute("data-state", "resolved")
        await expect(page.locator("#pane .id").first).to_have_text("PG-1")
        states = [await state_of(page, f"PG-{number}") for number in range(1, 5)]
        assert states == ["resolved", "firing", "acked", "firing"]
        await page.keyboard.press("j")
        await page.keyboard.press("s")
        await expect(page.locator("#pane .menu")).to_have_attribute("open", "")
        await expect(selected).to_have_attribute("href", "/pages/PG-4")
        await expect(page.locator("#pane .id").first).to_have_text("PG-4")


async def test_a_page_that_arrives_never_takes_the_place_of_the_selected_one(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 1)
        address = await integration(page)
        await page.goto("/pages")
        await expect(page.locator("#pane .id").first).to_have_text("PG-1")
        async with httpx.AsyncClient(timeout=60) as http:
            await http.post(address, json={"title": "Another", "key": "z", "labels": {"service": "z"}})
        await page.locator(".pg:has-text('Another')").wait_for()
        await expect(page.locator(".pg[aria-current]")).to_have_attribute("href", "/pages/PG-1")
        await page.keyboard.press("a")
        await expect(page.locator("#pane .state")).to_have_attribute("data-state", "acked")
        assert [await state_of(page, "PG-1"), await state_of(page, "PG-2")] == ["acked", "firing"]


async def test_a_page_that_someone_else_resolves_asks_whether_it_was_actionable(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 1)
        await page.goto("/pages/PG-1")
        await expect(page.locator("#vote")).to_be_hidden()
        other = await page.context.new_page()
        await other.goto("/pages/PG-1")
        await press(other, "Resolve")
        await expect(page.locator("#vote button", has_text="Yes")).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False], ids=["script", "no script"])
async def test_on_a_phone_escalate_resolve_and_join_are_one_tap_away(
    dsn: str, browser: Browser, scripts: bool
) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 2, viewport=PHONE, java_script_enabled=scripts)
        await page.goto("/pages/PG-1")
        for label in ("Acknowledge", "Resolve", "Declare"):
            await _one_tap_away(page, label)
        if scripts:
            await sound(page)
        await page.click("#dock .btn:has-text('Resolve')")
        await expect(page.locator(".state")).to_have_attribute("data-state", "resolved")
        await page.goto("/pages/PG-2")
        await page.click("#dock .btn:has-text('Acknowledge')")
        await expect(page.locator(".state")).to_have_attribute("data-state", "acked")
        for label in ("Resolve", "Escalate", "Declare"):
            await _one_tap_away(page, label)
        await page.goto("/settings/people")
        await page.fill("[name=name]", "Jun Okafor")
        await page.fill("[name=email]", "jun@example.org")
        await page.click("button:text-is('Add person')")
        link = await page.inner_text(".cmd code")
        context = await browser.new_context(
            base_url=server.url,
            viewport=PHONE,
            java_script_enabled=scripts,
        )
        theirs = await context.new_page()
        await theirs.goto(link)
        await theirs.fill("[name=password]", "another quiet night")
        await theirs.click("button:has-text('Sign in')")
        await theirs.wait_for_url("**/")
        await theirs.goto("/pages/PG-2")
        for label in ("Join", "Escalate", "Resolve"):
            await _one_tap_away(theirs, label)
        await theirs.click("#dock .btn:has-text('Join')")
        await expect(theirs.locator(".state b").first).to_have_text("Mara Lindqvist, Jun Okafor")
        await expect(theirs.locator("#dock .btn:has-text('Join')")).to_have_count(0)
        await theirs.click("#dock .btn:has-text('Escalate')")
        await expect(theirs.locator(".state")).not_to_have_attribute("data-state", "acked")


async def test_an_acknowledgement_made_offline_is_kept_and_sent_when_the_connection_is_back(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 1, viewport=PHONE)
        await page.goto("/pages/PG-1")
        await page.evaluate("document.querySelector('.wrap').style.minHeight = '3000px'; scrollTo(0, 1200)")
        await page.context.set_offline(True)
        await expect(page.locator("#offline")).to_be_in_viewport(ratio=1)
        await press(page, "Acknowledge")
        await expect(page.locator("#dock .btn").first).to_have_text("Sending…")
        await expect(page.locator("#sending")).to_be_in_viewport(ratio=1)
        await expect(page.locator(".state")).to_have_attribute("data-state", "firing")
        await page.context.set_offline(False)
        await expect(page.locator(".state")).to_have_attribute("data-state", "acked")
        await expect(page.locator("#sending")).to_be_hidden()
        assert await state_of(page, "PG-1") == "acked"
        assert not await page.evaluate(
            "Object.keys(localStorage).filter(name => name.startsWith('ack ')).length"
        )


async def test_an_acknowledgement_survives_a_restart_of_the_server_and_a_reload(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 2)
        await page.add_init_script(NOTICE_LOSS)
        await page.goto("/pages/PG-1")
        await heard_the_server(page)
        await server.kill()
        await expect(page.locator("[data-pulse]")).to_be_visible()
        assert await page.evaluate("noticed.shown - noticed.lost") <= 3000
        await page.keyboard.press("a")
        await expect(page.locator("#acts .btn").first).to_have_text("Sending…")
        await expect(page.locator("#sending")).to_be_visible()
        await page.close()
        page = await page.context.new_page()
        async with started(dsn, FIREBELL_PORT=server.url.rpartition(":")[2]):
            await answers(f"{server.url}/livez")
            await page.goto("/pages/PG-2")
            await expect(page.locator("#sending")).to_be_hidden()

            async def acknowledged() -> bool:
                return await state_of(page, "PG-1") == "acked"

            await until(acknowledged, "PG-1 is acknowledged")
            assert await state_of(page, "PG-2") == "firing"


async def test_an_acknowledgement_waits_in_the_open_tab_while_the_server_restarts(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 1)
        await page.goto("/pages/PG-1")
        await server.kill()
        await press(page, "Acknowledge")
        await expect(page.locator("#sending")).to_be_visible()
        async with started(dsn, FIREBELL_PORT=server.url.rpartition(":")[2]):
            await expect(page.locator(".state")).to_have_attribute("data-state", "acked")
            await expect(page.locator("#sending")).to_be_hidden()


async def test_a_kept_acknowledgement_is_sent_by_its_own_person_only_and_can_be_cancelled(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 2)
        await page.goto("/")
        await page.evaluate(KEEP_ACK, ["/pages/PG-1/ack", "999", 0])
        await page.evaluate(KEEP_ACK, ["/pages/PG-2/ack", "1", 31 * 60000])
        await page.goto("/pages")
        await expect(page.locator("#sending")).to_be_visible()
        await sound(page)
        await page.click("#sending button:has-text('Cancel')")
        await expect(page.locator("#sending")).to_be_hidden()
        await page.goto("/pages")
        await expect(page.locator("#sending")).to_be_hidden()
        assert [await state_of(page, "PG-1"), await state_of(page, "PG-2")] == ["firing", "firing"]
        await page.evaluate(KEEP_ACK, ["/pages/PG-2/ack", "1", 31 * 60000])
        await page.goto("/pages")
        await page.click("#sending button:has-text('Send anyway')")
        await expect(page.locator("#sending")).to_be_hidden()

        async def is_acknowledged() -> bool:
            return await state_of(page, "PG-2") == "acked"

        await until(is_acknowledged, "the acknowledgment arrives")
        assert await state_of(page, "PG-1") == "firing"


async def test_a_menu_closes_on_escape_and_on_a_click_outside(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await open_pages(browser, server, 1)
        await page.goto("/pages/PG-1")
        menu = page.locator("#acts details.menu")
        await menu.locator("summary").click()
        await expect(menu).to_have_attribute("open", "")
        await page.keyboard.press("Escape")
        await expect(menu).not_to_have_attribute("open", "")
        await expect(menu.locator("summary")).to_be_focused()
        await menu.locator("summary").click()
        await page.click("h1")
        await expect(menu).not_to_have_attribute("open", "")


async def test_the_link_of_a_message_acknowledges_once_the_connection_is_back(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        clock.set(datetime.now(UTC))
        await w.alert()
        await w.settle()
        message = next(message for message in w.sink.got if message.get("ack_url"))
        async with serve(dsn) as server:
            page = await (await browser.new_context(base_url=server.url, viewport=PHONE)).new_page()
            await page.goto("/ack/" + message["ack_url"].rpartition("/")[2])
            await page.context.set_offline(True)
            await press(page, "Acknowledge")
            await expect(page.locator("main form button")).to_have_text("Sending…")
            await expect(page.locator("#sending")).to_be_in_viewport(ratio=1)
            await page.context.set_offline(False)
            await expect(page.locator(".state")).to_have_attribute("data-state", "acked")
            await expect(page.locator("#sending")).to_be_hidden()
        assert (await w.page()).state is PageState.ACKED
