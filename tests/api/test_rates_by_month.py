"""Pay rates apply from a month on, over JSON, in the CSV file and on the web; and who may change past months."""

import csv
import io
import itertools
import re
from datetime import UTC, date, datetime
from typing import Any

import asyncpg

from firebell import event_subscriptions
from firebell.kit.clock import FakeClock
from firebell.kit.db import org_settings
from firebell.kit.db.database import Db
from firebell.kit.db.migrate import available, migrate
from firebell.workload import pay, rate_store
from tests.api.api_clients import TEST, Api, browser, organization

OLD = {"currency": "EUR", "weekday": "5", "night": "7.50", "weekend": "10", "per_shift": "100"}
NEW = {**OLD, "weekday": "50", "night": "75", "weekend": "100", "per_shift": "1000"}
RATES = "/reports/on-call/rates"
PASSWORD = "a quiet night please"
MARA = "Mara Lindqvist (test)"
"""Her key, by its name."""


async def total(api: Api, month: str) -> tuple[float, str | None]:
    """Return the total of a month, and from which month its rates apply."""
    report = await api("GET", "/reports/on-call", month=month)
    return sum(float(p["total"]) for p in report["people"]), report["rates_since"]


async def test_a_raise_changes_nothing_of_the_past(dsn: str, clock: FakeClock) -> None:
    """A change of rates today changed last year's pay."""
    async with organization(dsn, clock) as (_, api):
        assert await api("GET", RATES) == {
            "currency": "EUR",
            "weekday": "0",
            "night": "0",
            "weekend": "0",
            "holiday": "0",
            "per_shift": "0",
            "rest_hours": "4",
            "country": "",
            "subdivision": "",
            "since": None,
            "until": None,
            "set_at": None,
            "set_by": None,
        }
        first = await api("PUT", RATES, OLD)
        assert (first["since"], first["until"], first["set_by"]) == ("2026-11", None, MARA)
        clock.set(datetime(2027, 2, 20, tzinfo=UTC))
        before = {m: await total(api, m) for m in ("2026-11", "2026-12", "2027-01", "2027-02")}
        assert {since for _, since in before.values()} == {"2026-11"}
        raised = await api("PUT", RATES, NEW)
        assert (raised["since"], raised["weekday"]) == ("2027-02", "50")
        for month in ("2026-11", "2026-12", "2027-01"):
            assert await total(api, month) == before[month], month
        after, since = await total(api, "2027-02")
        assert (round(after, 2), since) == (round(10 * before["2027-02"][0], 2), "2027-02")
        assert (await api("GET", RATES, month="2027-01"))["until"] == "2027-02"
        assert (await api("GET", RATES, month="2026-10"))["since"] is None
        assert await total(api, "2026-10") == (0, None)
        text = (await api.answer("GET", "/reports/on-call.csv", month="2027-01")).text
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert {row["rates_since"] for row in rows} == {"2026-11"}


async def test_future_rates_are_set_ahead_and_equal_ones_change_nothing(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        await api("PUT", RATES, OLD)
        await api("PUT", RATES, {**NEW, "month": "2027-01"})
        assert (await api("GET", RATES))["until"] == "2027-01"
        assert (await api("GET", RATES, month="2027-01"))["weekday"] == "50"
        await api("PUT", RATES, {**OLD, "month": "2026-12"})
        assert [t["since"] for t in await api("GET", f"{RATES}/all")] == ["2027-01", "2026-11"]
        await api("PUT", RATES, {**OLD, "night": "8"})
        terms = await api("GET", f"{RATES}/all")
        assert [(t["since"], t["until"], t["night"], t["replaced"]) for t in terms] == [
            ("2027-01", None, "75", False),
            ("2026-11", "2027-01", "8", False),
            ("2026-11", "2026-11", "7.50", True),
        ]
        assert {t["set_by"] for t in terms} == {MARA}


async def test_changing_past_rates_needs_confirmation_and_is_audited(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        await api("PUT", RATES, OLD)
        clock.set(datetime(2027, 3, 2, tzinfo=UTC))
        await api("PUT", RATES, {**OLD, "night": "9", "month": "2027-02", "past": True})
        body = {**NEW, "month": "2026-12"}
        refused = await api("PUT", RATES, body, status=422)
        assert "would change the pay of 2026-12 to 2027-01, which may have been paid" in refused["detail"]
        assert [e["field"] for e in refused["errors"]] == ["past"]
        done = await api("PUT", RATES, {**body, "past": True})
        assert (done["since"], done["until"]) == ("2026-12", "2027-02")
        assert (await api("GET", RATES, month="2027-02"))["night"] == "9"
        assert (await api("GET", RATES, month="2026-11"))["night"] == "7.50"
        audit = [e["detail"] for e in await api("GET", "/audit") if e["action"] == "pay.rates"]
        assert [(d["month"], d.get("changed")) for d in audit] == [
            ("2026-12", "2026-12 to 2027-01"),
            ("2027-02", "2027-02"),
            ("2026-11", None),
        ]


async def test_what_is_wrong_with_rates_is_named(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):

        async def wrong(**more: Any) -> tuple[str, str]:
            (error,) = (await api("PUT", RATES, {**OLD, **more}, status=422))["errors"]
            return error["field"], error["message"]

        assert await wrong(month="11/2026") == ("month", "Enter a month such as 2026-11.")
        assert await wrong(month=202611) == ("month", "Enter a month such as 2026-11.")
        assert await wrong(month="1970-12") == ("month", "The first month is 1971-01.")
        assert await wrong(month="2200-01") == ("month", "The last month is 2199-12.")
        assert (await wrong(currency=""))[0] == "currency"
        assert await wrong(currency="E1R") == ("currency", "Enter a three-letter ISO 4217 code, such as EUR.")
        assert (await wrong(past="yes"))[0] == "past"
        assert await api("GET", f"{RATES}/all") == []
        refused = await api("GET", RATES, month="soon", status=422)
        assert refused["errors"] == [{"field": "month", "message": "Enter a month such as 2026-11."}]


async def test_the_page_sets_rates_from_a_month_on_and_lists_them(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _), browser(w) as http:
        await http.post("/login", data={"email": "mara@example.org", "password": PASSWORD})
        form = (await http.get("/oncall/pay/rates")).text
        assert 'name="month" type="month" value="2026-11"' in form
        assert 'name="past"' not in form
        token = re.search(r'name="csrf" value="([^"]+)"', form)
        assert token
        fields = {"csrf": token[1], **OLD}
        await http.post("/oncall/pay/rates", data={**fields, "month": "2026-11"})
        late = await http.post("/oncall/pay/rates", data={**fields, "night": "9", "month": "2026-01"})
        assert late.status_code == 422
        assert "would change the pay of 2026-01 to 2026-10" in late.text
        assert 'name="past" value="yes"' in late.text
        response = await http.post(
            "/oncall/pay/rates", data={**fields, "night": "9", "month": "2026-01", "past": "yes"}
        )
        assert response.headers["location"] == "/oncall/pay/rates?month=2026-01"
        page = (await http.get(response.headers["location"])).text
        assert "January 2026" in page.partition('id="flash"')[2].partition("</div>")[0]
        assert 'value="9"' in page
        assert page.index("Nov 2026</a>") < page.index("Jan 2026</a>")
        for month, message in (("soon", "Enter a month"), ("1970-01", "The first month is 1971-01.")):
            bad = await http.post("/oncall/pay/rates", data={**fields, "month": month})
            assert (bad.status_code, message in bad.text) == (422, True)
        pay = (await http.get("/oncall/pay?month=2026-11")).text
        assert "Rates effective from November 2026, set by Mara Lindqvist" in pay
        assert "No rates are set for this month." in (await http.get("/oncall/pay?month=2025-11")).text


async def test_rates_from_before_they_were_kept_by_month_hold_from_the_beginning(dsn: str) -> None:
    fresh = re.sub(r"/test_\d+\?", "/before_rates?", dsn)
    before = list(itertools.takewhile(lambda m: "create table pay_rates" not in m.sql, available()))
    admin = await asyncpg.connect(dsn)
    await admin.execute("create database before_rates")
    try:
        await migrate(fresh, before)
        db = await Db.connect(fresh, event_subscriptions.build())
        kept = {**OLD, "holiday": "0", "rest_hours": "4", "country": "SE", "subdivision": ""}
        async with db.tx() as tx:
            await org_settings.put(tx, "pay_rates", kept)
            await tx.audit(TEST, "pay.rates", "organization", datetime(2026, 5, 6, tzinfo=UTC), **kept)
        await migrate(fresh)
        async with db.tx() as tx:
            (dated_rates,) = await rate_store.rates(tx)
            assert await org_settings.get(tx, "pay_rates") is None
        await db.close()
    finally:
        await admin.execute("drop database before_rates with (force)")
        await admin.close()
    assert (dated_rates.month, dated_rates.set_at, dated_rates.set_by) == (
        date(1971, 1, 1),
        datetime(2026, 5, 6, tzinfo=UTC),
        "Test",
    )
    assert pay.to_json(dated_rates.rates) == kept
