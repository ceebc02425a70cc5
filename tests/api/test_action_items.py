"""Action items over JSON and on the web: their life, their lists, bulk changes, questions and refusals."""

import csv
import io
from datetime import timedelta

from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser, key_of, organization, sign_in

DAY = timedelta(days=1)


async def test_the_life_of_an_item(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        body = {"title": "Card payments fail", "severity": "SEV1", "services": ["checkout"]}
        inc = (await api("POST", "/incidents", body, status=201))["ref"]
        new = {"title": "Check pools before a deploy", "incident": inc, "owner_id": w.jun, "priority": 1}
        item = await api("POST", "/action-items", new, status=201)
        ref = f"/action-items/{item['ref']}"
        assert (item["state"], item["accepted"], item["owner_id"]) == ("open", False, w.jun)
        assert item["team_id"] is not None
        # 24 November 2026 and 14 days
        assert item["due"] == "2026-12-08"

        # accepted by its owner only, then started, put off twice, finished, reopened, finished with evidence
        await api("POST", f"{ref}/accept", status=409)
        assert (await jun("POST", f"{ref}/accept"))["accepted"] is True
        assert (await jun("POST", f"{ref}/state", {"state": "in_progress"}))["state"] == "in_progress"
        assert (await jun("POST", f"{ref}/due", {"due": "2026-12-10"}))["moved"] == 1
        assert (await jun("POST", f"{ref}/due", {"due": "2026-12-09"}))["moved"] == 1
        await jun("POST", f"{ref}/due", {"due": "2026-12-11"}, status=422)
        again = await jun("POST", f"{ref}/due", {"due": "2026-12-11", "reason": "On call this week"})
        assert again["moved"] == 2
        flagged = await jun("POST", f"{ref}/state", {"state": "done"})
        assert (flagged["without_evidence"], flagged["done_at"] is not None) == (True, True)
        await jun("POST", f"{ref}/state", {"state": "open"}, status=422)
        reopened = await jun("POST", f"{ref}/state", {"state": "open", "reason": "It failed again"})
        assert (reopened["done_at"], reopened["moved"]) == (None, 2)
        # an item of priority 1 is dropped by someone other than its owner
        await jun("POST", f"{ref}/state", {"state": "dropped", "reason": "Too large"}, status=409)
        proof = [{"kind": "commit", "url": "https://git.example.org/pay/commit/7"}]
        done = await jun("POST", f"{ref}/state", {"state": "done", "evidence": proof})
        assert (done["without_evidence"], done["evidence"][0]["kind"]) == (False, "commit")

        events = await api("GET", f"{ref}/events")
        assert [e["field"] for e in events[:3]] == ["added", "is_accepted", "state"]
        assert ("2026-12-09", "2026-12-11", "On call this week") in [
            (e["old"], e["new"], e["note"]) for e in events
        ]
        assert {e["via"] for e in events} == {"api"}
        assert [
            e["text"] for e in await api("GET", f"/incidents/{inc}/timeline") if e["kind"] == "action_item"
        ]

        await sign_in(w, http, w.mara)
        page = (await http.get(f"/actions/{item['ref']}")).text
        assert "On call this week" in page
        assert 'href="https://git.example.org/pay/commit/7"' in page
        for address in ("/actions", "/actions?view=list&state=done&group=age", f"/incidents/{inc}"):
            assert item["ref"] in (await http.get(address)).text, address


async def test_lists_filters_and_the_export(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        for title, kind, owner in (
            ("=HYPERLINK(1) is a title", "detect", w.mara),
            ("Second item of the list", "prevent", w.jun),
            ("Third item of the list", "process", None),
        ):
            await api("POST", "/action-items", {"title": title, "kind": kind, "owner_id": owner}, status=201)
        assert [i["ref"] for i in await api("GET", "/action-items")] == ["ACT-3", "ACT-2", "ACT-1"]
        answer = await api.answer("GET", "/action-items", limit=2)
        assert 'before=2&limit=2>; rel="next"' in answer.headers["link"]
        for query, refs in (
            ({"owner": "me"}, ["ACT-1"]),
            ({"owner": str(w.jun)}, ["ACT-2"]),
            ({"unaccepted": "true"}, ["ACT-3", "ACT-2"]),
            ({"kind": "process"}, ["ACT-3"]),
            ({"q": "list"}, ["ACT-3", "ACT-2"]),
            ({"q": "!!"}, []),
            ({"priority": "1"}, []),
            ({"due": "overdue"}, []),
            ({"state": "done"}, []),
        ):
            assert [i["ref"] for i in (await api.answer("GET", "/action-items", **query)).json()] == refs, (
                query
            )
        await api("GET", "/action-items", owner="nobody", status=422)
        await api("GET", "/action-items", team="unknown", status=404)

        clock.advance(40 * DAY)
        assert len(await api("GET", "/action-items", due="overdue")) == 3
        csrf = await sign_in(w, http, w.mara)
        table = list(csv.DictReader(io.StringIO((await http.get("/actions.csv")).text)))
        assert [row["item"] for row in table] == ["ACT-1", "ACT-2", "ACT-3"]
        assert table[0]["title"] == "'=HYPERLINK(1) is a title"
        assert int(table[0]["overdue_days"]) > 0

        # many at once: all or none, with a reason
        form = {"csrf": csrf, "do": "due", "ref": ["ACT-1", "ACT-2"], "due": "2027-01-20"}
        refused = await http.post("/actions/bulk", data=form)
        assert refused.status_code == 422
        moved = await http.post("/actions/bulk", data={**form, "reason": "The team is on call"})
        assert moved.status_code == 303
        assert [i["moved"] for i in await api("GET", "/action-items")] == [0, 1, 1]
        mixed = {"items": ["ACT-3", "ACT-99"], "due": "2027-02-01", "reason": "Later"}
        await api("POST", "/action-items/bulk/due", mixed, status=404)
        assert [i["moved"] for i in await api("GET", "/action-items")] == [0, 1, 1]
        many = {"items": [f"ACT-{n}" for n in range(1, 502)], "due": "2027-02-01", "reason": "Later"}
        await api("POST", "/action-items/bulk/due", many, status=422)
        assigned = await api(
            "POST", "/action-items/bulk/assign", {"items": ["ACT-1", "ACT-3"], "owner_id": w.jun}
        )
        assert [(i["owner_id"], i["accepted"]) for i in assigned] == [(w.jun, False)] * 2
        dropped = await api("POST", "/action-items/bulk/drop", {"items": ["ACT-3"], "reason": "Not needed"})
        assert [i["state"] for i in dropped] == ["dropped"]

        numbers = await api("GET", "/action-item-completion", start="2026-11-01", end="2027-01-20")
        assert (numbers["due"], numbers["result"]) == (1, "few")
        await api("GET", "/action-item-completion", start="2027-01-01", end="2026-01-01", status=422)


async def test_bad_input_is_refused_at_its_field(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        for body, field in (
            ({"title": "Fix it"}, "title"),
            ({"title": "Check the pools", "due": "1900-01-01"}, "due"),
            ({"title": "Check the pools", "due": "2026-12-05"}, "due"),
            ({"title": "Check the pools", "priority": 9}, "priority"),
        ):
            refused = await api("POST", "/action-items", body, status=422)
            assert [e["field"].rpartition(".")[2] for e in refused["errors"]] == [field], body
        await api("POST", "/action-items", {"title": "Check the pools", "incident": "INC-9"}, status=404)
        settings = {
            "weekdays": [0, 1, 2, 3, 4],
            "country": "DE",
            "subdivision": "BE",
            "due_days": [7, 30, 90],
        }
        assert (await api("PUT", "/action-item-settings", settings))["country"] == "DE"
        await api("PUT", "/action-item-settings", {**settings, "country": "XX"}, status=422)
        await api("PUT", "/action-item-settings", {**settings, "due_days": [0, 1, 2]}, status=422)
        christmas = await api(
            "POST", "/action-items", {"title": "Check the pools", "due": "2026-12-25"}, status=422
        )
        assert "2026-12-28" in christmas["errors"][0]["message"]
        first = await api("POST", "/action-items", {"title": "Check the pools", "priority": 1}, status=201)
        assert first["due"] == "2026-12-01"
        await api("POST", "/action-items", {"title": "Check all the pools"}, status=201)
        await api("POST", "/action-items/ACT-1/state", {"state": "in_progress"}, status=409)
        same = {"state": "duplicate", "duplicate_of": "ACT-2"}
        assert (await api("POST", "/action-items/ACT-1/state", same))["duplicate_of"] == "ACT-2"
        back = {"state": "duplicate", "duplicate_of": "ACT-1"}
        await api("POST", "/action-items/ACT-2/state", back, status=409)

        csrf = await sign_in(w, http, w.mara)
        typed = await http.post(
            "/actions/new", data={"csrf": csrf, "title": "Fix it", "detail": "What I typed"}
        )
        assert (typed.status_code, "What I typed" in typed.text) == (422, True)
        refused_page = await http.post("/actions/ACT-2/drop", data={"csrf": csrf})
        assert refused_page.status_code == 422
        for what, data in (
            ("accept", {}),
            ("edit", {"title": "Check all pools twice", "evidence": "https://g.example.org/1\n/runbooks/x"}),
            ("start", {}),
            ("stop", {}),
            ("due", {"due": "2027-01-05"}),
            ("done", {"evidence_kind": "graph", "evidence": "https://g.example.org/1"}),
            ("reopen", {"reason": "Not yet"}),
            ("drop", {"reason": "No longer needed"}),
        ):
            answer = await http.post(f"/actions/ACT-2/{what}", data={"csrf": csrf, **data})
            assert answer.status_code == 303, (what, answer.text)
        assert (await http.post("/actions/ACT-2/explode", data={"csrf": csrf})).status_code == 404
        for page in ("/settings/action-items", "/actions/new", "/actions?team=mine&owner=me&q=x"):
            assert (await http.get(page)).status_code == 200
        form = {"csrf": csrf, "weekday": ["0", "1"], "due_1": "7", "due_2": "x", "due_3": "90"}
        assert (await http.post("/settings/action-items", data=form)).status_code == 422
        assert (await http.post("/settings/action-items", data={**form, "due_2": "30"})).status_code == 303


async def test_items_of_a_private_incident_are_hidden_with_it(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        jun = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        body = {"title": "Keys leaked", "severity": "SEV1", "type": "security", "services": ["checkout"]}
        inc = (await api("POST", "/incidents", body, status=201))["ref"]
        new = {"title": "Rotate every key", "incident": inc}
        await api("POST", "/action-items", {**new, "owner_id": w.jun}, status=409)
        ref = (await api("POST", "/action-items", new, status=201))["ref"]
        assert await jun("GET", "/action-items") == []
        await jun("GET", f"/action-items/{ref}", status=404)
        await jun("GET", f"/action-items/{ref}/events", status=404)
        await jun("POST", f"/action-items/{ref}/accept", status=404)
        await jun("POST", "/action-items/bulk/drop", {"items": [ref], "reason": "No"}, status=404)
        hidden = await jun("GET", "/search", q="Rotate every")
        assert "Rotate every key" not in str(hidden)
        assert (await api("GET", "/search", q="Rotate every"))["best"]["ref"] == ref
        assert (await api("GET", "/search", q=ref))["best"]["title"] == new["title"]
        await sign_in(w, http, w.jun)
        for address in ("/actions", "/actions?view=list", "/actions.csv", "/"):
            assert "Rotate every key" not in (await http.get(address)).text, address
        assert (await http.get(f"/actions/{ref}")).status_code == 404
        # someone who gets a role sees the incident and its items
        await api("POST", f"/incidents/{inc}/roles", {"role": "responder", "person_id": w.jun})
        assert [i["ref"] for i in await jun("GET", "/action-items")] == [ref]


async def test_a_question_is_asked_and_only_an_answer_counts(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        body = {"title": "Checkout connection pool exhausted", "severity": "SEV1", "services": ["checkout"]}
        first = (await api("POST", "/incidents", body, status=201))["ref"]
        new = {"title": "Check pools before a deploy", "incident": first, "owner_id": w.jun}
        ref = (await api("POST", "/action-items", new, status=201))["ref"]
        clock.advance(60 * DAY)
        again = {**body, "title": "The connection pool of checkout is exhausted"}
        second = (await api("POST", "/incidents", again, status=201))["ref"]
        await w.settle()
        (asked,) = await api("GET", f"/incidents/{second}/action-item-questions")
        assert (asked["item"], asked["reason"], asked["answer"]) == (ref, "similar", None)
        assert asked["days_overdue"] > 0
        assert await api("GET", "/action-item-questions") == [asked]
        csrf = await sign_in(w, http, w.mara)
        assert f'id="question-{second}-{ref}"' in (await http.get("/actions")).text
        assert f'id="question-{second}-{ref}"' in (await http.get(f"/incidents/{second}")).text
        assert "days overdue" in (await http.get(f"/incidents/{first}")).text
        address = f"/incidents/{second}/action-questions/{ref}"
        assert (await http.post(address, data={"csrf": csrf, "answer": "maybe"})).status_code == 422
        assert (await http.post(address, data={"csrf": csrf, "answer": "no"})).status_code == 303
        assert (await api("GET", f"/action-items/{ref}"))["priority"] == 2
        path = f"/incidents/{second}/action-item-questions/{ref}"
        answered = await api("PUT", path, {"answer": "shortened"})
        assert (answered["answer"], answered["answered_by"] != "") == ("shortened", True)
        assert (await api("GET", f"/action-items/{ref}"))["priority"] == 1
        assert await api("GET", "/action-item-questions") == []
        await api("PUT", f"/incidents/{first}/action-item-questions/{ref}", {"answer": "no"}, status=404)
        codes = [f["code"] for f in (await api("GET", f"/incidents/{first}/checks"))["findings"]]
        assert "P-STALE" in codes
