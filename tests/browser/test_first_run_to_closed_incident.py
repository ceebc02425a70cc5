"""Browser: a newcomer goes from setup to a closed incident, on a desktop and on a phone."""

import asyncpg
import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.conftest import first_run, look, look_everywhere, press, sound
from tests.servers import serve, until
from tests.world import sink

pytestmark = pytest.mark.browser

EVERYWHERE = (
    *(
        "/",
        "/pages",
        "/pages?state=resolved",
        "/incidents",
        "/incidents?state=closed",
        "/incidents/new",
        "/tasks?show=all",
    ),
    *("/oncall", "/oncall?view=day", "/oncall?view=month", "/oncall/payments-primary", "/oncall/me"),
    *("/oncall/new", "/escalation", "/escalation/payments", "/escalation/payments/edit", "/escalation/new"),
    "/service-map",
    *("/services", "/services/checkout", "/alerts", "/alerts/1", "/post-mortems", "/post-mortems/INC-1"),
    *(
        "/post-mortems/INC-1?edit=yes",
        "/incidents/INC-1/graph",
        "/settings",
        "/settings/contact",
        "/settings/keys",
    ),
    *(
        "/settings/people",
        "/settings/teams",
        "/settings/chat",
        "/settings/audit",
        "/settings/retention",
        "/more",
    ),
)


async def _declare(page: Page) -> None:
    """Answer the questions of the dialog, each of which appears when it is needed."""
    await press(page, "Declare")
    await page.locator("dialog #classify").wait_for()
    await expect(page.locator(".q-major_degraded")).to_be_hidden()
    for name, value in (("down_or_data_at_risk", "no"), ("major_degraded", "yes"), ("workaround", "yes")):
        await page.check(f"[name={name}][value={value}]")
    await expect(page.locator(".q-customers_impacted")).to_be_hidden()
    await page.check("[name=command]")
    await expect(page.locator("#go")).to_have_text("Declare SEV1")
    await sound(page)
    await page.click("#go")
    await page.wait_for_url("**/incidents/INC-1")


@pytest.mark.parametrize(("width", "height", "scheme"), [(1440, 1000, "light"), (390, 844, "dark")])
async def test_from_the_first_run_to_a_closed_incident(
    dsn: str, browser: Browser, width: int, height: int, scheme: str
) -> None:
    async with sink() as phone, serve(dsn) as server:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            base_url=server.url,
            color_scheme="dark" if scheme == "dark" else "light",
            timezone_id="Europe/Stockholm",
        )
        page = await context.new_page()
        faults: list[str] = []
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: faults.append(str(e)))

        await look(page, "/")
        await expect(page).to_have_url(f"{server.url}/setup")
        await expect(page.locator("[name=tz]")).to_have_value("Europe/Stockholm")
        await first_run(page, second_name="Jun Okafor", second_email="jun@example.org", webhook=phone.url)
        await sound(page)
        command = await page.inner_text(".cmd code")
        address = next(word for word in command.split() if word.startswith("http"))
        async with httpx.AsyncClient(timeout=60) as http:
            answer = await http.post(address, json={"title": "5xx above 5 %", "severity": "critical"})
        assert answer.status_code == 202
        await page.locator("#first [data-state=firing]").first.wait_for()

        async def paged() -> bool:
            return "5xx above 5 %" in [message["title"] for message in phone.got]

        await until(paged, "the phone is paged")
        await look(page, "/pages/PG-1")
        await press(page, "Acknowledge")
        await page.get_by_text("is on it").first.wait_for()

        await _declare(page)
        await press(page, "Start investigating")
        await page.locator(".life [aria-current]:has-text('Investigating')").wait_for()
        await press(page, "Record a mitigation")
        await page.keyboard.type("Rolled build 4812 back")
        await page.click(".composer button:has-text('Post')")
        await page.locator(".say:has-text('Rolled build 4812 back')").wait_for()
        await expect(page.locator("#feed .chip")).to_have_text("Mitigation")
        await press(page, "Move to Mitigating")
        await press(page, "Move to Monitoring")
        await page.locator(":visible:text('30 minutes of stability')").first.wait_for()
        await look(page, "/incidents/INC-1")

        # half an hour passes in the only place that measures it
        db = await asyncpg.connect(dsn)
        await db.execute("update incident set stable_since = stable_since - interval '31 minutes'")
        await db.close()
        await page.goto("/pages/PG-1")
        await press(page, "Resolve")
        await page.locator(".state[data-state=resolved]").first.wait_for()
        await page.goto("/incidents/INC-1/close")
        await page.locator("[data-condition=baseline] summary").click()
        await page.click("button:has-text('Confirm baseline')")
        await page.locator("[data-condition=baseline][data-state=ok]").wait_for()
        await page.goto("/incidents/INC-1")
        await page.locator(".btn:visible:has-text('Close')").last.click()
        await page.locator("details.ask[open] .btn.urgent").click()
        await page.locator(".life [aria-current]:has-text('Closed')").wait_for()

        async def drafted() -> bool:
            await page.goto("/post-mortems/INC-1")
            return await page.get_by_text("No post-mortem yet").count() == 0

        # a job drafts it after the incident is closed
        await until(drafted, "the post-mortem is drafted")
        await page.get_by_text("Rolled build 4812 back").first.wait_for()
        if scheme == "light":
            await look_everywhere(page, *EVERYWHERE, wanted=(("light", 1440), ("dark", 390)))
        assert faults == []
