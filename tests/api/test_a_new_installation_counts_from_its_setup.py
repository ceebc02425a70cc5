"""A new schedule is counted and paid from its creation, and shows no gap before it."""

from datetime import UTC, datetime, timedelta

from firebell.kit.clock import FakeClock
from firebell.oncall.schedules import queries as oncall
from tests.api.api_clients import browser, organization, sign_in

WEDNESDAY = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)


async def test_no_one_is_paid_for_the_hours_before_firebell_was_set_up(dsn: str, clock: FakeClock) -> None:
    clock.set(WEDNESDAY)
    async with organization(dsn, clock) as (w, api):
        clock.advance(timedelta(hours=5))
        report = await api("GET", "/reports/on-call", month="2026-11")
        assert {person["name"]: person["hours"] for person in report["people"]} == {
            "Jun Okafor": "5.00",
            "Mara Lindqvist": "5.00",
        }
        async with browser(w) as http:
            await sign_in(w, http, w.mara)
            week = (await http.get("/oncall")).text
            assert 'class="sh ' in week
            assert 'class="gap ' not in week
            before = (await http.get("/oncall?at=2026-11-18T12:00")).text
            assert 'class="gap ' not in before


async def test_no_one_is_paid_for_the_days_before_a_schedule_was_created(dsn: str, clock: FakeClock) -> None:
    clock.set(WEDNESDAY)
    async with organization(dsn, clock) as (w, api):
        async with browser(w) as http:
            csrf = await sign_in(w, http, w.mara)
            form = {
                "csrf": csrf,
                "name": "Search",
                "team": "1",
                "tz": "UTC",
                "person": str(w.jun),
                "levels": "1",
                "unit": "week",
                # the form proposes the Monday of this week
                "anchor": "2026-11-23T09:00",
            }
            assert (await http.post("/oncall/new", data=form)).status_code == 303
        clock.advance(timedelta(hours=2))
        report = await api("GET", "/reports/on-call", month="2026-11")
        (search,) = [one for one in report["schedules"] if one["slug"] == "search"]
        assert [person["hours"] for person in search["people"]] == ["2.00"]
        async with w.ctx.db.tx() as tx:
            created = await oncall.by_slug(tx, "search")
        assert [layer.start for layer in created.layers] == [WEDNESDAY]
