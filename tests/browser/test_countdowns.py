"""Browser: a countdown never goes below zero, and a screen reader hears only its marks."""

import pytest
from playwright.async_api import Browser, expect

from tests.browser.conftest import set_up
from tests.rules.test_countdown import READS
from tests.servers import serve

pytestmark = pytest.mark.browser

SHOW = """
([left, label]) => {
  const at = Math.floor(Date.now() / 1000 + left);
  document.getElementById('main').innerHTML =
    `<p data-late><time role="timer" data-until="${at}" data-promise data-label="${label}"></time></p>`;
}
"""


async def test_the_script_and_the_server_write_the_same_countdowns(dsn: str, browser: Browser) -> None:
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await page.goto("/setup")
        lengths = [left for left, _, _ in READS]
        written = await page.evaluate(
            """async lengths => {
                const main = document.querySelector('script[type=module]').src;
                const { countdown } = await import(main.replace('main.js', 'countdowns.js'));
                return lengths.map(left => [countdown(left, false), countdown(left, true)]);
            }""",
            lengths,
        )
        assert [tuple(texts) for texts in written] == [(timer, promise) for _, timer, promise in READS]


async def test_a_screen_reader_hears_a_countdown_at_its_marks_and_not_every_second(
    dsn: str, browser: Browser
) -> None:
    async with serve(dsn) as server:
        page = await (await browser.new_context(base_url=server.url)).new_page()
        await set_up(page)
        await page.goto("/more")
        await page.evaluate(
            """() => {
                window.heard = [];
                new MutationObserver(() => heard.push(document.getElementById('announce').textContent))
                    .observe(document.getElementById('announce'), { childList: true });
            }"""
        )
        for number, (left, end) in enumerate([(302, "in 5 minutes"), (62, "in 1 minute"), (2, "overdue")]):
            label = f"Update {number}"
            await page.evaluate(SHOW, [left, label])
            await expect(page.locator("#announce")).to_have_text(f"{label} {end}")
        assert await page.evaluate("heard.length") == 3
        await expect(page.locator("#main time")).to_have_text("overdue 0:01")
        assert await page.get_attribute("#main p", "data-state") == "late"
