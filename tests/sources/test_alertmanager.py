"""Alertmanager 0.25 as it was recorded: webhook and PagerDuty receiver, firing and resolved."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firebell.alerts.model import Event, EventKind, Rejected
from firebell.alerts.sources import alertmanager
from firebell.kit.clock import FakeClock
from tests.sources.inbound_client import door

RECORDED = [
    json.loads(line)
    for line in (Path(__file__).parent / "samples" / "alertmanager-0.25-recorded.jsonl")
    .read_text()
    .splitlines()
]


def bodies(path: str) -> list[bytes]:
    return [r["b"].encode() for r in RECORDED if r["p"] == path]


def at(path: str, number: int) -> datetime:
    return datetime.fromtimestamp([r["t"] for r in RECORDED if r["p"] == path][number], UTC)


def events(body: bytes, received_at: datetime) -> tuple[Event, ...]:
    parsed = alertmanager.normalize(body, received_at)
    assert not isinstance(parsed, Rejected)
    return parsed


def test_a_recorded_message_is_one_event_per_alert() -> None:
    parsed = events(bodies("/am")[0], at("/am", 0))
    assert [e.dedup_key for e in parsed] == ["714bc2920b1fcad4", "354b97a35bcaee23"]
    first = parsed[0]
    assert (first.kind, first.title, first.severity) == (EventKind.FIRING, "127.0.0.1:21098 down", "critical")
    assert first.body == "job flaky — täst ✓"
    assert first.labels["job"] == "flaky"
    assert first.links == {
        "runbook": "https://runbooks.example/td",
        "source": "http://vm:21091/graph?g0.expr=up+%3D%3D+0&g0.tab=1",
    }
    assert first.occurred_at == datetime(2026, 11, 24, 4, 48, 27, 632000, tzinfo=UTC)


def test_the_recorded_end_has_the_same_keys_and_the_time_of_the_end() -> None:
    start, end = (events(bodies("/am")[i], at("/am", i)) for i in (0, -1))
    assert {e.dedup_key for e in end} == {e.dedup_key for e in start}
    assert {e.kind for e in end} == {EventKind.RESOLVED}
    assert all(
        e.occurred_at and s.occurred_at and e.occurred_at > s.occurred_at
        for s, e in zip(start, end, strict=True)
    )


async def test_the_recorded_webhook_opens_one_page_and_its_end_closes_it(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        clock.set(at("/am", 0))
        answer = await d.post("alertmanager", bodies("/am")[0])
        assert (answer.status_code, answer.json()) == (202, {"status": "accepted", "events": 2})
        await d.world.settle()
        assert d.world.sink.people() == ["Mara Lindqvist"]
        assert len(d.world.sink.got[0]["alerts"]) == 2
        await d.post("alertmanager", bodies("/am")[0])
        assert [a.count for a in await d.alerts()] == [1, 1]
        clock.set(at("/am", -1))
        await d.post("alertmanager", bodies("/am")[-1])
        assert [a.status for a in await d.alerts()] == ["resolved", "resolved"]
        assert await d.states() == ["resolved"]


async def test_the_recorded_pagerduty_receiver_does_the_same(dsn: str, clock: FakeClock) -> None:
    start, end = (json.loads(body) for body in bodies("/v2/enqueue"))
    key = start["dedup_key"]
    async with door(dsn, clock) as d:
        answer = await d.enqueue({**start, "routing_key": "KEY"})
        success = {"status": "success", "message": "Event processed", "dedup_key": key}
        assert (answer.status_code, answer.json()) == (202, success)
        (alert,) = await d.alerts()
        assert (alert.title, alert.severity) == ("[FIRING:2] TargetDown c1 (flaky critical ops)", "critical")
        assert alert.labels["num_firing"] == "2"
        assert await d.states() == ["triggered"]
        await d.enqueue({**end, "routing_key": "KEY"})
        assert await d.states() == ["resolved"]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b'{"alerts":{}}', b'{"alerts":[1]}', b"\xff\xfe"])
def test_a_body_that_is_not_a_webhook_message_is_rejected_with_a_reason_and_pages(body: bytes) -> None:
    parsed = alertmanager.normalize(body, datetime.now(UTC))
    assert isinstance(parsed, Rejected)
    assert parsed.reason
    (page,) = parsed.events
    assert (page.kind, page.severity, page.title) == (
        EventKind.FIRING,
        None,
        "Unreadable message from Alertmanager",
    )


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (b'\xef\xbb\xbf{"alerts":[{"status":"firing","fingerprint":"f1"}]}', ["f1"]),
        (
            b'{"alerts":[{"fingerprint":"f1"},{"fingerprint":"f2","labels":{"a":"Half\\ud83d"}}]}',
            ["f1", "f2"],
        ),
        (b'{"alerts":[{"fingerprint":"f1","x":1e9999},{"fingerprint":"f2","x":NaN}]}', ["f1", "f2"]),
    ],
)
def test_a_repairable_message_is_accepted_silently(body: bytes, keys: list[str]) -> None:
    assert [e.dedup_key for e in events(body, datetime.now(UTC))] == keys


def test_alerts_of_a_script_that_sends_no_labels_are_not_one_alert() -> None:
    body = (
        b'{"alerts":[{"status":"firing","annotations":{"summary":"db1 is down"}},'
        b'{"status":"firing","annotations":{"summary":"db2 is down"}},'
        b'{"status":"resolved","annotations":{"summary":"db1 is down"}}]}'
    )
    first, second, resolved = (e.dedup_key for e in events(body, datetime.now(UTC)))
    assert first == resolved != second


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"firing","alerts":[{"fingerprint":"f1"},null,{"fingerprint":"f2"}]}',
        b'{"alerts":[{"fingerprint":"f1"},{"fingerprint":"f2"},{"labels":{"alertname":"cut',
    ],
)
def test_one_bad_alert_silences_no_other_and_pages_itself(body: bytes) -> None:
    parsed = alertmanager.normalize(body, datetime.now(UTC))
    assert isinstance(parsed, Rejected)
    assert [e.dedup_key for e in parsed.events[:-1]] == ["f1", "f2"]
    assert parsed.events[-1].title == "Unreadable message from Alertmanager"


@pytest.mark.parametrize(
    "body",
    [
        b'{"status":"resolved","alerts":[{"status":"resolved","fingerprint":"f1"},null]}',
        b'{"alerts":[{"status":"resolved","fingerprint":"f1"},{"status":"resolved","labels":{"a":"cut',
    ],
)
def test_what_is_only_resolved_never_fires_though_it_is_cut_short(body: bytes) -> None:
    parsed = alertmanager.normalize(body, datetime.now(UTC))
    assert isinstance(parsed, Rejected)
    assert [(e.kind, e.dedup_key) for e in parsed.events] == [(EventKind.RESOLVED, "f1")]


def test_an_alert_without_a_fingerprint_is_known_by_its_labels() -> None:
    def message(labels: dict[str, Any]) -> bytes:
        return json.dumps({"alerts": [{"status": "firing", "labels": labels}]}).encode()

    now = datetime.now(UTC)
    one = events(message({"alertname": "X", "job": "a"}), now)[0]
    same = events(message({"job": "a", "alertname": "X"}), now)[0]
    other = events(message({"alertname": "X", "job": "b"}), now)[0]
    assert one.dedup_key == same.dedup_key != other.dedup_key
    assert one.title == "X"


async def test_an_alert_older_than_a_day_ends_though_its_end_was_stamped_before_its_repetition(
    dsn: str, clock: FakeClock
) -> None:
    def message(status: str, ends: str) -> dict[str, Any]:
        alert = {"status": status, "startsAt": "2026-11-22T00:00:00Z", "endsAt": ends, "fingerprint": "f"}
        return {"alerts": [{**alert, "labels": {"alertname": "Old"}}]}

    async with door(dsn, clock) as d:
        await d.post("alertmanager", message("firing", "0001-01-01T00:00:00Z"))
        await d.post("alertmanager", message("resolved", "2026-11-24T03:13:59Z"))
        assert await d.states() == ["resolved"]
