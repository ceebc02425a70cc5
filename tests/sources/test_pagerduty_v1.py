"""PagerDuty's first API, and the addresses of its integrations."""

import json
from typing import Any

from firebell.alerts.source_base.source import MAX_KEYED_BODY_BYTES
from firebell.kit.clock import FakeClock
from tests.sources.inbound_client import Door, door

PATH = "/generic/2010-04-15/create_event.json"
TRIGGER: dict[str, Any] = {
    "event_type": "trigger",
    "incident_key": "disk/db1",
    "description": "Disk of db1 is full",
    "details": {"free": "1%", "mounts": ["/"]},
    "client": "Nagios",
    "client_url": "https://nagios.example.org",
    "contexts": [
        {"type": "link", "href": "https://runbooks.example.org/disk", "text": "Runbook"},
        {"type": "image", "src": "https://graphs.example.org/disk.png", "alt": "Disk"},
        {"type": "link", "href": "javascript:alert(1)"},
        "x",
    ],
}


async def send(d: Door, body: Any, path: str = PATH) -> tuple[int, Any]:
    if isinstance(body, dict):
        body = json.dumps({"service_key": d.world.key, **body}).encode()
    answer = await d.http.post(path, content=body)
    return answer.status_code, answer.json()


async def test_trigger_acknowledge_resolve(dsn: str, clock: FakeClock) -> None:
    success = {"status": "success", "message": "Event processed", "incident_key": "disk/db1"}
    async with door(dsn, clock) as d:
        for event_type, state in (
            ("trigger", "triggered"),
            ("acknowledge", "acked"),
            ("resolve", "resolved"),
        ):
            assert await send(d, {**TRIGGER, "event_type": event_type}) == (200, success)
            assert await d.states() == [state]
        (alert,) = await d.alerts()
        assert (alert.title, alert.severity) == ("Disk of db1 is full", None)
        assert alert.labels == {"client": "Nagios", "free": "1%", "mounts": '["/"]'}
        assert alert.links == {
            "source": "https://nagios.example.org",
            "Runbook": "https://runbooks.example.org/disk",
            "Disk": "https://graphs.example.org/disk.png",
        }
        made = (await send(d, {"event_type": "trigger", "description": "x"}))[1]["incident_key"]
        assert len(made) == 32


async def test_each_fault_has_its_answer(dsn: str, clock: FakeClock) -> None:
    faults = [
        ({"event_type": "trigger"}, "'description' is missing or blank"),
        ({"event_type": "close"}, "'event_type' is invalid (must be one of: trigger, acknowledge, resolve)"),
        ({"event_type": "resolve"}, "'incident_key' is missing or blank"),
        ({**TRIGGER, "incident_key": "k" * 256}, "'incident_key' is longer than 255 characters"),
        ({**TRIGGER, "incident_key": ["k"]}, "'incident_key' is not text"),
        ({**TRIGGER, "service_key": "0" * 32}, "'service_key' is not the key of an integration here"),
        ({**TRIGGER, "service_key": 7}, "'service_key' is missing or blank"),
    ]
    async with door(dsn, clock) as d:
        for body, error in faults:
            status, answer = await send(d, body)
            assert (status, answer["status"]) == (400, "invalid event")
            assert error in answer["errors"]
        for content in (b"", b"{", b"[]", b"null"):
            status, answer = await send(d, content)
            assert (status, answer["status"]) == (400, "unrecognized object")
        assert await d.alerts() == []
        assert len(await d.raw()) == 5


async def test_an_integration_url_reads_pagerduty_sns_and_other_tools(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        path = f"/integration/{d.world.key}/enqueue"
        alarm = {
            "AlarmName": "cpu",
            "NewStateValue": "ALARM",
            "AlarmArn": "arn:aws:cw:1",
            "OldStateValue": "OK",
        }
        bodies: list[Any] = [
            {
                "event_action": "trigger",
                "dedup_key": 7,
                "payload": {"summary": "s", "source": "x", "severity": "ERROR"},
            },
            {
                "Type": "Notification",
                "TopicArn": "arn:aws:sns:eu-west-1:1:t",
                "MessageId": "1",
                "Message": json.dumps(alarm),
            },
            {"title": "Disk full", "key": "disk"},
        ]
        for body in bodies:
            status, answer = await send(d, json.dumps(body).encode(), path)
            assert (status, answer["status"]) == (202, "success")
        assert [(a.dedup_key, a.severity) for a in await d.alerts()] == [
            ("7", "error"),
            ("arn:aws:cw:1", None),
            ("disk", None),
        ]
        refused = await send(d, json.dumps({"event_action": "trigger"}).encode(), path)
        assert (refused[0], refused[1]["status"]) == (400, "invalid event")
        assert (await send(d, b"{}", f"/integration/{'0' * 32}/enqueue"))[0] == 404


async def test_a_long_summary_is_a_title_and_the_whole_of_it_in_the_body(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        summary = "word " * 300
        payload = {"summary": summary, "source": "x", "severity": "info", "custom_details": "see log"}
        await d.enqueue({"routing_key": "KEY", "event_action": "trigger", "payload": payload})
        (alert,) = await d.alerts()
        assert len(alert.title) == 255
        assert alert.body == f"{summary.strip()}\n\nsee log"


async def test_a_long_description_stands_whole_in_the_body(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        description = "word " * 300
        await send(d, {"event_type": "trigger", "description": description, "details": "see log"})
        (alert,) = await d.alerts()
        assert len(alert.title) == 255
        assert alert.body == f"{description.strip()}\n\nsee log"


async def test_an_event_that_is_too_large_pages(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        status, answer = await send(d, {**TRIGGER, "details": "x" * MAX_KEYED_BODY_BYTES})
        assert (status, answer["status"]) == (413, "failed")
        assert [(a.dedup_key, a.severity) for a in await d.alerts()] == [("too-large", "critical")]
        assert [kept.source for kept in await d.raw()] == ["pagerduty-v1"]
