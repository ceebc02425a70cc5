"""Debian's Chromium, and what every page must satisfy in it."""

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from http import HTTPStatus
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.async_api import Browser, BrowserContext, Page, Response, async_playwright, expect

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first takes half the processor time: it is the same engine without the windows of a desktop around it."""
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
HANGS_MS = 60_000
"""A guard against hanging on a loaded machine; a promise has a limit of its own."""
expect.set_options(timeout=HANGS_MS)
TEST_HANGS_S = 600
"""A guard for a whole test: what a script in a page is asked has no limit of its own."""
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
    # no rule of these needs the style sheets, which axe would parse again
    "preload": {"assets": ["media"]},
}
AUDIT = AXE_SCRIPT + Path(__file__).with_name("audit.js").read_text(encoding="utf-8")
_settled_looks, _open_looks = set[str](), set[str]()
"""How texts look whose contrast axe has settled in this process, and left open, as `audit.js` names them."""
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, Theme] = ("light", "dark")
Look = tuple[Theme, int]
"""A theme, and the width of the window in CSS pixels."""
PHONE_AND_DESK: tuple[Look, ...] = (("light", 390), ("dark", 1440))
ALL_LOOKS: tuple[Look, ...] = (("light", 390), ("light", 1440), ("dark", 1440), ("dark", 390))
FIRST_RUN = {
    "name": "Mara Lindqvist",
    "email": "mara@example.org",
    "password": "a quiet night please",
    "organization": "Kestrel",
    "team": "Payments",
    "service": "Checkout",
}


def limited(test: Callable[..., Awaitable[None]], limit_s: float) -> Callable[..., Awaitable[None]]:
    """Return a test that raises TimeoutError if it takes too long."""

    @wraps(test)
    async def run(*args: Any, **options: Any) -> None:
        async with asyncio.timeout(limit_s):
            await test(*args, **options)

    return run


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Let a test whose browser never answers fail alone, so that the other tests run."""
    if isinstance(item, pytest.Function) and asyncio.iscoroutinefunction(item.obj):
        item.obj = limited(item.obj, TEST_HANGS_S)


@pytest.fixture(scope="session")
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


@pytest.fixture
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
    await _load_audit(page)
    await _audit(page, layout=True)


async def _load_audit(page: Page) -> None:
    """Run `AUDIT` in a page that has not run it: half a megabyte, and what is compiled again is slow at first."""
    if not await page.evaluate("'audit' in globalThis"):
        await page.evaluate(AUDIT)


async def _audit(page: Page, *, layout: bool) -> None:
    """Fail as `sound` does, without `layout` for colors only; `AUDIT` was run in the page."""
    wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wide, f"{page.url} is wider than the screen"
    result = await page.evaluate(
        "([rules, layout, known]) => audit.inspect(rules, layout, JSON.parse(known))",
        # one string: of a list, each value is wrapped and copied separately on its way to the page
        [RULES, layout, json.dumps({"settled": [*_settled_looks], "open": [*_open_looks]})],
    )
    assert result["isSound"], f"{page.url}\n{AxeResults(result).generate_report()}"
    _settled_looks.update(result["settled"])
    _open_looks.update(result["open"])


async def look(page: Page, address: str) -> None:
    """Open a page and check it."""
    await page.goto(address)
    await sound(page)


async def looks(page: Page, address: str, wanted: tuple[Look, ...] = ALL_LOOKS) -> AsyncIterator[Look]:
    """Open a page once and check it in each theme and width; yield each of them while it is shown.

    Rules about anything but colors are checked once a width.
    """
    widths = set[int]()
    for scheme, width in wanted:
        # a transition would show colors between those of the two themes
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        await page.set_viewport_size({"width": width, "height": 900})
        if not widths:
            answer = await page.goto(address)
            assert answer
            assert answer.status < HTTPStatus.INTERNAL_SERVER_ERROR, address
            await _load_audit(page)
        await _audit(page, layout=width not in widths)
        widths.add(width)
        yield scheme, width


async def look_everywhere(page: Page, *addresses: str, wanted: tuple[Look, ...] = ALL_LOOKS) -> None:
    """Open each page once and check it in each theme and width."""
    for address in addresses:
        async for _ in looks(page, address, wanted):
            pass


async def set_up(page: Page, **more: str) -> None:
    """Answer the first form without showing it, which takes a tenth of the processor time; the page stays empty."""
    form = await (await page.context.request.get("/setup")).text()
    token = re.search(r'name="token" value="([^"]+)"', form)
    assert token
    answers: dict[str, str | float | bool] = {**FIRST_RUN, "tz": "UTC", "token": token[1], **more}
    answer = await page.context.request.post("/setup", form=answers, max_redirects=0)
    assert answer.status == HTTPStatus.SEE_OTHER


async def sign_in(page: Page, email: str, password: str) -> None:
    """Sign in without showing the form; the page stays empty."""
    form: dict[str, str | float | bool] = {"email": email, "password": password}
    answer = await page.context.request.post("/login", form=form, max_redirects=0)
    assert answer.status == HTTPStatus.SEE_OTHER


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
