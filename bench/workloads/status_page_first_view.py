"""W24: how soon a reader with a slow phone and a slow network sees a status page."""

import shutil

from playwright.async_api import Browser, CDPSession, async_playwright

from bench.load_runner import quantile
from bench.product import Product, product
from bench.result import Result, number
from bench.workloads.status_page_readers import SMALL, create_page, publish_incidents
from firebell.process import running
from firebell.settings import Settings

VIEWS = 9
SLOW_4G = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1.6 * 1024 * 1024 / 8,
    "uploadThroughput": 750 * 1024 / 8,
}
"""The "slow 4G" of Lighthouse: 150 ms, 1.6 Mbit/s down."""
CPU_SLOWDOWN = 4
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
_LARGEST_PAINT = """() => new Promise(resolve => {
  new PerformanceObserver(list => {
    const entries = list.getEntries();
    resolve(entries[entries.length - 1].startTime);
  }).observe({type: 'largest-contentful-paint', buffered: true});
})"""


async def first_view(factor: float) -> Result:
    """Open a page of six components with an empty cache in a throttled browser."""
    async with product() as it, async_playwright() as playwright:
        await _create_page(it)
        await it.start()
        program = next(filter(None, map(shutil.which, PROGRAMS)), None)
        browser = await playwright.chromium.launch(executable_path=program)
        views = [await _view(browser, f"{it.url}/s/small") for _ in range(max(3, int(VIEWS * factor)))]
        await browser.close()
    paints_ms, weight = [paint_ms for paint_ms, _ in views], max(weight for _, weight in views)
    median = quantile(paints_ms, 0.5)
    return Result(
        "W24",
        f"first view of a status page of {SMALL} components: headless Chromium, slow 4G, CPU {CPU_SLOWDOWN}x slower",
        f"largest contentful paint p50/slowest {number(median)}/{number(max(paints_ms))} ms;"
        f" {number(weight / 1000)} kB with styles, scripts and fonts",
        "-",
        (("paint p50 <= 800 ms", median <= 800), ("60 kB", weight <= 60_000)),
        () if weight else ("nothing was loaded",),
    )


async def _view(browser: Browser, url: str) -> tuple[float, int]:
    """Return the milliseconds until the largest paint, and the bytes that came over the network."""
    context = await browser.new_context(viewport={"width": 390, "height": 844})
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    received = _count_bytes(session)
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", SLOW_4G)
    await session.send("Emulation.setCPUThrottlingRate", {"rate": CPU_SLOWDOWN})
    await page.goto(url, wait_until="networkidle")
    paint_ms = float(await page.evaluate(_LARGEST_PAINT))
    await context.close()
    return paint_ms, sum(received)


def _count_bytes(session: CDPSession) -> list[int]:
    """Return the list to which the bytes of each response are added, headers included."""
    received: list[int] = []
    session.on("Network.loadingFinished", lambda event: received.append(int(event["encodedDataLength"])))
    return received


async def _create_page(it: Product) -> None:
    async with running(Settings(data=it.folder / "data", database_url=it.database_url)) as prepared:
        now = prepared.ctx.clock.now()
        async with prepared.ctx.db.tx() as tx:
            page = await create_page(tx, "small", SMALL, now)
            await publish_incidents(tx, page.id, now)
