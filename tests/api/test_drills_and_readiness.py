"""Drills and readiness over JSON and on the web: who sees and does what, and that rows move the items."""

from datetime import timedelta

from firebell.kit.clock import FakeClock
from firebell.readiness import actions as readiness
from firebell.readiness import day_store
from firebell.readiness.model import ReadinessDay
from tests.api.api_clients import browser, key_of, organization, sign_in
from tests.servers import until


async def test_a_drill_is_planned_played_and_scored(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        at = (w.now + timedelta(hours=1)).isoformat()
        plan = {"scenario": "cache-stampede", "planned_for": at, "invited": [w.jun], "service_id": w.service}
        planned = await api("POST", "/drills", plan, status=201)
        drill = f"/drills/{planned['ref']}"
        assert (planned["state"], planned["score"], len(planned["injects"])) == ("planned", None, 5)
        assert (await jun("GET", drill))["injects"] == []
        assert [d["ref"] for d in await api("GET", "/drills", state="planned")] == ["DRILL-1"]
        assert len(await api("GET", "/drills/scenarios")) == 4
        checked = await api("POST", "/drills/scenarios/check", {"file": "scenario: {}"})
        assert {p["line"] for p in checked["problems"]} == {1}

        # a runbook source has scenarios, one of which replaces a shipped one
        source = await api("POST", "/runbook-sources", {"kind": "push", "name": "Ops"}, status=201)
        own = (
            "scenario: {slug: cache-stampede, title: Ours, kind: tabletop, minutes: 30}\n"
            "injects:\n  - {at: 0m, id: i1, do: complication, text: It is slow}\n"
        )
        files = [
            {"path": "drills/ours.scenario.yaml", "body": own},
            {"path": "drills/bad.scenario.yaml", "body": "scenario: 7\n"},
            {"path": "drills/notes.yaml", "body": "x: 1\n"},
        ]
        push = f"/runbook-sources/{source['id']}/push"
        pushed = await api("POST", push, {"commit": "a1", "files": files})
        assert pushed["changes"]["scenarios"] == 2
        listed = {s["slug"]: s for s in await api("GET", "/drills/scenarios")}
        assert len(listed) == 4
        assert (listed["cache-stampede"]["source"], listed["db-primary-lost"]["source"]) == ("Ops", "")
        (refused,) = await api("GET", "/drills/scenarios/refused")
        assert (refused["path"], refused["problems"][0]["line"]) == ("drills/bad.scenario.yaml", 1)
        ours = {**plan, "invited": []}
        assert (await api("POST", "/drills", ours, status=201))["title"] == "Ours"
        await api("POST", push, {"commit": "a2", "files": []})
        listed = {s["slug"]: s for s in await api("GET", "/drills/scenarios")}
        assert listed["cache-stampede"]["source"] == ""

        # a player answers for themself, and runs nothing
        await jun("PUT", f"{drill}/participation", {"accept": True, "night_ok": True})
        await jun("POST", f"{drill}/clock", {"do": "start"}, status=403)
        await jun("POST", f"{drill}/observations", {"text": "x"}, status=403)
        await api("POST", f"{drill}/clock", {"do": "pause"}, status=409)
        started = await api("POST", f"{drill}/clock", {"do": "start"})
        assert [line["state"] for line in started["injects"]][:2] == ["done", "next"]
        assert started["injects"][0]["page"] == "PG-1"
        assert [line["id"] for line in (await jun("GET", drill))["injects"]] == ["i1"]

        await api("POST", f"{drill}/clock", {"do": "skip"})
        await api("POST", f"{drill}/clock", {"do": "deliver"})
        await api("POST", f"{drill}/clock", {"do": "deliver", "inject": "i3"}, status=409)
        await api("POST", f"{drill}/clock", {"do": "deliver", "inject": "i99"}, status=404)
        await jun("POST", f"{drill}/injects/i3/answer", {"text": ""}, status=422)
        await jun("POST", f"{drill}/injects/i3/answer", {"text": "No, we shed load."})
        await jun("POST", f"{drill}/tray", {"target": "status_page", "text": "Search is slow."})
        await api("POST", f"{drill}/observations", {"text": "Calm."})
        assert (await jun("GET", drill))["observations"] == []
        await api("PUT", f"{drill}/expectations/e2", {"met": True})
        await api("PUT", f"{drill}/expectations/e1", {"met": True}, status=404)

        # the screens of the facilitator and of a player; a manager can take part in a drill of someone else
        other = {"scenario": "cache-stampede", "planned_for": at, "facilitator_id": w.jun}
        assert (await api("POST", "/drills", other, status=201))["ref"] == "DRILL-3"
        for person, sees in ((w.mara, True), (w.jun, False)):
            await sign_in(w, http, person)
            page = (await http.get(drill)).text
            assert (f'action="{drill}/finish"' in page, f'action="{drill}/part/tray"' in page) == (sees, True)
            page = (await http.get("/drills/DRILL-3")).text
            assert ('action="/drills/DRILL-3/part/accept"' in page) == sees
        assert (await http.get("/drills")).status_code == 200
        assert "No drill is planned" not in (await http.get("/drills?before=DRILL-1")).text
        assert (await http.get(f"{drill}/scenario")).status_code == 404

        finished = await api("POST", f"{drill}/clock", {"do": "finish"})
        verdicts = {result["id"]: result["verdict"] for result in finished["results"]}
        assert verdicts == {"e1": "missed", "e2": "met", "e3": "missed", "e4": "missed"}
        assert (finished["earned"], finished["possible"], finished["score"]) == (3, 9, 33)
        assert [p["attended"] for p in finished["participants"]] == [True]
        assert len((await jun("GET", drill))["injects"]) == 5
        assert (await http.get(drill)).status_code == 200
        assert (await api("GET", "/pages/PG-1"))["state"] == "resolved"

        # who took part is trained
        items = {item["id"]: item for item in (await api("GET", "/readiness"))["items"]}
        assert items["2.3"]["conditions"][0]["have"] == "1 of 2"


async def test_rows_move_an_item_and_a_waiver_takes_it_out(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))

        async def states() -> dict[str, str]:
            shown = await api("GET", "/readiness")
            return {item["id"]: item["state"] for item in shown["items"]}

        before = await api("GET", "/readiness")
        assert len(before["items"]) == 16
        assert (await states())["1.1"] == "missing"
        refs = []
        for title in ("Checkout is slow", "Search is slow", "Labels are late"):
            body = {"title": title, "severity": "SEV3"}
            refs.append((await api("POST", "/incidents", body, status=201))["ref"])
        assert (await states())["1.1"] == "missing"
        async with w.ctx.db.tx() as tx:
            await tx.execute("update incident set answers = '{\"a\": false}', provisional = false")
        items = {item["id"]: item for item in (await api("GET", "/readiness"))["items"]}
        assert items["1.1"]["state"] == "met"
        assert {row["text"] for row in items["1.1"]["evidence"]} == set(refs)
        async with w.ctx.db.tx() as tx:
            await tx.execute("update incident set backfilled = true where id = 1")
        assert (await states())["1.1"] == "missing"

        # 2.2: a reader outside; 3.3: two people who open the metrics; 4.4: a team signs the quarter
        async def shortfall(item_id: str) -> list[str]:
            shown = await api("GET", "/readiness")
            rows = next(i["conditions"] for i in shown["items"] if i["id"] == item_id)
            return [row["have"] for row in rows]

        public = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        await api("POST", "/status-pages", public, status=201)
        async with browser(w, "8.8.8.8") as outside, browser(w, "10.1.2.3") as inside:
            assert (await inside.get("/s/kestrel")).status_code == 200
            assert (await shortfall("2.2"))[:2] == ["yes", "none"]
            assert (await outside.get("/s/kestrel/status.json")).status_code == 200

        async def was_fetched() -> bool:
            return (await shortfall("2.2"))[1] == "yes"

        await until(was_fetched, "the fetch is recorded")
        visits = (
            (w.mara, "/metrics?severity=1", "1"),
            (w.mara, "/metrics?severity=1", "1"),
            (w.jun, "/metrics/review", "2"),
        )
        for person, address, views in visits:
            await sign_in(w, http, person)
            assert (await http.get(address)).status_code == 200
            assert (await shortfall("3.3"))[2] == views
        async with w.ctx.db.tx() as tx:
            await tx.execute("set transaction read only")
            tomorrow = w.now + timedelta(days=1)
            # metrics are shown while the database is read-only
            await readiness.record_metrics_view(tx, await w.actor(w.mara), tomorrow)

        (quarter, *_) = await api("GET", "/readiness/quarters")
        assert (quarter["complete"], quarter["teams"]) == (False, [])
        async with w.ctx.db.tx() as tx:
            await tx.execute("update team set created_at = created_at - interval '1 year'")
        (quarter, *_) = await api("GET", "/readiness/quarters")
        assert quarter["overdue"]
        team = quarter["teams"][0]["team"]
        signature = f"/readiness/quarters/{quarter['quarter']}/signatures/{team}"
        decided = {"decisions": "Nothing changes."}
        refused = await api("PUT", signature, {"decisions": " "}, status=422)
        assert [e["field"] for e in refused["errors"]] == ["decisions"]
        await api("PUT", f"/readiness/quarters/2099-Q1/signatures/{team}", decided, status=409)
        await api("PUT", f"/readiness/quarters/2026-Q9/signatures/{team}", decided, status=404)
        await api("PUT", f"{signature}-x", decided, status=404)
        async with w.ctx.db.tx() as tx:
            await tx.execute("delete from team_member where person_id = $1", w.jun)
        await jun("PUT", signature, decided, status=403)
        csrf = await sign_in(w, http, w.mara)
        assert (await http.get("/readiness/quarters")).text.count('action="/readiness/quarters/') == 1
        sign = f"/readiness/quarters/{quarter['quarter']}/{team}/sign"
        assert (await http.post(sign, data={"csrf": csrf, "decisions": ""})).status_code == 422
        signed = await http.post(sign, data={"csrf": csrf, "decisions": "Nothing changes."})
        assert signed.status_code == 303
        await api("PUT", signature, decided, status=409)
        (quarter, *_) = await api("GET", "/readiness/quarters")
        assert quarter["teams"][0]["signed_by"] == "Mara Lindqvist"
        assert (quarter["complete"], quarter["overdue"]) == (False, False), "signed, but late"

        ends_at = (w.now + timedelta(days=30)).isoformat()
        waiver = {"reason": "Next month", "until": ends_at}
        await jun("PUT", "/readiness/2.4/waiver", waiver, status=403)
        shown = await api("PUT", "/readiness/2.4/waiver", waiver)
        assert next(i for i in shown["items"] if i["id"] == "2.4")["state"] == "waived"
        await api("PUT", "/readiness/9.9/waiver", waiver, status=404)
        late = {"reason": "x", "until": (w.now + timedelta(days=181)).isoformat()}
        refused = await api("PUT", "/readiness/2.4/waiver", late, status=422)
        assert [e["field"] for e in refused["errors"]] == ["until"]
        await api("DELETE", "/readiness/2.4/waiver")
        await api("DELETE", "/readiness/2.4/waiver", status=409)

        # a day before, 4.1 was met; the timer records today and notifies of what was lost
        w.clock.advance(timedelta(days=30))
        yesterday = (w.now - timedelta(days=1)).date()
        async with w.ctx.db.tx() as tx:
            await day_store.save_day(tx, ReadinessDay(yesterday, 50, {"4.1": "met"}, {}))
        await w.settle()
        assert [f["code"] for f in (await api("GET", "/readiness"))["findings"]] == ["Y-LOST"]
        assert (await api("GET", "/readiness/days"))[0]["score"] == 50
        csrf = await sign_in(w, http, w.mara)
        page = await http.get("/readiness")
        assert page.status_code == 200
        assert "Y-LOST" in page.text
        checked = await http.post("/readiness/check", data={"csrf": csrf})
        assert checked.status_code == 303
        form = {"csrf": csrf, "reason": "", "until": "2026-12-01"}
        assert (await http.post("/readiness/2.4/waive", data=form)).status_code == 422
        assert (await http.get("/readiness.csv")).text.count("\n") > 16
