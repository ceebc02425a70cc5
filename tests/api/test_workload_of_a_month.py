"""The workload of a month over JSON, as CSV and on the web: who may see what, and what is counted."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from firebell.oncall.model import Layer, OverrideKind, Unit
from firebell.oncall.schedules import actions as oncall
from firebell.people import actions as people
from tests.api.api_clients import TEST, browser, key_of, organization
from tests.stories.test_shift_notifications import team
from tests.world import World

RATES = {"currency": "EUR", "weekday": "5", "night": "7.50", "weekend": "10", "per_shift": "100"}
PASSWORD = "a quiet night please"


async def add(w: World, role: str, name: str = "Ada") -> int:
    """Add a person of a role."""
    async with w.ctx.db.tx() as tx:
        made = await people.create_person(
            *(tx, TEST),
            name=name,
            email=f"{role}@example.org",
            role=role,
            tz="Europe/Stockholm",
            password_hash=await people.hash_secret(PASSWORD),
            now=w.now,
        )
    return made.id


async def test_a_month_is_shared_called_and_paid(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await api("PUT", "/reports/on-call/rates", RATES)
        await w.alert("Disk full")
        await w.settle()
        clock.set(datetime(2026, 12, 2, tzinfo=UTC))
        report = await api("GET", "/reports/on-call", month="2026-11")
        assert report["currency"] == "EUR"
        assert [s["slug"] for s in report["schedules"]] == ["payments-primary", "payments-secondary"]
        mara = next(p for p in report["people"] if p["name"] == "Mara Lindqvist")
        assert mara["night_pages"] == 1
        assert mara["worst_night"] == 1
        assert {x["hour_class"] for x in mara["lines"]} == {"weekday", "night", "weekend", "holiday"}
        assert sum(float(x["hours"]) for x in mara["lines"]) == float(mara["hours"])
        assert (
            mara["total"] == f"{sum(float(x['amount']) for x in mara['lines']) + float(mara['stipend']):.2f}"
        )


async def test_the_csv_file_matches_the_report_and_runs_no_formula(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        evil = await add(w, "responder", '=HYPERLINK("http://evil","Ada")')
        async with w.ctx.db.tx() as tx:
            await oncall.create_override(
                *(tx, TEST),
                kind=OverrideKind.SET,
                schedule_id=1,
                users=[evil],
                start=w.now,
                end=w.now + timedelta(hours=1),
                reason="",
                now=w.now,
            )
        clock.advance(timedelta(hours=2))
        answer = await api.answer("GET", "/reports/on-call.csv", month="2026-11", bom="true")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="on-call-2026-11.csv"'
        assert answer.content.startswith(b"\xef\xbb\xbfmonth,")
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
        assert [r["hours"] for r in rows if r["person"] == '\'=HYPERLINK("http://evil","Ada")'] == ["1.00"]


async def test_what_others_are_paid_is_for_managers_and_admins(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        clock.advance(timedelta(days=3))
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        manager = api.with_key(await key_of(w.ctx.db, clock, await add(w, "manager")))
        assert [p["name"] for p in (await jun("GET", "/reports/on-call"))["people"]] == ["Jun Okafor"]
        assert len((await manager("GET", "/reports/on-call"))["people"]) == 2
        assert len((await jun("GET", "/reports/on-call"))["schedules"][0]["people"]) > 0
        await jun("GET", "/reports/on-call/rates", status=403)
        await jun("PUT", "/reports/on-call/rates", RATES, status=403)
        await manager("PUT", "/reports/on-call/rates", RATES)
        assert (await api("GET", "/reports/on-call/rates"))["night"] == "7.50"
        text = (await jun.answer("GET", "/reports/on-call.csv")).text
        assert "Mara" not in text
        assert "Jun" in text


async def test_a_rate_or_a_month_that_is_wrong_is_named(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        refused = await api("PUT", "/reports/on-call/rates", {"currency": "EUR", "night": "1e3"}, status=422)
        assert refused["errors"][0]["field"] == "night"
        refused = await api("GET", "/reports/on-call", month="2026-13", status=422)
        assert refused["errors"][0] == {"field": "month", "message": "Enter a month such as 2026-11."}


async def test_public_holidays_of_the_country_are_paid_as_such(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        await api("PUT", "/reports/on-call/rates", {**RATES, "holiday": "20", "country": "SE"})
        clock.set(datetime(2027, 1, 10, tzinfo=UTC))
        report = await api("GET", "/reports/on-call", month="2026-12")
        assert any(float(p["holiday_hours"]) >= 24 for p in report["people"])
        refused = await api(
            "PUT", "/reports/on-call/rates", {**RATES, "country": "XX", "holiday": "20"}, status=422
        )
        assert refused["errors"][0]["field"] == "country"


async def test_available_people_are_listed_least_loaded_first(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ada = await add(w, "responder")
        async with w.ctx.db.tx() as tx:
            await people.set_team_members(
                *(tx, TEST, 1), [(i, "member") for i in (w.mara, w.jun, ada)], w.now
            )
        path = "/schedules/payments-primary/free"
        span: dict[str, Any] = {"from": "2026-11-26T12:00:00Z", "to": "2026-11-26T18:00:00Z"}
        # Mara is primary and Jun secondary then
        assert [p["name"] for p in await api("GET", path, **span)] == ["Ada"]
        await api("GET", path, **{**span, "to": "2026-11-26T12:00:00Z"}, status=422)


async def test_the_pages_show_the_month_and_keep_the_rates(dsn: str, clock: FakeClock) -> None:
    async with team(dsn, clock) as t, browser(t.w) as http:
        await http.post("/login", data={"email": "mara@example.org", "password": PASSWORD})
        await t.until(t.w.now + timedelta(days=2))
        assert "No rates are set" in (await http.get("/oncall/pay")).text
        form = (await http.get("/oncall/pay/rates")).text
        token = re.search(r'name="csrf" value="([^"]+)"', form)
        assert token
        wrong = await http.post("/oncall/pay/rates", data={"csrf": token[1], **RATES, "night": "many"})
        assert wrong.status_code == 422
        assert 'value="many"' in wrong.text
        done = await http.post("/oncall/pay/rates", data={"csrf": token[1], **RATES})
        assert done.headers["location"] == "/oncall/pay/rates?month=2026-11"
        assert 'id="flash"' in (await http.get(done.headers["location"])).text
        shown = await http.get("/oncall/pay", params={"month": "2026-11"})
        assert "Mara Lindqvist" in shown.text
        assert "No rates are set" not in shown.text
        load = await http.get(
            "/oncall/load",
            params={"schedule": "weekly", "start": "2026-11-26T18:00", "end": "2026-11-26T22:00"},
        )
        assert "lightest workload" in load.text
        bad = await http.get("/oncall/load", params={"schedule": "weekly", "start": "x", "end": "y"})
        assert bad.status_code == 422
        assert (await http.get("/oncall/load", params={"month": "x"})).status_code == 422
        assert (await http.get("/oncall/load", params={"month": "2020-01"})).status_code == 200
        assert (await http.get("/oncall/pay.csv")).text.startswith("month,")


async def test_a_team_and_its_only_schedule_are_one_table(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await http.post("/login", data={"email": "mara@example.org", "password": PASSWORD})
        clock.set(datetime(2026, 11, 28, tzinfo=UTC))
        await api("POST", "/teams", {"name": "Search"}, status=201)
        layer = {"slots": [[w.jun]], "anchor": "2026-11-23T09:00", "tz": "UTC"}
        body = {"name": "Search rota", "team_id": 2, "tz": "UTC", "layers": [layer]}
        await api("POST", "/schedules", body, status=201)
        shown = (await http.get("/oncall/load")).text
        # Payments has two schedules, whose sum is worth a table
        assert [shown.count(f"<h2>{name}</h2>") for name in ("Payments", "Search", "Search rota")] == [
            1,
            0,
            1,
        ]


async def test_the_notice_before_a_shift_is_set_on_the_page_and_over_json(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await http.post("/login", data={"email": "mara@example.org", "password": PASSWORD})
        page = (await http.get("/oncall/handoffs")).text
        assert 'name="hours" type="text" value="24"' in page
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        assert token
        wrong = await http.post("/oncall/handoffs/notice", data={"csrf": token[1], "hours": "soon"})
        assert (wrong.status_code, 'value="soon"' in wrong.text) == (422, True)
        done = await http.post("/oncall/handoffs/notice", data={"csrf": token[1], "hours": "48"})
        assert done.status_code == 303
        assert await api("GET", "/handoffs/notice") == {"hours": 48}
        assert await api("PUT", "/handoffs/notice", {"hours": 12}) == {"hours": 12}
        await api("PUT", "/handoffs/notice", {"hours": 0}, status=422)
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        assert await jun("GET", "/handoffs/notice") == {"hours": 12}
        await jun("PUT", "/handoffs/notice", {"hours": 1}, status=403)


async def test_a_deleted_schedule_is_gone_but_its_past_is_still_paid(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        await http.post("/login", data={"email": "mara@example.org", "password": PASSWORD})
        await api("PUT", "/reports/on-call/rates", RATES)
        layer = {"slots": [[w.jun]], "anchor": "2026-11-24T00:00", "unit": "day", "tz": "UTC"}
        body = {"name": "Extra", "team_id": 1, "tz": "UTC", "layers": [layer]}
        await api("POST", "/schedules", body, status=201)
        edit: dict[str, Any] = {"kind": "set", "people": [str(w.mara)], "reason": "swapped by hand"}
        for start, end in (("25T00", "25T12"), ("26T00", "27T12"), ("28T00", "29T00")):
            times = {"start": f"2026-11-{start}:00:00Z", "end": f"2026-11-{end}:00:00Z"}
            await api("POST", "/schedules/extra/overrides", {**edit, **times}, status=201)
        feed = await api("POST", "/calendar-feeds", {"kind": "schedule", "schedule": "extra"}, status=201)
        ask = {"schedule": "extra", "start": "2026-11-30T00:00:00Z", "end": "2026-11-30T12:00:00Z"}
        await api("POST", "/covers", {**ask, "person": str(w.jun)}, status=201)
        await w.after(hours=1)
        clock.set(datetime(2026, 11, 26, 12, tzinfo=UTC))
        assert (await http.get(feed["url"])).status_code == 200
        await api("DELETE", "/schedules/extra", status=204)
        await api("GET", "/schedules/extra", status=404)
        await api("DELETE", "/schedules/extra", status=404)
        assert "extra" not in {s["slug"] for s in await api("GET", "/schedules")}
        assert await api("GET", "/covers") == []
        assert (await http.get(feed["url"])).status_code == 410
        for page in ("/oncall", "/oncall/me", "/oncall/handoffs", "/oncall/calendars", "/escalation"):
            shown = await http.get(page)
            assert (shown.status_code, "Extra" in shown.text) == (200, False), page
        with_it = {"name": "P", "team_id": 1, "levels": [{"targets": [{"kind": "schedule", "id": 3}]}]}
        refused = await api("POST", "/policies", with_it, status=422)
        assert refused["detail"] == "There is no schedule 3."
        await api("POST", "/schedules", body, status=201)

        clock.set(datetime(2026, 12, 2, tzinfo=UTC))
        await w.settle()
        await http.post("/login", data={"email": "mara@example.org", "password": PASSWORD})
        report = await api("GET", "/reports/on-call", month="2026-11")
        old = next(s for s in report["schedules"] if s["name"] == "Extra" and s["slug"] != "extra")
        hours = {row["name"]: float(row["hours"]) for row in old["people"]}
        # Jun: the 24th from 03:14, when it was created, and half of the 25th; Mara: the other half, and the 26th until
        # it was deleted
        assert hours == {"Jun Okafor": 32.77, "Mara Lindqvist": 24}
        assert (
            'deleted <time datetime="2026-11-26T12:00:00+00:00"'
            in (await http.get("/oncall/load?month=2026-11")).text
        )
        later = await api("GET", "/reports/on-call", month="2026-12")
        assert [s["slug"] for s in later["schedules"] if s["name"] == "Extra"] == ["extra"]


async def test_a_team_is_paid_for_its_hours_elsewhere_too(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await api("PUT", "/reports/on-call/rates", RATES)
        ada = await add(w, "responder")
        other = await api("POST", "/teams", {"name": "Search"}, status=201)
        rotation = {"slots": [[ada]], "anchor": "2026-11-01T00:00", "tz": "UTC"}
        payload = {"name": "Search", "team_id": other["id"], "tz": "UTC", "layers": [rotation]}
        await api("POST", "/schedules", payload, status=201)
        override = {"person": "mara@example.org", "start": "2026-11-26T00:00Z", "end": "2026-11-27T00:00Z"}
        await api("POST", "/schedules/search/overrides", override, status=201)
        clock.set(datetime(2026, 12, 2, tzinfo=UTC))
        whole = await api("GET", "/reports/on-call", month="2026-11")
        search = await api("GET", "/reports/on-call", month="2026-11", team="search")
        assert {p["name"] for p in whole["people"]} == {"Ada", "Mara Lindqvist", "Jun Okafor"}
        assert [s["slug"] for s in search["schedules"]] == ["search"]
        assert [t["slug"] for t in search["teams"]] == ["search"]
        of = {p["name"]: p for p in whole["people"]}
        assert {p["name"]: p["total"] for p in search["people"]} == {
            name: of[name]["total"] for name in ("Ada", "Mara Lindqvist")
        }
        csv_ = await api.answer("GET", "/reports/on-call.csv", month="2026-11", team="search")
        assert "Jun" not in csv_.text
        assert "Ada" in csv_.text
        await api("GET", "/reports/on-call", team="nothing", status=404)


async def test_a_large_organization_sees_its_month_a_team_at_a_time(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _):
        ada = await add(w, "responder")
        async with w.ctx.db.tx() as tx:
            search = await people.create_team(tx, TEST, name="Search", members=[(ada, "member")], now=w.now)
            for n in range(26):
                await oncall.create_schedule(
                    tx, TEST, name=f"S{n:02}", team_id=search.id, tz="UTC", layers=[], now=w.now
                )
        async with browser(w) as http:
            await http.post("/login", data={"email": "responder@example.org", "password": PASSWORD})
            own = (await http.get("/oncall/load")).text
            assert "S25" in own
            assert "<h2>Payments primary</h2>" not in own
            assert "<h2>Payments primary</h2>" in (await http.get("/oncall/load?team=payments")).text
            assert "CSV of all teams" in (await http.get("/oncall/pay?team=payments")).text
            assert (await http.get("/oncall/pay?team=nothing")).status_code == 404


async def test_bug_ones_own_pay_was_missing_where_another_team_is_shown(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _):
        ada = await add(w, "responder")
        layer = Layer(0, ((ada,),), datetime(2026, 11, 20), Unit.DAY, 1, "UTC")  # noqa: DTZ001 - wall time
        async with w.ctx.db.tx() as tx:
            first = await people.create_team(tx, TEST, name="A team", members=[(ada, "member")], now=w.now)
            for n in range(26):
                team_id = 1 if n == 0 else first.id
                await oncall.create_schedule(
                    tx, TEST, name=f"S{n:02}", team_id=team_id, tz="UTC", layers=[layer][n:], now=w.now
                )
        clock.advance(timedelta(days=2))
        async with browser(w) as http:
            await http.post("/login", data={"email": "responder@example.org", "password": PASSWORD})
            page = (await http.get("/oncall/pay")).text
            assert '<option value="a-team" selected>' in page
            assert "No hours this month" not in page
            assert '<th scope="row">Ada' in page
