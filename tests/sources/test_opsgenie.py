"""Opsgenie's Alert API: every write, its result, what the reads then show, and what is refused."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import httpx

from firebell.alerts import actions as alerts
from firebell.alerts.routing_rules.rules import RoutingRule, Urgency
from firebell.kit.clock import FakeClock
from firebell.kit.db.events import SYSTEM
from tests.sources.inbound_client import Door, door

ALIAS = "host/cpu 1"
DISK: dict[str, Any] = {
    "message": "Disk of db1 is full",
    "alias": ALIAS,
    "description": "1% left",
    "priority": "P1",
    "source": "Nagios",
    "entity": "db1",
    "tags": ["prod", "disk", "prod"],
    "details": {"free": "1%", "mounts": ["/"], "source": "a detail"},
    "responders": [{"type": "team", "name": "Payments"}],
    "user": "Checkmk",
}


@dataclass
class Client:
    """A client of the API with one integration key."""

    door: Door

    async def call(self, method: str, path: str, body: Any = None, **query: Any) -> tuple[int, Any]:
        """Send a request, and return the status and the object of its answer."""
        headers = {"authorization": f"genieKEY {self.door.world.key}"}
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = await self.door.http.request(
            method, f"/v2/alerts{path}", content=content, headers=headers, params=query or None
        )
        data = answer.json()
        assert answer.headers["x-request-id"] == data["requestId"]
        assert data["took"] >= 0
        return answer.status_code, data

    async def write(self, method: str, end: str, body: Any = None, **query: Any) -> dict[str, Any]:
        """Send a write about the alert of ALIAS, and return its result."""
        path = f"/{quote(ALIAS, safe='')}{end}"
        status, answer = await self.call(method, path, body, identifierType="alias", **query)
        assert status == 202, answer
        return await self.result(answer["requestId"])

    async def result(self, request_id: str) -> dict[str, Any]:
        """Return what became of a request."""
        status, answer = await self.call("GET", f"/requests/{request_id}")
        assert status == 200
        result: dict[str, Any] = answer["data"]
        return result

    async def shown(self) -> dict[str, Any]:
        """Return the alert of ALIAS."""
        status, answer = await self.call("GET", f"/{quote(ALIAS, safe='')}", identifierType="alias")
        assert status == 200
        alert: dict[str, Any] = answer["data"]
        return alert


@asynccontextmanager
async def client(dsn: str, clock: FakeClock) -> AsyncIterator[Client]:
    async with door(dsn, clock) as d:
        yield Client(d)


async def test_an_alert_is_created_and_read_by_each_of_its_names(dsn: str, clock: FakeClock) -> None:
    async with client(dsn, clock) as c:
        status, answer = await c.call("POST", "", DISK)
        assert (status, answer["result"]) == (202, "Request will be processed")
        result = await c.result(answer["requestId"])
        assert (result["isSuccess"], result["action"], result["status"]) == (True, "Create", "Created alert")
        assert result["alias"] == ALIAS
        alert = await c.shown()
        assert alert["id"] == result["alertId"]
        for path, kind in ((alert["id"], None), (alert["tinyId"], "tiny")):
            query = {"identifierType": kind} if kind else {}
            assert (await c.call("GET", f"/{path}", **query))[1]["data"] == alert
        assert (alert["message"], alert["description"], alert["priority"]) == (
            DISK["message"],
            "1% left",
            "P1",
        )
        assert (alert["tags"], alert["source"], alert["entity"]) == (["prod", "disk"], "Nagios", "db1")
        assert alert["details"] == {"free": "1%", "mounts": '["/"]', "source": "a detail"}
        assert (alert["status"], alert["acknowledged"], alert["isSeen"], alert["count"]) == (
            "open",
            False,
            False,
            1,
        )
        (stored,) = await c.door.alerts()
        assert (stored.dedup_key, stored.severity, stored.labels["tags"]) == (ALIAS, "critical", "prod,disk")
        assert await c.door.states() == ["triggered"]
        await c.call("POST", "", {**DISK, "note": "again"})
        assert (await c.shown())["count"] == 2
        assert len(await c.door.raw()) == 2


async def test_every_write_is_seen_by_the_next_read(dsn: str, clock: FakeClock) -> None:
    async with client(dsn, clock) as c:
        await c.call("POST", "", DISK)
        assert (await c.write("POST", "/acknowledge", {"user": "mara@example.org", "note": "On it"}))[
            "isSuccess"
        ]
        alert = await c.shown()
        assert (alert["acknowledged"], alert["owner"]) == (True, "mara@example.org")
        assert (await c.write("POST", "/unacknowledge", {}))["isSuccess"]
        assert (await c.shown())["acknowledged"] is False
        assert await c.door.states() == ["triggered"]
        assert (await c.write("POST", "/acknowledge", {"user": "robot"}))["status"] == "Acknowledged alert"
        assert await c.door.states() == ["acked"]
        until = (c.door.world.now + timedelta(hours=1)).isoformat()
        assert (await c.write("POST", "/snooze", {"endTime": until}))["isSuccess"]
        assert (await c.shown())["snoozedUntil"] == until.replace("+00:00", "Z")
        assert (await c.write("POST", "/escalate", {"escalation": {"name": "Another"}}))["isSuccess"]
        assert await c.door.states() == ["triggered"]
        await c.write("POST", "/tags", {"tags": ["eu", "disk"]})
        await c.write("DELETE", "/tags", tags="prod,none")
        await c.write("POST", "/details", {"details": {"region": "eu", "free": 2}})
        await c.write("DELETE", "/details", keys="mounts,source")
        await c.write("PUT", "/message", {"message": "Disk of db1"})
        await c.write("PUT", "/description", {"description": "half full"})
        await c.write("PUT", "/priority", {"priority": "P5"})
        await c.write("POST", "/notes", {"note": "Called the vendor", "user": "robot"})
        alert = await c.shown()
        assert (alert["tags"], alert["details"]) == (["disk", "eu"], {"free": "2", "region": "eu"})
        assert (alert["message"], alert["description"], alert["priority"]) == (
            "Disk of db1",
            "half full",
            "P5",
        )
        assert (alert["source"], alert["entity"], alert["count"]) == ("Nagios", "db1", 1)
        assert [page.title for page in await c.door.world.pages()] == ["Disk of db1"]
        notes = (await c.call("GET", f"/{alert['id']}/notes", limit=1))[1]
        assert [(n["note"], n["owner"]) for n in notes["data"]] == [
            ("Called the vendor", "Opsgenie API: robot")
        ]
        assert notes["paging"]["next"]
        older = httpx.URL(notes["paging"]["next"]).params
        again = (await c.call("GET", f"/{alert['tinyId']}/notes", **dict(older)))[1]["data"]
        assert "Another" in again[0]["note"]
        assert len((await c.call("GET", f"/{alert['id']}/logs", order="asc"))[1]["data"]) > 3
        assert (await c.call("GET", f"/{alert['id']}/recipients"))[0] == 200
        closed = await c.write("POST", "/close", {"note": "Done"})
        assert (closed["isSuccess"], closed["action"], closed["status"]) == (True, "Close", "Closed alert")
        assert (await c.shown())["status"] == "closed"
        assert await c.door.states() == ["resolved"]
        assert (await c.write("POST", "/acknowledge"))["status"] == "Alert is already closed"
        await c.call("POST", "", DISK)
        assert await c.door.states() == ["resolved", "triggered"]
        assert (await c.write("DELETE", ""))["status"] == "Deleted alert"
        assert await c.door.states() == ["resolved", "resolved"]

        # a rule holds what is informational; once the client says that it is critical, it pages as another rule says
        rules = [
            RoutingRule("Informational", "severity=info", pages=False),
            RoutingRule("Not urgent", "severity=critical", urgency=Urgency.LOW),
        ]
        async with c.door.world.ctx.db.tx() as tx:
            await alerts.save_routing(tx, SYSTEM, rules, based_on=0, now=clock.now())
        clock.advance(timedelta(seconds=6))
        await c.call("POST", "", {**DISK, "priority": "P5"})
        assert await c.door.states() == ["resolved", "resolved"]
        await c.write("PUT", "/priority", {"priority": "P1"})
        await c.write("POST", "/tags", {"tags": ["late"]})
        assert await c.door.states() == ["resolved", "resolved", "triggered"]
        assert (await c.door.world.pages())[-1].urgency == "low"


async def test_a_write_about_an_ended_alert_changes_no_firing_alert(dsn: str, clock: FakeClock) -> None:
    async with client(dsn, clock) as c:
        await c.call("POST", "", DISK)
        old = await c.shown()
        assert (await c.write("POST", "/close", {}))["isSuccess"]
        clock.advance(timedelta(minutes=10))
        await c.call("POST", "", DISK)
        assert (await c.door.states())[-1] == "triggered"
        for method, end, body, query in (
            ("POST", "/close", {}, {}),
            ("DELETE", "", None, {}),
            ("PUT", "/priority", {"priority": "P5"}, {}),
            ("PUT", "/message", {"message": "Nothing to see"}, {}),
            ("POST", "/tags", {"tags": ["archived"]}, {}),
            ("DELETE", "/details", None, {"keys": "free"}),
        ):
            status, answer = await c.call(method, f"/{old['id']}{end}", body, **query)
            assert status == 202
            result = await c.result(answer["requestId"])
            assert (result["isSuccess"], result["status"]) == (False, "Alert is already closed"), end
        assert (await c.door.states())[-1] == "triggered"
        now = await c.shown()
        assert now["id"] != old["id"]
        assert (now["status"], now["priority"], now["message"]) == ("open", "P1", DISK["message"])
        assert (now["tags"], now["details"]["free"]) == (["prod", "disk"], "1%")
        # the firing alert is closed by its own id
        status, answer = await c.call("POST", f"/{now['id']}/close", {})
        assert (await c.result(answer["requestId"]))["isSuccess"]
        assert (await c.door.states())[-1] == "resolved"


async def test_people_teams_and_unknown_responders(dsn: str, clock: FakeClock) -> None:
    async with client(dsn, clock) as c:
        await c.call("POST", "", DISK)
        assert (await c.write("POST", "/assign", {"owner": {"username": "JUN@example.org"}}))["isSuccess"]
        assert (await c.shown())["owner"] == "jun@example.org"
        assert await c.door.states() == ["triggered", "triggered"]
        await c.door.world.settle()
        assert "Jun Okafor" in c.door.world.sink.people()
        failed = await c.write("POST", "/responders", {"responder": {"type": "user", "name": "No one"}})
        assert (failed["isSuccess"], failed["status"]) == (False, "Responder does not exist")
        for body in (
            {"responder": {"type": "user", "username": "Mara Lindqvist"}},
            {"responder": {"type": "team", "name": "payments"}},
        ):
            assert (await c.write("POST", "/responders", body))["isSuccess"], body
        assert len(await c.door.states()) == 4
        status, answer = await c.call(
            "POST", f"/{(await c.shown())['id']}/assign", {"owner": {"id": "nobody"}}
        )
        assert (status, list(answer["errors"])) == (422, ["owner"])


async def test_an_action_on_an_unknown_alert_is_accepted_and_its_result_says_so(
    dsn: str, clock: FakeClock
) -> None:
    async with client(dsn, clock) as c:
        for path, kind in (("nope", "alias"), ("7", "tiny"), ("%00", "alias"), ("🔥", "alias"), ("x", "id")):
            status, answer = await c.call("POST", f"/{quote(path)}/close", {}, identifierType=kind)
            assert status == 202
            result = await c.result(answer["requestId"])
            assert (result["isSuccess"], result["status"]) == (False, "Alert does not exist")
            assert (await c.call("GET", f"/{quote(path)}", identifierType=kind))[0] == 404
        assert len(await c.door.raw()) == 5
        await c.call("POST", "", DISK)
        assert (await c.write("POST", "/acknowledge", None, user="\x00robot\x07"))["isSuccess"]
        action = await c.write("POST", "/actions/restart", {})
        assert (action["isSuccess"], action["status"]) == (False, "Action not supported")
        alert = await c.shown()
        base = f"/{alert['id']}/attachments"
        assert (await c.call("POST", base, b"--x\r\n"))[0] == 201
        assert (await c.call("GET", base))[1]["data"] == []
        assert (await c.call("DELETE", f"{base}/1"))[0] == 200


async def test_a_list_is_filtered_sorted_and_paged(dsn: str, clock: FakeClock) -> None:
    async with client(dsn, clock) as c:
        for number in range(5):
            priority = "P1" if number % 2 else "P4"
            body = {
                "message": f"Alert {number}",
                "alias": f"a{number}",
                "priority": priority,
                "tags": [f"t{number}"],
            }
            await c.call("POST", "", body | {"details": {"number": str(number)}})
        await c.call("POST", "/a4/close", {}, identifierType="alias")
        await c.call("POST", "/a1/acknowledge", {}, identifierType="alias")
        now_ms = int(c.door.world.now.timestamp() * 1000)

        async def aliases(**query: Any) -> list[str]:
            status, answer = await c.call("GET", "", **query)
            assert status == 200, answer
            count = (await c.call("GET", "/count", query=query.get("query", "")))[1]["data"]["count"]
            assert count >= len(answer["data"])
            return [alert["alias"] for alert in answer["data"]]

        assert await aliases() == ["a4", "a3", "a2", "a1", "a0"]
        assert await aliases(order="asc", sort="message", limit=2, offset=1) == ["a1", "a2"]
        for query, expected in (
            ("status: open AND priority: P1", ["a3", "a1"]),
            ("priority: P1 OR status: closed", ["a4", "a3", "a1"]),
            ("NOT status: open", ["a4"]),
            ("acknowledged: true", ["a0", "a1", "a2", "a3"]),
            ("tag: t2", ["a2"]),
            ("alias: a* AND details.value: 3", ["a3"]),
            ("details.key: number AND message: '%'", []),
            ('"alert 1"', ["a1"]),
            (f"createdAt <= {now_ms} count >= 1 tinyId > 1", ["a4", "a3", "a2", "a1"]),
            ("owner: nobody OR entity: x OR teams: y OR responders: z OR source: q", []),
            ("isSeen: false AND snoozed: false", ["a4", "a3", "a2", "a1", "a0"]),
        ):
            if query.startswith("acknowledged"):
                assert set(await aliases(query=query)) == set(expected)
            else:
                assert await aliases(query=query) in (expected, []), query
        answer = (await c.call("GET", "", limit=2, offset=2))[1]
        assert set(answer["paging"]) == {"first", "prev", "next", "last"}
        for sort in ("createdAt", "updatedAt", "owner", "source", "count", "snoozedUntil", "isSeen"):
            assert len(await aliases(sort=sort)) == 5
        refused_queries: tuple[dict[str, Any], ...] = (
            {"limit": 0},
            {"limit": 101},
            {"limit": "x"},
            {"offset": -1},
            {"offset": 19_999},
            {"sort": "no"},
            {"order": "up"},
            {"query": "(((("},
            {"query": "x" * 10_000},
            {"query": "no: field"},
            {"query": "message: \x00"},
            {"searchIdentifier": "mine"},
        )
        for wrong in refused_queries:
            status, refused = await c.call("GET", "", **wrong)
            assert (status, bool(refused["errors"])) == (422, True), wrong


async def test_what_is_refused_is_kept_and_answered_as_json(dsn: str, clock: FakeClock) -> None:
    async with client(dsn, clock) as c:
        for body, status in (
            (b"{", 400),
            (b"null", 400),
            (b"[1,2]", 400),
            (b'"text"', 400),
            (b"\xff\x00", 400),
            (b"[" * 200_000, 400),
            (b"", 422),
            ({}, 422),
            ({"message": " "}, 422),
            ({"message": "x", "alias": "é" * 513}, 422),
            ({"message": "x", "priority": "P6"}, 422),
        ):
            assert (await c.call("POST", "", body))[0] == status, body
            assert (await c.door.raw())[0].error
        assert await c.door.alerts() == []
        assert (await c.call("POST", "", b"x" * (1024 * 1024 + 1)))[0] == 413
        long = {
            "message": "m" * 2000,
            "alias": "é" * 512,
            "tags": ["t" * 600] * 50 + [7],
            "details": {"a": None},
        }
        assert (await c.call("POST", "", long))[0] == 202
        too_large, alert = await c.door.alerts()
        assert (too_large.dedup_key, too_large.severity) == ("too-large", "critical")
        assert (len(alert.title), len(alert.body), alert.severity) == (255, 2000, None)
        await c.call("POST", "", DISK)
        for method, end, body, field in (
            ("POST", "/snooze", {"endTime": "yesterday"}, "endTime"),
            ("POST", "/snooze", {"endTime": "2020-01-01T00:00:00Z"}, "endTime"),
            ("POST", "/notes", {"note": ""}, "note"),
            ("PUT", "/priority", {"priority": "high"}, "priority"),
            ("PUT", "/message", {}, "message"),
        ):
            path = f"/{quote(ALIAS, safe='')}{end}"
            status, answer = await c.call(method, path, body, identifierType="alias")
            assert (status, list(answer["errors"])) == (422, [field])
            assert (await c.door.raw())[0].error
        assert (await c.call("GET", "/x", identifierType="name"))[0] == 422
        for method, path, status in (
            ("PUT", "", 405),
            ("PUT", "/x", 405),
            ("GET", "/x/close", 404),
            ("POST", "/x/logs", 405),
            ("POST", "/x/y", 404),
            ("GET", "/requests/x", 404),
            ("GET", "/requests/00000000-0000-0000-0000-000000000000", 404),
            ("GET", "/saved-searches", 403),
        ):
            assert (await c.call(method, path))[0] == status, (method, path)
        for path in ("/v2/teams", "/v2/schedules/x/on-calls", "/v1/incidents/create"):
            answer = await c.door.http.get(path, params={"apiKey": c.door.world.key})
            assert (answer.status_code, answer.json()["code"]) == (403, 40302)
        for headers in ({}, {"authorization": "GenieKey x"}, {"authorization": f"Bearer {c.door.world.key}"}):
            refused = await c.door.http.post("/v2/alerts", json=DISK, headers=headers)
            assert (refused.status_code, set(refused.json())) == (401, {"message", "took", "requestId"})


async def test_an_unavailable_database_is_answered_with_503(dsn: str, clock: FakeClock) -> None:
    async with client(dsn, clock) as c:
        await c.call("POST", "", DISK)
        await c.door.world.ctx.ingest_db.close()
        for path in ("", "/x/close"):
            assert (await c.call("POST", path, DISK))[0] == 503


async def test_a_webhook_of_an_integration_is_answered_with_200(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        alarm = {"host": "db1", "name": "disk", "chart": "disk.space", "when": 1, "value": "99"}
        for status, state in (("CRITICAL", "triggered"), ("CLEAR", "resolved")):
            answer = await d.http.post(
                f"/v1/json/integrations/webhooks/netdata?apiKey={d.world.key}",
                json={**alarm, "status": status},
            )
            assert (answer.status_code, await d.states()) == (200, [state])
        assert (await d.http.post("/v1/json/integrations/webhooks/netdata", json=alarm)).status_code == 401
