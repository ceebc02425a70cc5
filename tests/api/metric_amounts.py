"""Parts of the story of metrics: customer minutes, and amounts of money."""

import re
from typing import Any

from firebell.kit.db.database import Tx
from firebell.kit.db.migrate import available
from tests.api.api_clients import Api, browser, sign_in
from tests.world import World


async def amounts_of_two_currencies_are_never_added(
    w: World, api: Api, jun: Api, cost: dict[str, Any]
) -> None:
    """Managers enter the business impact of an incident with its source, and only they see amounts."""
    (case,) = await api("GET", "/metrics/cost/cases")
    address, people = f"/incidents/{case['case']}", cost["amount"]
    given = {"amount": "12400.50", "currency": "chf", "source": "Finance, ledger of 24 Nov"}
    for wrong, fields in (
        ({"amount": "-1"}, {"amount"}),
        ({"amount": "NaN", "currency": "€"}, {"amount", "currency"}),
        ({"amount": "1000000000000.01"}, {"amount"}),
        ({"amount": "0.001"}, {"amount"}),
        ({"source": "    "}, {"source"}),
    ):
        refused = await api("PUT", f"{address}/business-impact", {**given, **wrong}, status=422)
        assert {e["field"] for e in refused["errors"]} == fields
    for method, path in (("GET", "cost"), ("PUT", "business-impact"), ("DELETE", "business-impact")):
        await jun(method, f"{address}/{path}", given if method == "PUT" else None, status=403)
    for _ in range(2):
        shown = await api("PUT", f"{address}/business-impact", given)
    assert (shown["business_impact"]["currency"], shown["people_cost"]["amount"]) == ("CHF", people)
    swiss = {"amount": "12400.50", "currency": "CHF"}
    assert shown["totals"] == [swiss, {"amount": people, "currency": "EUR"}]
    entries = [e for e in await api("GET", "/audit") if e["action"] == "incident.business_impact"]
    assert [(e["detail"]["amount"], e["detail"]["source"]) for e in entries] == [
        ("12400.50", given["source"])
    ]
    total = await api("GET", "/metrics-cost")
    assert (total["business_impact"], total["totals"]) == ([{**swiss, "incidents": 1}], shown["totals"])
    assert [(one["key"], one["amount"]) for one in total["by_service"]] == [("checkout", "12400.50")]
    quarter = await api("GET", "/metrics-review", quarter="2026-Q4")
    assert (quarter["cost"]["totals"], "12,400.50 CHF" in quarter["markdown"]) == (shown["totals"], True)
    everyone = await jun("GET", "/metrics-review", quarter="2026-Q4")
    assert (everyone["cost"], "CHF" in everyone["markdown"]) == (None, False)
    async with browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        wrong_form = {"csrf": csrf, "amount": "much", "currency": "EUR", "source": "Finance"}
        refused = await http.post(f"{address}/cost/business-impact", data=wrong_form)
        assert (refused.status_code, 'value="much"' in refused.text) == (422, True)
        assert "12,400.50" in (await http.get("/metrics/cost")).text
        emptied = {"csrf": csrf, "amount": "", "currency": "EUR", "source": ""}
        assert (await http.post(f"{address}/cost/business-impact", data=emptied)).status_code == 303
    assert (await api("GET", f"{address}/cost"))["business_impact"] is None
    await api("DELETE", f"{address}/business-impact", status=204)
    same = {**given, "currency": "EUR", "amount": "0.50"}
    (only,) = (await api("PUT", f"{address}/business-impact", same))["totals"]
    assert float(only["amount"]) == round(float(people) + 0.5, 2)


async def a_team_has_a_rate_of_its_own(w: World, api: Api, jun: Api, cost: dict[str, Any]) -> None:
    """Its hours cost its rate, in its currency; only managers see and change it."""
    (team,) = await api("GET", "/teams")
    address, rate = f"/metrics-cost/team-rates/{team['slug']}", {"per_hour": "120", "currency": "usd"}
    await jun("GET", "/metrics-cost/team-rates", status=403)
    await jun("PUT", address, rate, status=403)
    await jun("DELETE", address, status=403)
    await api("PUT", "/metrics-cost/team-rates/nothing", rate, status=404)
    await api("DELETE", "/metrics-cost/team-rates/nothing", status=404)
    for wrong in ({"per_hour": ""}, {"per_hour": "-1"}, {"currency": "€"}):
        refused = await api("PUT", address, {**rate, **wrong}, status=422)
        assert [e["field"] for e in refused["errors"]] == [*wrong]
    shown = {"team": team["slug"], "name": team["name"], "per_hour": "120", "currency": "USD"}
    assert await api("PUT", address, rate) == shown
    assert await api("GET", "/metrics-cost/team-rates") == [shown]

    (case,) = await api("GET", "/metrics/cost/cases")
    total = await api("GET", "/metrics-cost")
    (dollars,) = total["people_costs"]
    assert (dollars["currency"], float(dollars["amount"])) == ("USD", round(case["seconds"] / 30, 2))
    assert (total["amount"], total["per_hour"], total["hours"]) == (None, cost["per_hour"], cost["hours"])
    one = await api("GET", f"/incidents/{case['case']}/cost")
    assert (one["people_costs"], one["people_cost"], one["totals"]) == ([dollars], dollars, [dollars])
    quarter = await api("GET", "/metrics-review", quarter="2026-Q4")
    assert quarter["cost"]["totals"] == [dollars]
    await _an_upgrade_computes_whose_time_it_was(w, api)

    async with browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        assert "120 USD" in (await http.get("/metrics/cost")).text
        assert "USD" in (await http.get(f"/incidents/{case['case']}/cost")).text
        form = {"csrf": csrf, "team": team["slug"], "per_hour": "much", "currency": "USD"}
        refused = await http.post("/metrics/cost/team-rates", data=form)
        assert (refused.status_code, refused.text.count('value="much"')) == (422, 1)
        saved = await http.post("/metrics/cost/team-rates", data={**form, "per_hour": "130.50"})
        assert (saved.status_code, saved.headers["location"]) == (303, "/metrics/cost#team-rates")
        assert "130.50 USD" in (await http.get("/metrics/cost")).text
        assert (await http.post("/metrics/cost/team-rates", data={**form, "per_hour": ""})).status_code == 303
    assert await api("GET", "/metrics-cost/team-rates") == []
    await api("DELETE", address, status=204)
    assert await api("GET", "/metrics-cost") == cost
    entries = [e["detail"] for e in await api("GET", "/audit") if e["action"] == "metrics.team_cost_rate"]
    assert [(e["per_hour"], e["before"]) for e in entries] == [
        *(("", "130.50 USD"), ("130.50", "120 USD"), ("120", ""))
    ]


async def upgrade_to_team_rates(tx: Tx) -> None:
    """Remove the time of each person and start to compute it, as the migration of a database without it does."""
    (migration,) = [one for one in available() if one.name == "team_cost_rates"]
    await tx.execute("delete from incident_fact_person")
    await tx.execute(migration.sql[migration.sql.index("update metric_progress") :])


async def _an_upgrade_computes_whose_time_it_was(w: World, api: Api) -> None:
    """Facts from before the migration have no people; once it ran, they are computed again, and nothing drifted."""
    total = await api("GET", "/metrics-cost")
    async with w.ctx.db.tx() as tx:
        people = await tx.fetch("select * from incident_fact_person order by incident_id, person_id")
        assert people
        await upgrade_to_team_rates(tx)
    between = await api("GET", "/metrics-cost")
    assert ([one["currency"] for one in between["people_costs"]], between["hours"]) == (
        ["EUR"],
        total["hours"],
    )
    drifted = (await api("GET", "/metrics-progress"))["drifted"]
    await w.after(minutes=2)
    async with w.ctx.db.tx() as tx:
        assert await tx.fetch("select * from incident_fact_person order by incident_id, person_id") == people
    assert await api("GET", "/metrics-cost") == total
    assert (await api("GET", "/metrics-progress"))["drifted"] == drifted


async def customer_minutes_need_a_number_of_customers(w: World, api: Api, incident_id: int) -> None:
    """An incident counts from the minute in which someone records how many customers it affected."""
    ref, address = f"INC-{incident_id}", "/metrics/customer-minutes"
    unknown = await api("GET", address)
    assert (unknown["n"], unknown["customer_minutes"], unknown["excluded"]) == (0, 0, {"no_customers": 1})
    for wrong in (-1, 10_000_000_001, "many", 1.5):
        refused = await api("PATCH", f"/incidents/{ref}/final-facts", {"customers": wrong}, status=422)
        assert refused["errors"][0]["field"] == "customers"
    shown = await api("PATCH", f"/incidents/{ref}/final-facts", {"customers": 4_900})
    assert shown["customers"] == 4_900
    await w.after(minutes=2)
    figures = await api("GET", address)
    (case,) = await api("GET", f"{address}/cases")
    assert (case["case"], case["customers"], case["counts"]) == (ref, 4_900, True)
    assert case["customer_minutes"] == round(4_900 * case["seconds"] / 60) > 0
    assert (figures["n"], figures["customer_minutes"]) == (1, case["customer_minutes"])
    assert sum(row["customer_minutes"] for row in figures["table"]) == figures["customer_minutes"]
    (split,) = await api("GET", "/metrics-explore", metric="customer-minutes", by="service")
    assert split["customer_minutes"] == figures["customer_minutes"]
    assert (await api("GET", address, severity="3"))["n"] == 0
    await _the_home_says_nothing_of_a_period_without_counts(w)
    await api("PATCH", f"/incidents/{ref}/final-facts", {"customers": None})
    await w.after(minutes=2)
    assert (await api("GET", address))["excluded"] == {"no_customers": 1}
    await _only_numbers_that_count_are_asked_for(w, incident_id)
    await api("PATCH", f"/incidents/{ref}/final-facts", {"customers": 10_000_000_000})
    await w.after(minutes=2)


async def _the_home_says_nothing_of_a_period_without_counts(w: World) -> None:
    """No incident of the period before has a number, so it lost an unknown time and not 0 minutes."""
    async with browser(w) as http:
        await sign_in(w, http, w.mara)
        home = (await http.get("/metrics")).text
    shown = re.search(r'<a href="/metrics/customer-minutes[^"]*">(.*?)</a>', home, re.DOTALL)
    assert shown
    assert ("was 0" in shown[1], "1 incident" in shown[1]) == (False, True)


async def _only_numbers_that_count_are_asked_for(w: World, incident_id: int) -> None:
    """A dismissed incident counts nowhere, so its list does not ask for its number of customers."""
    record = f"/incidents/INC-{incident_id}/close#facts"
    async with browser(w) as http:
        await sign_in(w, http, w.mara)
        assert record in (await http.get("/metrics/customer-minutes")).text
        for reason in ("dismissed", None):
            async with w.ctx.db.tx() as tx:
                await tx.execute("update incident_fact set excluded = $1 where id = $2", reason, incident_id)
            page = (await http.get("/metrics/customer-minutes")).text
            assert (record in page) is (reason is None)
