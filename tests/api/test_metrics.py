"""Metrics as people use them: from the alert to the number, its cases, files and the answer about a page."""

import csv
import io
import re
from datetime import timedelta
from urllib.parse import urlencode

import httpx
import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, IncidentType, Phase
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from firebell.metrics.definitions import DEFINITIONS
from firebell.metrics.dimensions import dimensions_of, split_metrics
from firebell.metrics.facts import projection
from firebell.metrics.facts import store as fact_store
from firebell.paging import actions as paging
from firebell.people.model import Role
from tests.api.api_clients import Api, browser, key_of, organization, sign_in
from tests.api.metric_amounts import (
    a_team_has_a_rate_of_its_own,
    amounts_of_two_currencies_are_never_added,
    customer_minutes_need_a_number_of_customers,
)
from tests.world import World


async def _past_incident(w: World) -> int:
    """Live through a page that is acknowledged after two minutes, and its incident, resolved after an hour."""
    mara = await w.actor(w.mara)
    await w.alert("Checkout fails", labels={"alertname": "CheckoutErrors"})
    await w.settle()
    await w.after(minutes=2)
    page = await w.page()
    async with w.ctx.db.tx() as tx:
        await paging.ack(tx, mara, page.id, w.now)
        one = await incidents.declare(
            tx,
            mara,
            title="Checkout is down",
            severity=1,
            service_ids=[w.service],
            page_id=page.id,
            now=w.now,
        )
        await incidents.take_role(tx, mara, one.id, IncidentRole.COMMANDER, w.mara, w.now)
        await incidents.set_phase(tx, mara, one.id, Phase.INVESTIGATING, w.now)
    await w.after(minutes=58)
    async with w.ctx.db.tx() as tx:
        await incidents.add_entry(tx, mara, one.id, "mitigation", "Rolled back.", w.now)
        await incidents.set_phase(tx, mara, one.id, Phase.MONITORING, w.now)
    await w.alert("Checkout fails", status="resolved", labels={"alertname": "CheckoutErrors"})
    await w.after(minutes=40)
    async with w.ctx.db.tx() as tx:
        await incidents.sign_baseline(tx, mara, one.id, "All graphs look normal", w.now)
        for page_id in await incidents.page_ids(tx, one.id):
            if (await paging.page(tx, page_id)).state != "resolved":
                await paging.resolve(tx, mara, page_id, w.now)
        await incidents.set_phase(tx, mara, one.id, Phase.CLOSED, w.now)
    await w.after(minutes=2)
    return one.id


async def test_from_the_alert_to_the_number(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        incident_id = await _past_incident(w)
        resolve = await api("GET", "/metrics/resolve", severity="1")
        assert (resolve["n"], resolve["longest_s"], resolve["sample"]) == (1, 3600, "too_few")
        # one case is no median, but it is within the target or not
        assert (resolve["median_s"], resolve["within_target"], resolve["result"]) == (None, 1, "too_few")
        acknowledge = await api("GET", "/metrics/acknowledge")
        (shown,) = [
            c for c in await api("GET", "/metrics/acknowledge/cases") if c["title"] == "Checkout fails"
        ]
        assert (shown["seconds"], shown["severity"], shown["counts"]) == (120, 1, True)
        assert acknowledge["n"] == len(
            [c for c in await api("GET", "/metrics/acknowledge/cases") if c["counts"]]
        )
        impact = await api("GET", "/metrics/impact")
        assert [row["service"] for row in impact["table"]] == ["checkout"]
        rules = (await api("GET", "/metrics/noise"))["table"]
        assert rules[0]["rule"] == "CheckoutErrors"

        await _splits_agree(api)
        await _messages_are_on_time(w, api)
        await _files_agree(api, incident_id)
        await _bad_input_is_refused(api)
        await _a_page_is_judged(w, api, shown["case"])
        await _facts_are_rebuilt_and_compared(w, api)
        await _cost_is_for_managers(w, api)
        await customer_minutes_need_a_number_of_customers(w, api, incident_id)
        await _what_became_of_it(w, api, incident_id)
        await _every_screen_opens(w, incident_id)
        await _a_quarter_is_reviewed(w, api)
        await _the_week_is_in_the_digest(w, api)
        await _a_private_incident_is_in_no_number(w, api)


async def _the_week_is_in_the_digest(w: World, api: Api) -> None:
    """The digest of this week counts the same incident and page, of the organization and of its team."""
    for team in ("", "payments"):
        week = await api("GET", "/digests", week="2026-W48", team=team)
        counts = {one["id"]: one["count"] for one in week["sections"]}
        assert (counts["incidents"], week["team"], week["is_quiet"]) == (1, team or None, False)
        rules = next(one for one in week["sections"] if one["id"] == "pages")
        assert rules["lines"][0]["text"].startswith("CheckoutErrors: 1 page")
        assert ("runbooks" in counts) != bool(team)
    assert (await api("GET", "/digests", week="2020-W01"))["sections"][0]["id"] != "incidents"
    await api("GET", "/digests", week="2026-W60", status=422)
    await api("GET", "/digests", team="nobody", status=404)
    jun = api.with_key(await key_of(w.ctx.db, w.clock, w.jun))
    await jun("PUT", "/digests/teams/payments", {"on": True}, status=403)
    await api("PUT", "/digests/teams/payments", {"on": True})
    listed = (await jun("GET", "/digests/choices"))["digests"]
    assert [(one["team"], one["on"]) for one in listed] == [(None, False), ("payments", True)]
    listed = (await jun("PUT", "/digests/choices", {"team": "payments", "on": False}))["digests"]
    assert [one["on"] for one in listed] == [False, False]
    await jun("PUT", "/digests/choices", {"team": "nobody", "on": True}, status=404)


async def _messages_are_on_time(w: World, api: Api) -> None:
    """A message is late by the time at which it was first due, whatever a retry has set."""
    on_time = await api("GET", "/metrics/delivery")
    assert on_time["hits"] == on_time["n"] > 0
    ((channel, n),) = {(row["channel"], row["messages"]) for row in on_time["table"]}
    assert (channel, n) == ("webhook", on_time["n"])
    async with w.ctx.db.tx() as tx:
        await tx.execute("update delivery set first_send_at = send_at - interval '31 s'")
    late = await api("GET", "/metrics/delivery")
    assert (late["hits"], late["n"], late["table"][0]["p99_s"]) == (0, n, None)


async def _splits_agree(api: Api) -> None:
    """Each metric splits by each of its dimensions, and the groups hold what the metric has."""
    for slug, what in split_metrics().items():
        whole = await api("GET", f"/metrics/{slug}")
        for by in dimensions_of(what):
            groups = await api("GET", "/metrics-explore", metric=slug, by=by)
            if slug == "actions":
                continue
            # an incident with several services counts in each
            assert sum(each["n"] for each in groups) >= whole["n"], (slug, by)
            if slug != "nights" and by in ("severity", "month", "type", "rule", "weekday"):
                assert sum(each["n"] for each in groups) == whole["n"], (slug, by)
                assert sum(each["hits"] or 0 for each in groups) == (whole["hits"] or 0)
                assert sum(each["left_out"] for each in groups) == whole["left_out"]
    (service,) = await api("GET", "/metrics-explore", metric="resolve", by="service", severity="1")
    assert (service["key"], service["longest_s"], service["within_target"]) == ("checkout", 3600, 1)
    (only,) = await api("GET", "/metrics-explore", metric="noise", by="service", service="checkout")
    assert only["key"] == "checkout"
    assert {each["key"] for each in await api("GET", "/metrics-explore", metric="noise", by="rule")} >= {
        "CheckoutErrors"
    }
    refused = await api("GET", "/metrics-explore", metric="resolve", by="rule", status=422)
    assert [e["field"] for e in refused["errors"]] == ["by"]
    impact = await api("GET", "/metrics-explore", metric="impact", by="month")
    assert sum(each["total_s"] for each in impact) == (await api("GET", "/metrics/impact"))["total_s"]
    await api("GET", "/metrics-explore", metric="delivery", by="service", status=422)
    await api("GET", "/metrics-explore", metric="mttr", by="service", status=404)


async def _files_agree(api: Api, incident_id: int) -> None:
    """The list, the CSV and the JSON of a metric carry the same numbers."""
    listed = await api("GET", "/metrics")
    assert [one["metric"] for one in listed] == list(DEFINITIONS)
    text = (await api.answer("GET", "/metrics.csv")).text
    rows = list(csv.DictReader(io.StringIO(text)))
    for one, row in zip(listed, rows, strict=True):
        assert row == {name: "" if value is None else str(value) for name, value in one.items()}
    cases = list(csv.DictReader(io.StringIO((await api.answer("GET", "/metrics/resolve/cases.csv")).text)))
    assert [(c["case"], c["seconds"]) for c in cases] == [(f"INC-{incident_id}", "3600")]


async def _bad_input_is_refused(api: Api) -> None:
    for query, status, field in (
        ({"period": "200y"}, 422, "period"),
        ({"from": "2026-11-02", "to": "2026-11-01"}, 422, "to"),
        ({"from": "1800-01-01"}, 422, "from"),
        ({"from": "yesterday"}, 422, "from"),
        ({"severity": "9"}, 422, "severity"),
        ({"type": "fire"}, 422, "type"),
        ({"team": "nobody"}, 404, ""),
        ({"service": "nothing"}, 404, ""),
    ):
        problem = await api("GET", f"/metrics/resolve?{urlencode(query)}", status=status)
        if field:
            assert field in str(problem), query
    await api("GET", "/metrics/mttr", status=404)
    # before the first data there is nothing, and that is not an error
    past = await api("GET", "/metrics/resolve?from=2001-01-01&to=2001-12-31")
    assert (past["n"], past["sample"], past["result"]) == (0, "none", "none")
    # ten years, of which the first month is drawn from its first day
    assert (await api("GET", "/metrics/resolve?from=2006-11-20&to=2016-11-26"))["n"] == 0


async def _a_page_is_judged(w: World, api: Api, ref: str) -> None:
    """The majority says what is noise, a tie is actionable, and each answers once."""
    assert (await api("GET", f"/pages/{ref}/vote"))["mine"] is None
    await api("PUT", f"/pages/{ref}/vote", {"actionable": False})
    votes = await api("PUT", f"/pages/{ref}/vote", {"actionable": False})
    assert votes == {"actionable": 0, "not_actionable": 1, "mine": False}
    await w.after(minutes=2)
    assert (await api("GET", "/metrics/noise"))["hits"] >= 1
    jun = api.with_key(await key_of(w.ctx.db, w.clock, w.jun))
    await jun("PUT", f"/pages/{ref}/vote", {"actionable": True})
    await w.after(minutes=2)
    assert (await api("GET", "/metrics/noise"))["hits"] == 0
    async with w.ctx.db.tx() as tx:
        voted = await tx.fetch("select detail from audit where action = 'page.voted'")
    assert [row["detail"] for row in voted] == [{}, {}]
    await api("PUT", "/pages/PG-999/vote", {"actionable": True}, status=404)


async def _facts_are_rebuilt_and_compared(w: World, api: Api) -> None:
    """Rebuilt facts equal the followed ones; a fact that drifted is fixed within a day."""
    async with w.ctx.db.tx() as tx:
        before = [tuple(row) for row in await tx.fetch("select * from page_fact order by id")]
        facts = [tuple(row) for row in await tx.fetch("select * from incident_fact order by id")]
        await tx.execute("delete from page_fact")
        await tx.execute("delete from incident_fact")
    await api("POST", "/metrics-rebuild", status=202)
    await w.after(minutes=2)
    async with w.ctx.db.tx() as tx:
        assert [tuple(row) for row in await tx.fetch("select * from page_fact order by id")] == before
        assert [tuple(row) for row in await tx.fetch("select * from incident_fact order by id")] == facts
    # what was written in the last ten minutes is read again anyway
    await w.after(minutes=15)
    async with w.ctx.db.tx() as tx:
        await tx.execute("update incident_fact set resolve_s = 1")
    assert (await api("GET", "/metrics-progress"))["drifted"] == 0
    await w.after(hours=25)
    progress = await api("GET", "/metrics-progress")
    assert progress["drifted"] == len(facts)
    assert progress["drifted_at"]
    async with w.ctx.db.tx() as tx:
        assert [tuple(row) for row in await tx.fetch("select * from incident_fact order by id")] == facts


async def _cost_is_for_managers(w: World, api: Api) -> None:
    jun = api.with_key(await key_of(w.ctx.db, w.clock, w.jun))
    await api("PUT", "/metrics-cost/rate", {"per_hour": "1e9", "currency": "EUR"}, status=422)
    await api("PUT", "/metrics-cost/rate", {"per_hour": "90", "currency": "EURO"}, status=422)
    await api("PUT", "/metrics-cost/rate", {"per_hour": "90", "currency": "eur"})
    cost = await api("GET", "/metrics-cost")
    assert (cost["currency"], cost["incidents"]) == ("EUR", 1)
    assert abs(float(cost["amount"]) - float(cost["hours"]) * 90) < 0.5
    await jun("GET", "/metrics-cost", status=403)
    await a_team_has_a_rate_of_its_own(w, api, jun, cost)
    await amounts_of_two_currencies_are_never_added(w, api, jun, cost)
    await jun("POST", "/metrics-rebuild", status=403)


async def _what_became_of_it(w: World, api: Api, incident_id: int) -> None:
    """The loop of an incident knows its document, its actions and what they answered about it."""
    loop = await api("GET", f"/incidents/INC-{incident_id}/loop")
    assert (loop["station"], loop["postmortem_required"]) == ("postmortem", True)
    assert (loop["resolve_s"], loop["repeats"], loop["avoidable_s"]) == (3600, [], None)
    await api("GET", "/incidents/INC-999/loop", status=404)
    # as if it were a repeat, whose action item is open
    item = {"title": "Check pools before a deploy", "kind": "prevent", "incident": f"INC-{incident_id}"}
    await api("POST", "/action-items", {**item, "owner_id": w.mara}, status=201)
    for repeat_of, is_reported in ((incident_id, True), (None, False)):
        async with w.ctx.db.tx() as tx:
            await tx.execute("update incident_fact set repeat_of = $1 where id = $2", repeat_of, incident_id)
        codes = [f["code"] for f in (await api("GET", f"/incidents/INC-{incident_id}/checks"))["findings"]]
        assert ("P-REPEAT" in codes) is is_reported
    async with browser(w) as http:
        await sign_in(w, http, w.mara)
        assert (await http.get(f"/incidents/INC-{incident_id}/loop")).status_code == 200


async def _every_screen_opens(w: World, incident_id: int) -> None:
    async with browser(w) as http:
        csrf = await sign_in(w, http, w.mara)
        home = await http.get("/metrics?severity=&team=", follow_redirects=True)
        assert (home.status_code, home.url.query) == (200, b"")
        assert "Resolve a SEV1 within 1 h" in home.text
        # a SEV2 has no target that it could miss
        minor = (await http.get("/metrics?severity=2")).text
        assert ("Resolve a SEV2" in minor, "Resolve a SEV2 within" in minor) == (True, False)
        for slug in DEFINITIONS:
            for query in ("", "?severity=1&period=1y", "?from=2001-01-01&to=2001-01-01"):
                answer = await http.get(f"/metrics/{slug}{query}")
                assert answer.status_code == 200, (slug, query)
            for kind in ("csv", "json", "table"):
                assert (await http.get(f"/metrics/{slug}?format={kind}")).status_code == 200, slug
        assert f"INC-{incident_id}" in (await http.get("/metrics/resolve")).text
        for query, status in (
            ("", 200),
            ("?metric=noise&by=rule&period=1y", 200),
            ("?metric=noise&by=type", 200),  # another metric was chosen in the form
            ("?metric=resolve&by=team&from=2001-01-01&to=2001-01-02", 200),
            ("?metric=resolve&by=moon", 422),
            ("?metric=impact&by=month&period=1y", 200),
            ("?metric=mtbf&by=service", 200),
            ("?metric=nights&by=weekday", 200),
            ("?metric=delivery&by=service", 422),
            ("?period=200y", 422),
            ("?metric=mttr", 404),
            ("?format=csv", 200),
            ("?metric=cost&by=service&format=json", 200),
        ):
            assert (await http.get(f"/metrics/explore{query}")).status_code == status, query
        assert "&by=severity" in (await http.get("/metrics/explore?metric=noise&by=type")).text.replace(
            "amp;", ""
        )
        assert (await http.get("/metrics?period=200y")).status_code == 422
        assert (await http.get("/metrics/mttr")).status_code == 404
        assert (await http.get("/metrics/load")).headers["location"] == "/oncall/load"
        wrong = await http.post(
            "/metrics/cost/rate", data={"csrf": csrf, "per_hour": "-1", "currency": "EUR"}
        )
        assert (wrong.status_code, "-1" in wrong.text) == (422, True)
        vote = await http.post("/pages/PG-1/vote", data={"csrf": csrf, "actionable": "no"})
        assert (vote.status_code, vote.headers["location"]) == (303, "/pages/PG-1")
        assert (await http.post("/pages/PG-1/vote", data={"csrf": csrf})).status_code == 422
        assert "You said no." in (await http.get("/pages/PG-1")).text
        for kind in ("csv", "json"):
            assert (await http.get(f"/metrics?format={kind}")).status_code == 200
        await _the_chart_is_its_table(http)


async def _the_chart_is_its_table(http: httpx.AsyncClient) -> None:
    """The bars of the chart are the rows of the table below it."""
    text = (await http.get("/metrics/frequency")).text
    rows = (await http.get("/metrics/frequency?format=json")).json()["table"]
    drawn = len(re.findall(r'<rect class="s[0-3]"', text))
    assert drawn == sum(row[f"sev{severity}"] > 0 for row in rows for severity in range(4))


def _quarter(w: World) -> str:
    return f"{w.now.year}-Q{(w.now.month + 2) // 3}"


async def _a_quarter_is_reviewed(w: World, api: Api) -> None:
    """API, screen and Markdown have the same numbers, of everyone or of a team, and name an invalid quarter."""
    review = await api("GET", "/metrics-review", quarter=_quarter(w))
    assert (review["quarter"], review["is_over"], review["team"]) == (_quarter(w), False, None)
    assert [line["metric"] for line in review["metrics"]] == list(DEFINITIONS)
    by_slug = {line["metric"]: line for line in review["metrics"]}
    assert (by_slug["resolve"]["n"], by_slug["resolve"]["trend"]) == (1, "too_few")
    assert by_slug["frequency"]["now"] == "1"
    severity = next(s for s in review["severities"] if s["severity"] == 1)
    assert (severity["count"], severity["before_count"]) == (1, 0)
    assert [rule["rule"] for rule in review["rules"]][:1] == ["CheckoutErrors"]
    assert review["overdue"] == []
    for days, is_named in ((31, True), (30, False), (0, False)):
        async with w.ctx.db.tx() as tx:
            await tx.execute("update action_item set due = $1", w.now.date() - timedelta(days=days))
        named = (await api("GET", "/metrics-review", quarter=_quarter(w)))["overdue"]
        assert [(each["owner"], each["days"]) for each in named] == (
            [("Mara Lindqvist", 31)] if is_named else []
        )
    of_team = await api("GET", "/metrics-review", quarter=_quarter(w), team="payments")
    assert of_team["team"] == "Payments"
    assert next(s for s in of_team["severities"] if s["severity"] == 1)["count"] == 1
    assert (await api("GET", "/metrics-review"))["is_over"]
    assert "quarter" in str(await api("GET", "/metrics-review", quarter="2026-Q9", status=422))
    await api("GET", "/metrics-review", team="nobody", status=404)
    async with browser(w) as http:
        await sign_in(w, http, w.mara)
        address = f"/metrics/review?quarter={_quarter(w)}&team="
        shown = await http.get(address)
        assert (shown.status_code, "CheckoutErrors" in shown.text) == (200, True)
        document = await http.get(f"{address}&format=md")
        assert document.text == review["markdown"]
        assert f"review-{_quarter(w)}.md" in document.headers["content-disposition"]
        assert (await http.get("/metrics/review?quarter=2026-Q9")).status_code == 422
        assert (await http.get("/metrics/review?team=nobody")).status_code == 404


async def _a_private_incident_is_in_no_number(w: World, api: Api) -> None:
    """Only those who may open it see it, on screens alone; no file and no answer of the API counts it."""
    mara = await w.actor(w.mara)
    before = await api("GET", "/metrics")
    async with w.ctx.db.tx() as tx:
        secret = await incidents.declare(
            tx,
            mara,
            title="Zanzibar credentials stolen",
            severity=1,
            service_ids=[w.service],
            incident_type=IncidentType.SECURITY,
            now=w.now,
        )
        outsider = await tx.value(
            """
            insert into person (name, email, role, tz, created_at)
            values ('Noor', 'noor@example.org', $1, 'UTC', $2)
            returning id
            """,
            Role.RESPONDER,
            w.now,
        )
    await w.after(minutes=2)
    async with w.ctx.db.tx() as tx:
        assert await tx.value("select count(*) from incident_fact where id = $1", secret.id) == 1
    after = await api("GET", "/metrics")
    review = await api("GET", "/metrics-review", quarter=_quarter(w))
    assert [s["count"] for s in review["severities"] if s["severity"] == 1] == [1]
    of_incidents = {slug for slug, d in DEFINITIONS.items() if d.subject == "incidents"}
    for old, new in zip(before, after, strict=True):
        if old["metric"] in of_incidents:
            assert (old["n"], old["hits"], old["count"]) == (new["n"], new["hits"], new["count"]), new[
                "metric"
            ]
    assert secret.id not in [int(c["case"][4:]) for c in await api("GET", "/metrics/frequency/cases")]
    async with browser(w) as http:
        await sign_in(w, http, outsider)
        for slug in ("resolve", "frequency", "cost", "severity", "mitigate"):
            for suffix in ("", "?format=csv", "?format=json"):
                text = (await http.get(f"/metrics/{slug}{suffix}")).text
                assert "Zanzibar" not in text
                assert secret.ref not in text
        hidden = (await http.get("/metrics/frequency")).text
        await sign_in(w, http, w.mara)
        shown = (await http.get("/metrics/frequency")).text
        assert ("Excludes private incidents" in hidden, "Excludes private incidents" in shown) == (
            True,
            False,
        )
        assert "Zanzibar" in shown
        assert "Zanzibar" not in (await http.get("/metrics/frequency?format=csv")).text


async def test_another_process_projects_meanwhile(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, _):
        await w.alert()
        async with w.ctx.db.tx() as tx, w.ctx.work_db.tx() as other:
            assert await fact_store.lock_progress(tx)
            assert not await fact_store.lock_progress(other)
        async with w.ctx.db.tx() as tx:
            await projection.rebuild(tx, SYSTEM, w.now)
            assert not await projection.catch_up(tx, w.now + timedelta(minutes=1))
            assert await tx.value("select count(*) from page_fact") == 1


async def test_what_has_not_come_to_rest_did_not_drift(dsn: str, clock: FakeClock) -> None:
    """The nightly comparison leaves out what the next minute projects anyway."""
    async with organization(dsn, clock) as (w, api):
        await _past_incident(w)
        await w.after(minutes=15)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update incident set max_severity = 0")
            await tx.execute(
                "update postmortem set published_at = $1, first_published_at = $1, updated_at = $1", w.now
            )
            assert await tx.value("select count(*) from postmortem") == 1
            assert (await projection.compare_incidents(tx, 0, w.now))[0] == 0
        for case in await api("GET", "/metrics/acknowledge/cases"):
            await api("PUT", f"/pages/{case['case']}/vote", {"actionable": False})
        async with w.ctx.db.tx() as tx:
            assert (await projection.compare_pages(tx, 0, w.now))[0] == 0
            # what came to rest is compared
            await tx.execute("update page_vote set at = at - interval '1 hour'")
            await tx.execute("update postmortem set updated_at = updated_at - interval '1 hour'")
            assert (await projection.compare_incidents(tx, 0, w.now))[0] == 1
            assert (await projection.compare_pages(tx, 0, w.now))[0] > 0


async def test_facts_are_up_to_date_only_when_all_are_computed(
    dsn: str, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(projection, "LOG_ROWS_PER_BATCH", 1)
    async with organization(dsn, clock) as (w, _):
        await w.alert()
        await w.settle()
        later = w.now + timedelta(hours=1)
        async with w.ctx.db.tx() as tx:
            assert (await projection.rebuild(tx, SYSTEM, w.now)).refreshed_at is None
            assert await projection.catch_up(tx, later)
            assert (await fact_store.progress(tx)).refreshed_at is None
            while await projection.catch_up(tx, later):
                pass
            assert (await fact_store.progress(tx)).refreshed_at == later
