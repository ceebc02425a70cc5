"""Files and lists can have names and addresses in any script, though headers hold only ASCII."""

from datetime import timedelta

import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.web.file_names import disposition
from firebell.oncall.model import OverrideKind
from firebell.oncall.schedules import actions as oncall
from firebell.people import actions as people
from tests.api.api_clients import TEST, browser, organization, sign_in
from tests.world import world


async def test_a_team_with_a_non_latin_name_can_download_its_review(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        async with w.ctx.db.tx() as tx:
            team = await people.create_team(
                tx, TEST, name="支付 Zahlungen", members=[(w.mara, "member")], now=w.now
            )
        await sign_in(w, http, w.mara)
        answer = await http.get("/metrics/review", params={"team": team.slug, "format": "md"})
        assert answer.status_code == 200
        header = answer.headers["content-disposition"]
        assert header.endswith("filename*=UTF-8''firebell-review-2026-Q3-%E6%94%AF%E4%BB%98-zahlungen.md")


async def test_a_list_at_a_non_latin_address_links_to_its_next_page(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        async with w.ctx.db.tx() as tx:
            schedule = await oncall.create_schedule(
                tx, TEST, name="支付", team_id=1, tz="UTC", layers=[], now=w.now
            )
            for hours in (1, 2):
                await oncall.create_override(
                    tx,
                    TEST,
                    schedule_id=schedule.id,
                    kind=OverrideKind.SET,
                    users=[w.mara],
                    start=w.now + timedelta(hours=hours),
                    end=w.now + timedelta(hours=hours + 1),
                    now=w.now,
                )
        first = await api.answer("GET", "/schedules/支付/overrides", limit=1)
        assert first.status_code == 200
        address = first.headers["link"].removeprefix("</api/v1").partition(">")[0]
        (second,) = await api("GET", address)
        assert second["id"] != first.json()[0]["id"]


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("on-call 2026-11.csv", 'attachment; filename="on-call 2026-11.csv"'),
        ('a"b\r\nX: y.md', "attachment; filename=\"a_b__X_ y.md\"; filename*=UTF-8''a%22b%0D%0AX%3A%20y.md"),
        ("платежи.patch", f"attachment; filename=\"{'_' * 7}.patch\"; filename*=UTF-8''"),
    ],
)
def test_a_header_holds_only_ascii(name: str, header: str) -> None:
    assert disposition(name).isascii()
    assert disposition(name).startswith(header)
