"""VictorOps, now Splunk On-Call: its message types, its answers, and what becomes of its fields."""

import json
from typing import Any

from firebell.alerts import actions as alerts
from firebell.kit.clock import FakeClock
from tests.sources.inbound_client import Door, door

DISK: dict[str, Any] = {
    "message_type": "CRITICAL",
    "entity_id": "disk/db1",
    "entity_display_name": "Disk of db1",
    "state_message": "1% left",
    "state_start_time": 1795749120,
    "monitoring_tool": "Nagios",
    "vo_annotate.u.Runbook": "https://runbooks.example.org/disk",
    "vo_annotate.s.Note": "Call the vendor",
    "host": "db1",
}


async def send(d: Door, body: Any, routing: str = "/shop%2Feu") -> tuple[int, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    path = f"/integrations/generic/20131114/alert/{d.world.key}{routing}"
    answer = await d.http.post(path, content=content)
    return answer.status_code, answer.json()


async def test_a_message_is_an_alert_with_all_its_fields(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        assert await send(d, DISK) == (200, {"result": "success", "entity_id": "disk/db1"})
        (alert,) = await d.alerts()
        assert (alert.title, alert.body, alert.severity) == ("Disk of db1", "1% left", "critical")
        assert alert.labels == {"routing_key": "shop/eu", "monitoring_tool": "Nagios", "host": "db1"}
        assert alert.links == {"Runbook": "https://runbooks.example.org/disk"}
        assert alert.annotations == {"Note": "Call the vendor"}
        assert await d.states() == ["triggered"]
        for message_type, state in (("ack", "acked"), ("Recovery", "resolved"), ("made up", "triggered")):
            await send(d, {**DISK, "message_type": message_type}, "")
            assert (await d.states())[-1] == state
        await send(d, {**DISK, "message_type": "WARNING", "entity_id": "w"})
        assert (await d.alerts())[-1].severity == "warning"


async def test_info_is_a_change_and_pages_no_one(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        assert (await send(d, {**DISK, "message_type": "INFO"}))[1]["entity_id"] == "disk/db1"
        async with d.world.ctx.db.tx() as tx:
            (change,) = await alerts.changes(tx, None)
        assert (change.summary, change.source) == ("Disk of db1", "Nagios")
        assert (await d.alerts(), await d.states()) == ([], [])


async def test_what_cannot_be_read_is_refused_and_kept(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for body in (b"", b"null", b"[]", b"{}", b"\xff\x00", {"message_type": " "}):
            status, answer = await send(d, body)
            assert (status, answer["result"]) == (400, "failure")
            assert (await d.raw())[0].error
        assert await d.alerts() == []
        unknown = await d.http.post(f"/integrations/generic/20131114/alert/{'0' * 32}/x", json=DISK)
        assert unknown.status_code == 404
        for n in range(2):
            await send(d, {"message_type": "CRITICAL", "state_message": f"first {n}\nsecond"})
        assert [a.title for a in await d.alerts()] == ["first 0", "first 1"]
