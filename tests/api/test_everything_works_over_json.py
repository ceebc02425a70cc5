"""Everything the web can do over JSON, in the order in which a team would need it."""

from datetime import timedelta
from typing import Any

from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, organization
from tests.postmortem_steps import approved

ANCHOR = "2026-11-23T09:00"


async def test_people_teams_and_the_catch_all_list(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        ada = await api(
            "POST", "/people", {"name": "Ada", "email": "ADA@example.org", "tz": "Europe/London"}, status=201
        )
        assert (ada["email"], ada["role"], ada["active"]) == ("ada@example.org", "responder", True)
        taken = await api("POST", "/people", {"name": "Ada 2", "email": "ada@example.org"}, status=409)
        assert [error["field"] for error in taken["errors"]] == ["email"]
        assert (await api("PATCH", f"/people/{ada['id']}", {"role": "manager"}))["role"] == "manager"
        assert (await api("GET", f"/people/{ada['id']}"))["role"] == "manager"
        only = await api("PATCH", f"/people/{w.mara}", {"role": "viewer"}, status=409)
        assert "only admin" in only["detail"]

        members = [{"person_id": ada["id"], "role": "manager"}, {"person_id": w.jun}]
        team = await api("POST", "/teams", {"name": "Search", "members": members}, status=201)
        assert team["members"] == [
            {"person_id": w.jun, "role": "member"},
            {"person_id": ada["id"], "role": "manager"},
        ]
        less = await api("PUT", f"/teams/{team['id']}/members", {"members": members[:1]})
        assert [m["person_id"] for m in less["members"]] == [ada["id"]]
        assert (await api("GET", "/teams"))[0] == less
        await api("POST", "/teams", {"name": "x", "members": [{"person_id": 999}]}, status=404)

        assert await api("PUT", "/catch-all", {"person_ids": [ada["id"]]}) == {"person_ids": [ada["id"]]}
        empty = await api("PUT", "/catch-all", {"person_ids": []}, status=422)
        assert empty["type"] == "urn:firebell:problem:invalid"
        assert await api("GET", "/catch-all") == {"person_ids": [ada["id"]]}
        await api("PATCH", f"/people/{ada['id']}", {"active": False}, status=409)


async def test_how_i_am_reached_and_my_keys(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        payload = {"kind": "ntfy", "address": "mara-7f3a", "label": "phone"}
        made = await api("POST", "/me/contact-methods", payload, status=201)
        assert (made["address"], made["suspect"], made["verified_at"]) == ("mara-7f3a", False, None)
        assert (made["state"], made["replaces"], made["test_result"]) == ("new", None, None)
        await api("POST", "/me/contact-methods", payload, status=409)
        hook = next(m for m in await api("GET", "/me/contact-methods") if m["kind"] == "webhook")
        rules = {"rules": [{"method_id": hook["id"]}, {"method_id": made["id"], "delay_s": 120}]}
        assert [r["delay_s"] for r in (await api("PUT", "/me/rules/high", rules))["rules"]] == [0, 120]
        assert (await api("GET", "/me/rules/high"))["rules"][1]["method_id"] == made["id"]
        late = {"rules": [{"method_id": hook["id"], "delay_s": 60}]}
        refused = await api("PUT", "/me/rules/high", late, status=422)
        assert [error["field"] for error in refused["errors"]] == ["delay"]
        await api("PUT", "/me/rules/low", {"rules": [{"method_id": 999}]}, status=404)

        await api("POST", f"/me/contact-methods/{hook['id']}/test", status=204)
        await w.settle()
        assert w.sink.got[-1]["event"] == "test"
        again = next(m for m in await api("GET", "/me/contact-methods") if m["id"] == hook["id"])
        assert (again["state"], again["test_result"], again["test_at"]) == (
            "new",
            "accepted",
            "2026-11-24T03:14:00Z",
        )

        path = f"/me/contact-methods/{made['id']}"
        assert (made["language"], made["privacy"]) == ("en", "full")
        assert (await api("PATCH", path, {"language": "ja"}))["language"] == "ja"
        set_ = await api("PATCH", path, {"privacy": "title_hidden"})
        assert (set_["language"], set_["privacy"]) == ("ja", "title_hidden")
        for body in ({"language": "xx"}, {"privacy": "none"}):
            await api("PATCH", path, body, status=422)
        await api("PATCH", "/me/contact-methods/999", {"language": "de"}, status=404)
        # the next one reads as the latest, and one that takes its place as it
        moved = {**payload, "address": "mara-8b4c", "replaces": made["id"]}
        moved = await api("POST", "/me/contact-methods", moved, status=201)
        assert (moved["language"], moved["privacy"]) == ("ja", "title_hidden")
        await api("DELETE", f"/me/contact-methods/{moved['id']}")
        await api("DELETE", f"/me/contact-methods/{made['id']}")
        await api("DELETE", f"/me/contact-methods/{made['id']}", status=404)
        assert made["id"] not in [m["id"] for m in await api("GET", "/me/contact-methods")]
        log = await api("GET", "/audit", limit=3)
        assert [e["action"] for e in log] == ["contact.removed", "contact.removed", "contact.added"]
        assert log[0]["by"] == "Mara Lindqvist (test)"


def layer(*people: int, **more: Any) -> dict[str, Any]:
    """Return a weekly layer of these people."""
    return {"slots": [[p] for p in people], "anchor": ANCHOR, "unit": "week", "tz": "Europe/Berlin", **more}


async def test_a_contact_method_is_verified_by_the_code_that_it_gets(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        hook = next(m for m in await api("GET", "/me/contact-methods") if m["kind"] == "webhook")
        path = f"/me/contact-methods/{hook['id']}"
        await api("POST", f"{path}/verify", {"code": "123456"}, status=422)
        await api("POST", f"{path}/verification", status=204)
        limited = await api.answer("POST", f"{path}/verification")
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "60")
        await w.settle()
        code = w.sink.got[-1]["code"]
        wrong = f"{(int(code) + 1) % 10**6:06d}"
        refused = await api("POST", f"{path}/verify", {"code": wrong}, status=422)
        assert [error["field"] for error in refused["errors"]] == ["code"]
        assert (await api("POST", f"{path}/verify", {"code": code}))["state"] == "verified"
        await api("POST", f"{path}/verify", {"code": code}, status=422)
        await api("POST", f"{path}/verification", status=409)
        for what in ("verification", "verify"):
            body = {"code": code} if what == "verify" else None
            await api("POST", f"/me/contact-methods/999/{what}", body, status=404)
        payload = {"kind": "ntfy", "address": "mara-7f3a", "replaces": hook["id"]}
        made = await api("POST", "/me/contact-methods", payload, status=201)
        assert (made["state"], made["replaces"]) == ("new", hook["id"])
        await api("POST", "/me/contact-methods", {**payload, "address": "b", "replaces": 999}, status=404)
        assert [e["action"] for e in await api("GET", "/audit", limit=3)] == [
            "contact.added",
            "contact.verified",
            "contact.code_sent",
        ]


async def test_a_schedule_with_windows_and_its_overrides(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        nights = {"start": 18 * 60, "minutes": 15 * 60, "days": [0, 1, 2, 3, 4, 5, 6]}
        payload = {
            "name": "Search",
            "team_id": 1,
            "tz": "Europe/Berlin",
            "layers": [layer(w.mara, name="days"), layer(w.jun, name="nights", windows=[nights])],
        }
        made = await api("POST", "/schedules", payload, status=201)
        assert made == await api("GET", "/schedules/search")
        assert made["layers"][1]["windows"] == [nights]
        assert made["layers"][0]["anchor"] == "2026-11-23T09:00:00"
        assert (await api("GET", "/schedules"))[0]["slug"] == "search"

        async def who(at: str) -> list[str]:
            schedules = (await api("GET", "/oncall", at=at))["schedules"]
            return [p["name"] for s in schedules if s["schedule"] == "search" for p in s["people"]]

        assert await who("2026-11-25T02:00:00Z") == ["Jun Okafor"]
        assert await who("2026-11-24T12:00:00+01:00") == ["Mara Lindqvist"]
        body = {
            "person": "jun@example.org",
            "start": "2026-11-24T10:00:00Z",
            "end": "2026-11-24T12:00:00Z",
            "reason": "dentist",
        }
        edit = await api("POST", "/schedules/search/overrides", body, status=201)
        assert await who("2026-11-24T11:00:00Z") == ["Jun Okafor"]
        listed = await api("GET", "/schedules/search/overrides")
        assert [(e["id"], e["people"], e["reason"]) for e in listed] == [(edit["id"], [w.jun], "dentist")]
        day = "from=2026-11-24T09:00:00Z&to=2026-11-24T13:00:00Z"
        runs = await api("GET", f"/schedules/search/shifts?{day}")
        assert [[p["id"] for p in s["people"]] for s in runs["shifts"]] == [[w.mara], [w.jun], [w.mara]]
        assert await api("GET", "/schedules/search/gaps") == []
        await api("DELETE", f"/overrides/{edit['id']}")
        await api("DELETE", f"/overrides/{edit['id']}", status=404)
        assert await api("GET", "/schedules/search/overrides", which="all") == []
        await api("POST", "/schedules", payload, status=409)
        await api("POST", "/schedules", {**payload, "name": "x", "team_id": 77}, status=404)
        unknown = await api(
            "POST", "/schedules", {**payload, "name": "x", "layers": [layer(999)]}, status=422
        )
        assert unknown["errors"][0]["field"] == "people"


async def test_a_policy_from_its_dry_run_to_its_end(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        levels = [
            {"targets": [{"kind": "person", "id": w.jun}], "ack_within_s": 600},
            {"targets": [{"kind": "team", "id": 1}]},
        ]
        payload = {"name": "Search", "team_id": 1, "levels": levels, "repeat": 1}
        made = await api("POST", "/policies", payload, status=201)
        assert made == await api("GET", "/policies/search")
        steps = await api("GET", "/policies/search/dry-run")
        assert [(s["at"][11:19], s["level"], s["names"]) for s in steps] == [
            ("03:14:00", 1, "Jun Okafor"),
            ("03:24:00", 2, "Mara Lindqvist, Jun Okafor"),
            ("03:44:00", None, "Mara Lindqvist, Jun Okafor"),
        ]
        changed = await api("PUT", "/policies/search", {"levels": levels[1:], "ack_timeout_s": 900})
        assert (changed["version"], changed["repeat"], changed["ack_timeout_s"]) == (2, 2, 900)
        renamed = await api("PATCH", "/policies/search", {"name": "Search first"})
        assert (renamed["name"], renamed["slug"], renamed["version"]) == ("Search first", "search", 2)
        await api("PATCH", "/policies/search", {"name": "PAYMENTS"}, status=409)
        await api("PATCH", "/policies/search", {"name": " "}, status=422)
        assert [p["slug"] for p in await api("GET", "/policies")] == ["search", "payments"]
        bad = {**payload, "name": "x", "levels": [{"targets": [{"kind": "person", "id": 999}]}]}
        await api("POST", "/policies", bad, status=422)

        service = await api("PATCH", "/services/checkout", {"policy_id": made["id"]})
        assert service["policy_id"] == made["id"]
        await w.alert()
        await api("DELETE", "/policies/search", status=409)
        w.clock.advance(timedelta(minutes=12))
        await api("POST", "/pages/PG-1/resolve")
        # it waited for 12 minutes: the saved plan stays at its only level, the draft would have escalated
        draft = {"levels": levels}
        counted = await api("POST", "/policies/search/effect", draft)
        assert counted == {
            "pages": 1,
            "saved": {"levels": [1], "alarms": 0},
            "draft": {"levels": [1, 1], "alarms": 0},
        }
        await api("DELETE", "/policies/search")
        assert (await api("GET", "/services/checkout"))["policy_id"] is None
        await api("GET", "/policies/search", status=404)


async def test_services_and_their_integrations(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (_, api):
        payload = {"name": "Search", "team_id": 1, "runbook_url": "https://runbooks.example.org/search"}
        made = await api("POST", "/services", payload, status=201)
        shown = await api("GET", "/services/search")
        assert made == {name: shown[name] for name in made}
        await api("POST", "/services", payload, status=409)
        await api("POST", "/services", {"name": "x", "team_id": 99}, status=404)
        await api("POST", "/services", {"name": "x", "team_id": 1, "policy_id": 99}, status=404)
        changed = await api("PATCH", "/services/search", {"description": "finds things", "policy_id": 1})
        assert (changed["description"], changed["policy_id"]) == ("finds things", 1)
        assert (await api("PATCH", "/services/search", {"runbook_url": ""}))["policy_id"] == 1
        assert (await api("PATCH", "/services/search", {"policy_id": None}))["policy_id"] is None

        refused = await api("POST", "/alerts", {"service": "search", "title": "slow"}, status=409)
        assert "no integration key" in refused["detail"]
        key = await api("POST", "/services/search/integrations", {"name": "Prometheus"}, status=201)
        secret = key.pop("key")
        assert len(secret) == 32
        assert await api("GET", "/services/search/integrations") == [key]
        assert key["masked_key"] == f"…{secret[-4:]}"
        own = f"/services/search/integrations/{key['id']}"
        assert (key["flapping_changes"], key["drop_labels"]) == (6, [])
        fields = {"flapping_changes": 10, "drop_labels": [" pod ", "pod", "replica"]}
        saved = await api("PUT", own, fields)
        assert saved == {**key, "flapping_changes": 10, "drop_labels": ["pod", "replica"]}
        assert (await api("GET", "/audit", limit=1))[0]["action"] == "integration.changed"
        for wrong in (
            {"flapping_changes": 2},
            {"flapping_changes": 21},
            {"drop_labels": ["alertname"]},
            {"drop_labels": ["a\tb"]},
        ):
            await api("PUT", own, wrong, status=422)
        await api("PUT", f"/services/checkout/integrations/{key['id']}", fields, status=404)
        labels = {"pod": "a", "region": "eu"}
        await api("POST", "/alerts", {"service": "search", "title": "full", "labels": labels}, status=202)
        assert (await api("GET", "/alerts/1"))["labels"] == {"region": "eu"}
        assert (await api("GET", "/alerts/1"))["flapping"] is None
        key = await api("PUT", own, {})
        assert (key["flapping_changes"], key["drop_labels"]) == (6, [])
        reveal = f"integrations/{key['id']}/reveal"
        assert (await api("POST", f"/services/search/{reveal}"))["key"] == secret
        await api("POST", f"/services/checkout/{reveal}", status=404)
        revealed = (await api("GET", "/audit", limit=1))[0]
        assert (revealed["action"], revealed["subject"]) == ("integration.revealed", f"service:{made['id']}")
        assert secret not in str(revealed)
        await api("POST", "/alerts", {"service": "search", "title": "slow"}, status=202)
        await api("DELETE", f"/services/checkout/integrations/{key['id']}", status=404)
        await api("DELETE", f"/services/search/integrations/{key['id']}")
        assert await api("GET", "/services/search/integrations") == []


async def test_an_alert_becomes_a_page_that_is_taken_and_noted(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        alert = {"service": "checkout", "title": "5xx", "dedup_key": "a", "labels": {"region": "eu"}}
        sent = await api("POST", "/alerts", alert, status=202)
        assert sent == {"status": "accepted", "dedup_key": "a", "service": "checkout"}
        assert (await api("GET", "/alerts"))[0]["severity"] == "critical"
        assert (await api("GET", "/alerts/1"))["labels"] == {"region": "eu"}
        await w.settle()
        (page,) = await api("GET", "/pages")
        assert (page["ref"], page["state"], page["level"]) == ("PG-1", "triggered", 1)
        assert (page["notified"], page["next"]) == ("Mara Lindqvist", "Jun Okafor")
        taken = await api("POST", "/pages/pg-1/ack")
        assert (taken["state"], taken["owners"], taken["already"]) == ("acked", ["Mara Lindqvist"], None)
        assert (await api("POST", "/pages/1/ack"))["already"] == "already acknowledged by you"
        assert (await api("POST", "/pages/PG-1/unack"))["state"] == "triggered"
        await api("POST", "/pages/PG-1/unack", status=409)
        await api("POST", "/pages/PG-1/ack")
        await api("POST", "/pages/PG-1/notes", {"text": "Looking"}, status=201)
        await api("POST", "/pages/PG-1/escalate")
        snoozed = await api("POST", "/pages/PG-1/snooze", {"until": "2026-11-24T04:14:00+01:00"}, status=409)
        assert "24 hours" in snoozed["detail"]
        assert (await api("POST", "/pages/PG-1/snooze", {"minutes": 30}))["state"] == "snoozed"
        await api("POST", "/pages/PG-1/snooze", {}, status=422)
        detail = await api("GET", "/pages/PG-1")
        assert [e["text"] for e in detail["log"] if e["kind"] == "note"] == ["Looking"]
        assert detail["deliveries"][0]["state"] == "accepted"
        assert [a["dedup_key"] for a in detail["alert_list"]] == ["a"]
        await api("POST", "/alerts", {**alert, "status": "resolved"}, status=202)
        assert (await api("GET", "/pages/PG-1"))["state"] == "resolved"
        await api("POST", "/pages/PG-1/resolve", status=409)
        assert (await api("POST", "/pages/PG-1/ack"))["already"] == "already resolved"


async def test_an_incident_from_its_declaration_to_its_published_post_mortem(
    dsn: str, clock: FakeClock
) -> None:
    async with organization(dsn, clock) as (w, api):
        await w.alert()
        answers = {"down_or_data_at_risk": False, "major_degraded": True, "workaround": True}
        verdict = await api(
            "GET", "/severity", down_or_data_at_risk="no", major_degraded="yes", workaround="yes"
        )
        assert verdict["severity"] == "SEV1"
        body = {"title": "Cards fail", "answers": answers, "page": "PG-1", "take_command": True}
        made = await api("POST", "/incidents", body, status=201)
        assert (made["ref"], made["severity"], made["services"]) == ("INC-1", "SEV1", ["checkout"])
        assert made["roles"] == [{"role": "commander", "person": "Mara Lindqvist", "id": w.mara}]
        assert (await api("POST", "/incidents", body, status=201))["ref"] == "INC-1"

        async def phase(to: str, status: int = 200, **more: Any) -> Any:
            return await api("POST", "/incidents/INC-1/phase", {"phase": to, **more}, status=status)

        await phase("investigating")
        await api("POST", "/incidents/INC-1/roles", {"role": "sme", "person_id": w.jun})
        canvas = {"conditions": "15 % fail", "actions": "rolling back", "needs": ""}
        assert (await api("PUT", "/incidents/INC-1/canvas", canvas))["conditions"] == "15 % fail"
        assert "mitigation" in (await phase("mitigating", 409))["detail"]
        entry = {"kind": "mitigation", "text": "Rolled back"}
        await api("POST", "/incidents/INC-1/entries", entry, status=201)
        await api("POST", "/incidents/INC-1/severity", {"severity": "sev0"})
        refused = await api("POST", "/incidents/INC-1/severity", {"severity": "P2"}, status=409)
        assert "reason" in refused["detail"]
        await w.alert("disk full", status="firing", labels={"service": "disk"})
        other = (await api("GET", "/pages", q="disk"))[0]["ref"]
        linked = await api("POST", "/incidents/INC-1/pages", {"page": other})
        assert linked["pages"] == ["PG-1", "PG-2", other]
        await phase("monitoring")
        following = {n["phase"]: n["refusal"] for n in (await api("GET", "/incidents/INC-1"))["next"]}
        assert "30 minutes" in following["closed"]
        assert (await phase("closed", 422, force=True))["errors"][0]["field"] == "reason"
        assert (await phase("closed", force=True, reason="false alarm"))["phase"] == "closed"
        story = await api("GET", "/incidents/INC-1/timeline")
        assert [e["kind"] for e in story][:2] == ["declared", "role"]
        assert [e["id"] for e in story] == sorted(e["id"] for e in story)
        assert await api("GET", "/incidents") == []
        assert [i["ref"] for i in await api("GET", "/incidents", phase="closed")] == ["INC-1"]

        await w.settle()
        draft = await api("GET", "/post-mortems/INC-1")
        assert "Rolled back" in draft["body"]
        saved = await api("PUT", "/post-mortems/INC-1", {"body": "# Told", "version": draft["version"]})
        assert saved["version"] == draft["version"] + 1
        lost = await api(
            "PUT", "/post-mortems/INC-1", {"body": "# Mine", "version": draft["version"]}, status=409
        )
        assert lost["type"] == "urn:firebell:problem:conflict"
        await api("POST", "/post-mortems/INC-1/publish", status=422)
        async with w.ctx.db.tx() as tx:
            await approved(tx, w, 1)
        assert (await api("POST", "/post-mortems/INC-1/publish"))["state"] == "published"
        await api("POST", "/post-mortems/INC-1/publish", status=409)
        assert [d["ref"] for d in await api("GET", "/post-mortems")] == ["INC-1"]
        assert (await api("GET", "/incidents/INC-1"))["phase"] == "reviewed"
        await api("POST", "/incidents", {"title": "Small", "severity": "SEV3"}, status=201)
        assert (await api("POST", "/post-mortems/INC-2", status=201))["state"] == "draft"


async def _walk(api: Api, path: str, name: str, limit: int) -> list[Any]:
    """Return the pages of a list by following its Link headers."""
    values: list[Any] = []
    address = f"{path}?limit={limit}"
    while address:
        answer = await api.answer("GET", address)
        assert answer.status_code == 200
        assert len(answer.json()) <= limit
        values += [item[name] for item in answer.json()]
        link = answer.headers.get("link", "")
        assert link.endswith('>; rel="next"') or not link
        address = link.partition(">")[0].removeprefix("</api/v1")
    return values


async def test_following_the_links_of_a_list_shows_every_entry_once(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        for number in range(7):
            await w.alert(f"alert {number}", labels={"service": f"part-{number}"})
            await api("POST", "/incidents", {"title": f"i {number}", "severity": "SEV2"}, status=201)
            await api("POST", "/teams", {"name": f"team {number}"}, status=201)
        await api("POST", "/pages/PG-6/ack")
        assert await _walk(api, "/pages", "ref", 2) == ["PG-7", *(f"PG-{i}" for i in (5, 4, 3, 2, 1, 6))]
        assert await _walk(api, "/incidents", "ref", 3) == [f"INC-{i}" for i in range(7, 0, -1)]
        assert await _walk(api, "/alerts", "id", 3) == list(range(7, 0, -1))
        assert await _walk(api, "/teams", "id", 5) == list(range(8, 0, -1))
        whole = await api("GET", "/audit", limit=500)
        assert await _walk(api, "/audit", "id", 4) == [e["id"] for e in whole]
        assert [p["ref"] for p in await api("GET", "/pages", q="alert 3")] == ["PG-4"]
