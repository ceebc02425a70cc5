"""Browser: maintenance is previewed and scheduled, and another website shows the status of its page."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from firebell.kit.clock import FakeClock
from firebell.status_pages import actions as status_pages
from firebell.status_pages.maintenance import actions as maintenance
from firebell.status_pages.maintenance_windows.model import MaintenancePlan
from firebell.status_pages.model import PageVisibility
from tests.browser.conftest import Look, look_everywhere, looks, sign_in, sound
from tests.servers import serve
from tests.world import ANSWERS, World, world

pytestmark = pytest.mark.browser

NAME = "Upgrade of the database behind card payments and wallets"
OWN = "/status-pages/kestrel/maintenance"
LOOKS: tuple[Look, ...] = (("light", 390), ("dark", 1440))


async def _under_way(w: World) -> str:
    """Create a status page with maintenance under way, and return its public id."""
    mara = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        page = await status_pages.create_status_page(
            *(tx, mara),
            slug="kestrel",
            name="Kestrel",
            tz="Europe/Stockholm",
            visibility=PageVisibility.PUBLIC,
            component_of=[w.service],
            now=w.now,
        )
        plan = MaintenancePlan(NAME, "Short.", None, w.now + timedelta(hours=20), (1,))
        return (await maintenance.schedule_maintenance(tx, mara, page.id, plan, w.now)).public_id


async def _reads_everywhere(page: Page) -> None:
    """The public page at 320 px, without motion, with forced colors and on paper: states keep their shape."""
    async for _ in looks(page, "/s/kestrel", (("light", 320),)):
        assert await _styles(page, ".pub-h .btn", "transitionDuration", ("",)) == ["0s"]
        assert await page.evaluate("document.getAnimations().length") == 0
    states = ("", "maintenance", "degraded", "outage")
    for media in ("screen", "print"):
        await page.emulate_media(media="print" if media == "print" else "screen", forced_colors="active")
        _, _, *problems = heights = await _styles(page, ".days i:last-child", "height", states)
        assert (len(set(problems)), len(set(heights))) == (2, 3), "bars of problems differ by height"
        colors = await _styles(page, ".days i:last-child", "backgroundColor", states)
        assert len(set(colors)) > 1, "no forced color covers the bars"
    assert await _styles(page, ".days i:last-child", "printColorAdjust", ("",)) == ["exact"]
    assert not await page.locator("footer").is_visible()
    assert await page.locator(".hero h1").is_visible()
    await page.emulate_media(media="screen", forced_colors="none")


async def _styles(page: Page, selector: str, name: str, states: tuple[str, ...]) -> list[str]:
    """Return a computed style of an element in each of these states; an empty one leaves it as it is."""
    return [
        await page.locator(selector).first.evaluate(
            "(el, [state, name]) => { state && (el.dataset.state = state); return getComputedStyle(el)[name]; }",
            [state, name],
        )
        for state in states
    ]


async def test_maintenance_is_scheduled_and_shown_on_another_website(dsn: str, browser: Browser) -> None:
    # the served process reads the real clock
    async with world(dsn, FakeClock(datetime.now(UTC))) as w:
        public_id = await _under_way(w)
        async with serve(dsn) as server:
            context = await browser.new_context(base_url=server.url)
            page = await context.new_page()
            await sign_in(page, ANSWERS.email, ANSWERS.password)
            await page.goto(f"{OWN}/new")
            await page.fill("[name=name]", "Move to another data center")
            await page.fill("[name=body]", "{{services}} may pause on {{date}}.")
            await page.get_by_role("checkbox", name="Checkout").check()
            await page.select_option("[name=repeat]", "monthly")
            await page.click("button[name=preview]")
            await expect(page.locator("#preview")).to_contain_text("Checkout may pause on ")
            await sound(page)
            await page.click("button:not([name]):has-text('Schedule maintenance')")
            await page.wait_for_url("**/maintenance/*")
            await page.locator("summary:has-text('Postpone')").click()
            await sound(page)
            public = [f"/s/kestrel{path}" for path in ("", f"/maintenance/{public_id}", "/history", "/embed")]
            await look_everywhere(
                page, OWN, f"{OWN}/{public_id}", "/status-pages/kestrel/first-update", *public, wanted=LOOKS
            )

            await _reads_everywhere(page)

            other = await browser.new_page()
            script = f"{server.url}/s/kestrel/embed.js"
            await other.set_content(f'<p id="here">Status: <script async src="{script}"></script></p>')
            await expect(other.locator("#here a span")).to_have_text(f"Maintenance: {NAME}")
