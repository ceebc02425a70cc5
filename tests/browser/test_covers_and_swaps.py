"""Browser: a rotation is edited with a preview, and two people arrange a cover and a swap."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page

from tests.browser.conftest import look, set_up, sound
from tests.servers import serve

pytestmark = pytest.mark.browser

JUN = "Jun Okafor"


@pytest.fixture
async def two(dsn: str, browser: Browser) -> AsyncIterator[tuple[Page, Page]]:
    """Mara, who installed it, and Jun, each in a browser of their own; Jun on a phone."""
    async with serve(dsn) as server:
        mara = await (await browser.new_context(base_url=server.url)).new_page()
        await mara.set_viewport_size({"width": 1440, "height": 1000})
        await set_up(mara)
        phone = await browser.new_context(base_url=server.url, viewport={"width": 390, "height": 844})
        jun = await phone.new_page()
        await _welcome(mara, jun)
        yield mara, jun


async def _welcome(admin: Page, colleague: Page) -> None:
    """Add Jun as the admin, and choose Jun's password, without showing the forms."""
    csrf = re.search(r'name="csrf" value="([^"]+)"', await _text(admin, "/settings/people"))
    assert csrf
    added = await admin.context.request.post(
        "/settings/people",
        form={"csrf": csrf[1], "name": JUN, "email": "jun@example.org", "role": "responder"},
    )
    link = re.search(r"http\S+/welcome/[^\s<&]+", await added.text())
    assert link
    chosen = await colleague.context.request.post(link[0], form={"password": "another quiet night"})
    assert chosen.ok
    await colleague.goto("/")
    await colleague.get_by_text("All clear").wait_for()


async def _text(page: Page, address: str) -> str:
    return await (await page.context.request.get(address)).text()


async def share(page: Page) -> None:
    """Put Jun on the primary rotation, with daily shifts."""
    await page.goto("/oncall/payments-primary/edit")
    await page.select_option("#s0-1", label=JUN)
    await page.select_option("[name=unit-0]", "day")
    await page.locator("#preview td", has_text=JUN).wait_for()


async def test_the_editor_previews_who_gains_before_saving(two: tuple[Page, Page]) -> None:
    mara, jun = two
    await share(mara)
    await sound(mara)
    hours = dict.fromkeys(["Mara Lindqvist", JUN], 0)
    for row in await mara.locator("#preview tbody tr").all():
        who, change = await row.locator("td").all_inner_texts()
        hours[who] = int(change)
    assert hours[JUN] > 900
    assert hours["Mara Lindqvist"] == -hours[JUN]
    await jun.goto("/oncall/payments-primary")
    assert "Jun" not in await jun.inner_text("#rota")

    await mara.click("button:text-is('Save changes')")
    await mara.wait_for_url("**/oncall/payments-primary")
    # on a Sunday, the first shift of Jun is in the next week
    await mara.goto("/oncall/payments-primary?view=month")
    await mara.locator(".lane.final .sh", has_text="Jun").first.wait_for()
    await look(jun, "/oncall/payments-primary")
    await look(jun, "/oncall/payments-primary/edit")


async def test_a_field_that_cannot_be_read_loses_nothing_else(two: tuple[Page, Page]) -> None:
    mara, _ = two
    await share(mara)
    await mara.fill("[name=every-0]", "often")
    await mara.get_by_text("Enter a whole number from 1 to 1000.").wait_for()
    await mara.click("button:text-is('Save changes')")
    await mara.locator("#e-every-0").wait_for()
    assert await mara.input_value("[name=unit-0]") == "day"
    assert await mara.locator("#s0-1 option:checked").inner_text() == JUN


async def test_quiet_hours_are_kept_and_given_up_beside_my_shifts(two: tuple[Page, Page]) -> None:
    _, jun = two
    await look(jun, "/oncall/me")
    await jun.fill("#quiet [name=ends]", "06:30")
    await jun.click("button:text-is('Turn on quiet hours')")
    await jun.locator("#quiet", has_text="22:00–06:30").wait_for()
    await jun.click("button:text-is('Turn off')")
    await jun.get_by_role("button", name="Turn on quiet hours").wait_for()


async def test_cover_is_requested_and_accepted(two: tuple[Page, Page]) -> None:
    mara, jun = two
    await share(mara)
    await mara.click("button:text-is('Save changes')")
    await mara.wait_for_url("**/oncall/payments-primary")
    await look(mara, "/oncall/me")
    shift = mara.locator("#shifts > div", has_text="Payments primary").last
    await shift.locator("summary", has_text="Cover").click()
    await shift.locator("[placeholder=Dentist]").fill("a wedding")
    await sound(mara)
    await shift.get_by_role("button", name="Request cover").click()
    await mara.locator("#given", has_text="Cover requested").wait_for()

    await look(jun, "/oncall/me")
    await jun.get_by_text("Mara Lindqvist requests cover").wait_for()
    await jun.get_by_text("a wedding").wait_for()
    await jun.get_by_role("button", name="Take shift").click()
    await jun.get_by_text("You’re covering for Mara Lindqvist").wait_for()
    await mara.locator("#given", has_text="Jun Okafor is covering for you").wait_for()


async def test_two_shifts_are_swapped(two: tuple[Page, Page]) -> None:
    mara, jun = two
    await share(mara)
    await mara.click("button:text-is('Save changes')")
    await jun.goto("/oncall/me")
    shift = jun.locator("#shifts > div", has_text="Payments primary").last
    await shift.locator("summary", has_text="Swap").click()
    await shift.get_by_role("button", name="Propose swap").click()
    await jun.get_by_text("Swap proposed to Mara Lindqvist").wait_for()
    await mara.goto("/oncall/me")
    await mara.get_by_text("Jun Okafor wants to swap with you").wait_for()
    await mara.get_by_role("button", name="Accept swap").click()
    await mara.goto("/oncall/payments-primary")
    await mara.get_by_text("Mara Lindqvist for Jun Okafor").wait_for()
    await sound(mara)


async def test_an_absence_requests_cover_automatically(two: tuple[Page, Page]) -> None:
    mara, jun = two
    await share(mara)
    await mara.click("button:text-is('Save changes')")
    await mara.goto("/oncall/me")
    await mara.fill("#away [name=start]", "2031-01-01T09:00")
    await mara.fill("#away [name=end]", "2031-01-01T08:00")
    await mara.get_by_role("button", name="Add time off").click()
    await mara.locator("#away #e-end[data-state=late]").wait_for()
    first = (
        await mara.locator("#shifts > div", has_text="Payments primary")
        .last.locator("input[name=start]")
        .first.input_value()
    )
    await mara.fill("#away [name=start]", first[:10] + "T00:00")
    await mara.fill("#away [name=end]", first[:10] + "T23:59")
    await mara.get_by_role("button", name="Add time off").click()
    await mara.locator("summary", has_text="Cancel time off").wait_for()
    await jun.goto("/oncall")
    await jun.get_by_text("Mara Lindqvist requests cover").first.wait_for()


async def test_dragging_over_the_result_row_fills_in_an_override(two: tuple[Page, Page]) -> None:
    mara, _ = two
    await mara.goto("/oncall/payments-primary?view=week")
    box = await mara.locator("[data-drag]").bounding_box()
    assert box
    y = box["y"] + box["height"] / 2
    await mara.mouse.move(box["x"] + box["width"] * 4 / 7, y)
    await mara.mouse.down()
    await mara.mouse.move(box["x"] + box["width"] * 5 / 7, y, steps=5)
    await mara.locator(".sel", has_text="00:00 to 00:00").wait_for()
    await mara.mouse.up()
    start, end = await mara.input_value("#f-start"), await mara.input_value("#f-end")
    assert start.endswith("T00:00")
    assert end.endswith("T00:00")
    assert end > start


async def test_on_a_phone_the_pager_is_taken_with_two_taps(two: tuple[Page, Page]) -> None:
    mara, jun = two
    await mara.goto("/oncall/payments-primary")
    await jun.goto("/oncall/payments-primary")
    await jun.locator("header a", has_text="Override").click()
    await jun.get_by_role("button", name="Create override").click()
    await jun.get_by_role("button", name="End now").wait_for()
    await jun.locator(".agenda .t", has_text=JUN).first.wait_for()
    await mara.locator(".lane.final .sh.ov").first.wait_for()


async def test_bug_the_forms_for_cover_and_swap_lay_outside_a_phone(two: tuple[Page, Page]) -> None:
    mara, jun = two
    await share(mara)
    await mara.click("button:text-is('Save changes')")
    await mara.wait_for_url("**/oncall/payments-primary")
    await jun.goto("/oncall/me")
    for label in ("Cover", "Swap"):
        shift = jun.locator("#shifts > div", has_text="Payments primary").last
        await shift.locator("summary", has_text=label).click()
        for field in await shift.locator(f"details:has-text('{label}') :is(input, select):visible").all():
            box = await field.bounding_box()
            assert box
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 390
        await sound(jun)
        await shift.locator("summary", has_text=label).click()


async def test_an_override_shows_what_it_would_change_while_it_is_filled_in(two: tuple[Page, Page]) -> None:
    mara, jun = two
    await mara.goto("/oncall/payments-primary")
    assert await mara.locator("#f-instead").is_hidden()
    await mara.select_option("#f-kind", "map")
    await mara.select_option("#f-person", label=JUN)
    await mara.select_option("#f-instead", label="Mara Lindqvist")
    await mara.fill("#f-start", "2031-01-01T09:00")
    assert await mara.locator("#f-end").is_hidden()
    await mara.select_option("#f-lasts", "")
    await mara.fill("#f-end", "2031-01-01T08:00")
    await mara.locator("#preview-override", has_text="The override ends before it starts.").wait_for()
    await mara.select_option("#f-kind", "add")
    assert await mara.locator("#f-instead").is_hidden()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date().isoformat()
    await mara.fill("#f-start", f"{tomorrow}T09:00")
    await mara.fill("#f-end", f"{tomorrow}T17:00")
    row = mara.locator("#preview-override tbody tr", has_text=JUN)
    await row.get_by_text("+8").wait_for()
    await sound(mara)
    await mara.click("#rotation summary")
    await mara.select_option("#f-who", label="Mara Lindqvist")
    await mara.select_option("#f-verb", "leave")
    assert await mara.locator("#f-turn").is_hidden()
    await mara.locator("#preview-rotation", has_text="Coverage gap").wait_for()
    await mara.click("#shadows summary")
    await sound(mara)
    await look(jun, "/oncall/payments-primary")
    await jun.click("#rotation summary")
    await jun.click("#shadows summary")
    await sound(jun)
