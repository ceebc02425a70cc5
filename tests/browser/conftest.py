"""Debian's Chromium, and what every page must satisfy in it."""

import shutil
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.async_api import Browser, BrowserContext, Page, Response, async_playwright, expect

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first takes half the processor time: it is the same engine without the windows of a desktop around it."""
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
HANGS_MS = 60_000
"""A guard against hanging on a loaded machine; a promise has a limit of its own."""
expect.set_options(timeout=HANGS_MS)
LEVELS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa")
BEST_PRACTICES = (
    *(
        "region",
        "heading-order",
        "page-has-heading-one",
        "empty-heading",
        "empty-table-header",
        "landmark-unique",
    ),
    *(
        "landmark-one-main",
        "landmark-no-duplicate-banner",
        "landmark-banner-is-top-level",
        "skip-link",
        "tabindex",
    ),
)
RULES = {
    "runOnly": {"type": "tag", "values": LEVELS},
    "rules": {rule: {"enabled": True} for rule in BEST_PRACTICES},
    "resultTypes": ["violations"],
}
FIRST_RUN = {
    "name": "Mara Lindqvist",
    "email": "mara@example.org",
    "password": "a quiet night please",
    "organisation": "Kestrel",
    "team": "Payments",
    "service": "Checkout",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder in one event loop, which the browser belongs to."""
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """A headless Chromium, started once because its start takes as long as a test."""
    assert CHROMIUM, "Chromium is missing: apt-get install chromium-headless-shell"
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"],
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(chromium: Browser, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Browser]:
    """The browser without a context; script errors and missing static files fail the test.

    A key is pressed once the scripts of the page have run: only then does anything listen to it.
    """
    errors: list[str] = []

    def missing_file(response: Response) -> None:
        if "/static/" in response.url and response.status == HTTPStatus.NOT_FOUND:
            errors.append(f"{response.url}: not found")

    def prepare(page: Page) -> None:
        page.set_default_timeout(HANGS_MS)
        press = page.keyboard.press

        async def press_after_scripts(key: str, **options: Any) -> None:
            await page.wait_for_load_state("domcontentloaded")
            await press(key, **options)

        monkeypatch.setattr(page.keyboard, "press", press_after_scripts)

    new_context, new_page = chromium.new_context, chromium.new_page

    async def listening_context(**options: Any) -> BrowserContext:
        context = await new_context(**options)
        context.on("weberror", lambda error: errors.append(f"{error.page and error.page.url}: {error.error}"))
        context.on("response", missing_file)
        context.on("page", prepare)
        return context

    async def listening_page(**options: Any) -> Page:
        page = await new_page(**options)
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        page.on("response", missing_file)
        prepare(page)
        return page

    monkeypatch.setattr(chromium, "new_context", listening_context)
    monkeypatch.setattr(chromium, "new_page", listening_page)
    yield chromium
    for context in chromium.contexts:
        await context.close()
    assert errors == [], "scripts of the product failed"


async def sound(page: Page) -> None:
    """Fail if the current page scrolls sideways, or breaks a rule of axe: WCAG A and AA, and `BEST_PRACTICES`."""
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide, f"{page.url} is wider than the screen"
    await page.evaluate(AXE_SCRIPT)
    # what passes is most of a result, and costs more to send than the rules do to run
    results = AxeResults(
        await page.evaluate("options => axe.run(options).then(({ violations }) => ({ violations }))", RULES)
    )
    assert results.violations_count == 0, f"{page.url}\n{results.generate_report()}"


async def look(page: Page, address: str) -> None:
    """Open a page and check it."""
    await page.goto(address)
    await sound(page)


async def first_run(page: Page, **more: str) -> None:
    """Answer the first form and wait for the page after it."""
    await page.goto("/setup")
    for name, value in {**FIRST_RUN, **more}.items():
        await page.fill(f"[name={name}]", value)
    await page.click("form[action='/setup'] button")
    await page.wait_for_url("**/setup/done*")


async def press(page: Page, label: str) -> None:
    """Click the visible button or link of this name."""
    await page.locator(f":is(button, a, summary):visible:has-text('{label}')").last.click()
