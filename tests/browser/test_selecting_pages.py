"""Browser: rows are selected by mouse, by key and without scripts, and do not move meanwhile."""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from firebell.kit.clock import FakeClock
from firebell.paging.model import PageState
from tests.api.test_long_lists_on_the_web import storm
from tests.browser.conftest import look, sound
from tests.browser.test_long_lists import sign_in
from tests.servers import serve, until
from tests.world import World, world

pytestmark = pytest.mark.browser


async def checked(page: Page) -> list[str]:
    """Return the pages whose rows are selected."""
    selected: list[str] = await page.locator(".box:checked").evaluate_all("boxes => boxes.map(b => b.value)")
    return selected


async def rows(page: Page) -> list[str]:
    """Return the listed pages, in order."""
    return await page.locator("#list .pg .id").all_inner_texts()


async def acknowledged(w: World, *refs: str) -> None:
    """Return once these pages, and no others, are acknowledged."""

    async def only_these() -> bool:
        return [p.ref for p in await w.pages() if p.state is PageState.ACKED] == list(refs)

    await until(only_these, f"only {', '.join(refs)} are acknowledged")


async def test_keys_select_rows_which_no_live_update_moves(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        await storm(w, 4)
        async with serve(dsn) as server:
            page = await (await browser.new_context(base_url=server.url)).new_page()
            await sign_in(page)
            await page.goto("/pages")
            bar = page.locator("#bulk")
            await expect(bar).to_be_hidden()
            await page.keyboard.press("x")
            assert await checked(page) == ["PG-4"]
            await page.keyboard.press("j")
            await page.keyboard.press("j")
            await page.keyboard.press("Shift+X")
            assert await checked(page) == ["PG-4", "PG-3", "PG-2"]
            await expect(bar.get_by_role("status")).to_have_text("3 selected")
            await sound(page)
            await w.resolve(w.jun)
            await w.alert("newcomer", labels={"service": "newcomer"})
            # the tab counts are live: the update has come, and the list has not moved
            await w.alert("second", labels={"service": "second"})
            await expect(page.locator("#tabs [aria-current] .num")).to_have_text("5")
            assert await rows(page) == ["PG-4", "PG-3", "PG-2", "PG-1"]
            await page.keyboard.press("a")
            await expect(page.locator("#flash")).to_contain_text(re.compile("2 acknowledged.*PG-4"))
            await acknowledged(w, "PG-2", "PG-3")
            await page.keyboard.press("*")
            assert len(await checked(page)) == 5
            await page.keyboard.press("Escape")
            assert await checked(page) == []
            await expect(bar).to_be_hidden()


async def test_the_list_moves_again_when_nothing_is_selected(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        await storm(w, 2)
        async with serve(dsn) as server:
            page = await (await browser.new_context(base_url=server.url)).new_page()
            await sign_in(page)
            await page.goto("/pages")
            await page.keyboard.press("x")
            await w.alert("newcomer", labels={"service": "newcomer"})
            await expect(page.locator("#tabs [aria-current] .num")).to_have_text("3")
            assert await rows(page) == ["PG-2", "PG-1"]
            await page.keyboard.press("Escape")
            await expect(page.locator("#list .pg")).to_have_count(3)


async def test_a_phone_without_a_script_filters_and_acknowledges(
    dsn: str, clock: FakeClock, browser: Browser
) -> None:
    async with world(dsn, clock) as w:
        await storm(w, 3)
        async with serve(dsn) as server:
            context = await browser.new_context(
                base_url=server.url, viewport={"width": 390, "height": 844}, java_script_enabled=False
            )
            page = await context.new_page()
            await sign_in(page)
            await page.goto("/pages")
            await page.click(".flt summary")
            await page.fill("[name=service]", "checkout")
            await page.select_option("[name=urgency]", "high")
            await page.click("button:has-text('Apply filters')")
            await expect(page).to_have_url(re.compile(r"/pages\?state=open&service=checkout&urgency=high$"))
            target = await page.locator(".pick-row label").first.bounding_box()
            assert target
            assert min(target["width"], target["height"]) >= 44
            await page.check("[value=PG-3]")
            await page.check("[value=PG-1]")
            await page.click("#bulk button:has-text('Acknowledge')")
            await acknowledged(w, "PG-1", "PG-3")
            await expect(page).to_have_url(re.compile("service=checkout&urgency=high"))


@pytest.mark.parametrize("width", [390, 1440])
async def test_filtered_lists_are_sound(dsn: str, clock: FakeClock, browser: Browser, width: int) -> None:
    async with world(dsn, clock) as w:
        await storm(w, 105)
        async with w.ctx.db.tx() as tx:
            await tx.execute(
                """
                insert into incident (title, severity, max_severity, phase, detected_at, declared_at, severity_at,
                    update_due_at)
                values (repeat('Long words about search ', 8), 1, 1, 'mitigating', $1, $1, $1, $1)
                """,
                w.now,
            )
        async with serve(dsn) as server:
            context = await browser.new_context(base_url=server.url, viewport={"width": width, "height": 844})
            page = await context.new_page()
            await sign_in(page)
            for address in (
                "/pages?urgency=high&service=checkout&whose=my-teams",
                "/pages?select=all",
                "/pages?service=nowhere",
                "/incidents?severity=1&month=2026-11",
                "/incidents?q=nothing",
            ):
                await look(page, address)
