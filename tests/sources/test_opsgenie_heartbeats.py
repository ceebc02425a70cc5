"""Opsgenie's Heartbeat API on the heartbeats of a service."""

import json
from typing import Any

from firebell.heartbeats import actions as heartbeats
from firebell.kit.clock import FakeClock
from tests.sources.inbound_client import Door, door

NIGHTLY: dict[str, Any] = {
    "name": "nightly/job",
    "description": "The nightly job",
    "interval": 10,
    "intervalUnit": "minutes",
    "enabled": True,
    "ownerTeam": {"name": "Payments"},
    "alertMessage": "The nightly job is late",
    "alertTags": ["jobs", "night"],
    "alertPriority": "P1",
}


async def call(d: Door, method: str, path: str = "", body: Any = None) -> tuple[int, Any]:
    """Send a request, and return the status and the object of its answer."""
    headers = {"authorization": f"GenieKey {d.world.key}"}
    content = b"" if body is None else json.dumps(body).encode()
    answer = await d.http.request(method, f"/v2/heartbeats{path}", content=content, headers=headers)
    data = answer.json()
    assert isinstance(data, dict)
    assert data["requestId"]
    return answer.status_code, data


async def test_a_heartbeat_is_created_pinged_missed_and_resolved(dsn: str, clock: FakeClock) -> None:
    path = "/nightly%2Fjob"
    async with door(dsn, clock) as d:
        status, answer = await call(d, "POST", "", NIGHTLY)
        assert (status, answer["data"]["interval"], answer["data"]["intervalUnit"]) == (201, 10, "minutes")
        assert (await call(d, "POST", "", NIGHTLY))[0] == 409
        for method in ("GET", "POST", "PUT", "PATCH"):
            status, answer = await call(d, method, f"{path}/ping", "anything" if method == "PUT" else None)
            assert (status, answer["result"]) == (202, "PONG - Heartbeat received")
        shown = (await call(d, "GET", path))[1]["data"]
        assert (shown["enabled"], shown["expired"]) == (True, False)
        assert shown["lastPingTime"]
        for _ in range(24):
            async with d.world.ctx.db.tx() as tx:
                await heartbeats.record_reception(tx, d.world.now)
            await d.world.after(seconds=30)
        assert (await call(d, "GET", path))[1]["data"]["expired"] is True
        (alert,) = await d.alerts()
        assert (alert.title, alert.severity, alert.labels["tags"]) == (
            *("The nightly job is late", "critical"),
            "jobs,night",
        )
        assert await d.states() == ["triggered"]
        await call(d, "GET", f"{path}/ping")
        assert await d.states() == ["resolved"]


async def test_a_heartbeat_is_changed_paused_listed_and_deleted(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        await call(
            d, "POST", "", {"name": "hourly", "interval": 1, "intervalUnit": "hours", "enabled": False}
        )
        listed = (await call(d, "GET"))[1]["data"]["heartbeats"]
        assert [(h["name"], h["enabled"], h["interval"], h["intervalUnit"]) for h in listed] == [
            ("hourly", False, 1, "hours")
        ]
        assert (await call(d, "POST", "/hourly/enable"))[1]["data"]["enabled"] is True
        assert (await call(d, "PATCH", "/hourly", {"interval": 48, "description": "x"}))[0] == 200
        shown = (await call(d, "GET", "/hourly"))[1]["data"]
        assert (shown["interval"], shown["intervalUnit"], shown["description"]) == (2, "days", "x")
        for method in ("POST", "PUT", "PATCH"):
            assert (await call(d, method, "/hourly/disable"))[1]["data"]["enabled"] is False
            assert (await call(d, method, "/hourly/enable"))[1]["data"]["enabled"] is True
        assert (await call(d, "DELETE", "/hourly"))[0] == 200
        assert (await call(d, "GET"))[1]["data"]["heartbeats"] == []


async def test_each_wrong_request_has_its_answer(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for body, field in (
            ({"name": "x"}, "interval"),
            ({"name": "x", "interval": 0}, "interval"),
            ({"name": "x", "interval": "1"}, "interval"),
            ({"name": "x", "interval": 10**9}, "interval"),
            ({"name": "x", "interval": 1, "intervalUnit": "years"}, "intervalUnit"),
            ({"name": "", "interval": 1}, "name"),
            ({"name": "fail", "interval": 1}, "name"),
            ({"name": "x", "interval": 1, "alertPriority": "high"}, "alertPriority"),
        ):
            status, answer = await call(d, "POST", "", body)
            assert (status, list(answer["errors"])) == (422, [field]), body
        for method, path, status in (
            ("GET", "/none", 404),
            ("GET", "/none/ping", 404),
            ("GET", "/%00/ping", 404),
            ("POST", "/none/other", 404),
            ("PUT", "/none", 405),
            ("DELETE", "/none/ping", 405),
        ):
            assert (await call(d, method, path))[0] == status, path
        assert (await d.http.get("/v2/heartbeats/x/ping")).status_code == 401
