"""What known monitoring tools send to the generic address: title, key, severity, and recoveries that end alerts."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firebell.alerts.model import Event, EventKind, Rejected
from firebell.alerts.source_base.recognition import recognition_of
from firebell.alerts.source_base.registry import registry
from firebell.alerts.sources import generic
from firebell.kit.clock import FakeClock
from tests.sources.inbound_client import door

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
SAMPLES = Path(__file__).parent / "samples" / "shapes"
BODIES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(SAMPLES.glob("*.json"))
}
EXPECTED = {name: bodies.pop("expected") for name, bodies in BODIES.items()}
RECOGNIZED = {s.name: s.recognition for s in registry().sources if s.recognition}
PAIRS = [name for name, bodies in BODIES.items() if "resolved" in bodies]
EVERY_BODY = [(name, state) for name, bodies in BODIES.items() for state in bodies]


def read(body: Any) -> Event:
    """Return the one event of a body."""
    events = generic.normalize(json.dumps(body).encode(), NOW)
    assert not isinstance(events, Rejected)
    (event,) = events
    return event


@pytest.mark.parametrize("name", EXPECTED)
def test_a_known_tool_has_its_title_severity_and_key(name: str) -> None:
    event = read(BODIES[name]["firing"])
    assert {field: getattr(event, field) for field in EXPECTED[name]} == EXPECTED[name]
    assert event.kind is EventKind.FIRING


def test_every_recognized_tool_has_a_sample() -> None:
    assert {expected["read_as"] for expected in EXPECTED.values()} == set(RECOGNIZED)


@pytest.mark.parametrize(("name", "state"), EVERY_BODY)
def test_no_body_is_recognized_as_another_tools(name: str, state: str) -> None:
    body = BODIES[name][state]
    matching = {tool for tool, recognition in RECOGNIZED.items() if recognition.matches(body)}
    # Grafana's webhook is Alertmanager's with more in it, and comes first
    assert len(matching) == 1 or matching == {"grafana", "alertmanager"}
    if len(matching) == 2:
        assert RECOGNIZED["grafana"].precedence < RECOGNIZED["alertmanager"].precedence
    assert recognition_of({**body, "dedup_key": "mine"}) is None


@pytest.mark.parametrize("name", PAIRS)
def test_a_recovery_has_the_key_of_what_it_ends(name: str) -> None:
    firing, resolved = read(BODIES[name]["firing"]), read(BODIES[name]["resolved"])
    assert (firing.kind, resolved.kind) == (EventKind.FIRING, EventKind.RESOLVED)
    assert firing.dedup_key == resolved.dedup_key
    if firing.occurred_at and resolved.occurred_at:
        assert firing.occurred_at < resolved.occurred_at


@pytest.mark.parametrize("name", PAIRS)
async def test_a_known_tool_opens_one_page_which_its_recovery_resolves(
    name: str, dsn: str, clock: FakeClock
) -> None:
    bodies = BODIES[name]
    async with door(dsn, clock) as d:
        first = await d.post("generic", bodies["firing"])
        assert first.status_code == 202
        assert first.json()["read_as"] == EXPECTED[name]["read_as"]
        await d.post("generic", bodies["firing"])
        assert await d.states() == ["triggered"]
        assert len(await d.alerts()) == 1
        await d.post("generic", bodies["resolved"])
        assert await d.states() == ["resolved"]
        (alert,) = await d.alerts()
        assert (alert.status, alert.ended_by) == ("resolved", "source")


async def test_a_recovery_of_what_never_fired_pages_no_one(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        for name in PAIRS:
            assert (await d.post("generic", BODIES[name]["resolved"])).status_code == 202
            assert await d.states() == [], name


async def test_events_that_need_no_one_page_no_one_and_resolve_nothing(dsn: str, clock: FakeClock) -> None:
    quiet = [(name, state) for name, state in EVERY_BODY if state in ("ignored", "soft")]
    async with door(dsn, clock) as d:
        for name, state in quiet:
            answer = await d.post("generic", BODIES[name][state])
            assert answer.json()["ignored"] == 1, name
            assert await d.states() == []
        for name, state in quiet:
            await d.post("generic", BODIES[name]["firing"])
            await d.post("generic", BODIES[name][state])
        assert await d.states() == ["triggered"]
        assert {alert.status for alert in await d.alerts()} == {"firing"}


@pytest.mark.parametrize("name", [name for name, bodies in BODIES.items() if "acked" in bodies])
async def test_an_acknowledgement_at_the_source_acknowledges_and_never_fires(
    name: str, dsn: str, clock: FakeClock
) -> None:
    async with door(dsn, clock) as d:
        await d.post("generic", BODIES[name]["acked"])
        assert await d.states() == []
        await d.post("generic", BODIES[name]["firing"])
        await d.post("generic", BODIES[name]["acked"])
        assert await d.states() == ["acked"]


def test_links_and_labels_lead_back_to_the_tool() -> None:
    assert read(BODIES["grafana"]["firing"]).links == {
        "source": "https://grafana.example.org/alerting/grafana/abc/view?orgId=1",
        "runbook": "https://runbooks.example.org/memory",
        "dashboard": "https://grafana.example.org/d/mem",
        "panel": "https://grafana.example.org/d/mem?viewPanel=1",
        "silence": "https://grafana.example.org/alerting/silence/new?x=1",
    }
    alarm = read(BODIES["cloudwatch"]["firing"])
    assert alarm.links == {"runbook": "https://runbooks.example.org/5xx"}
    assert alarm.labels["LoadBalancer"] == "app/checkout/1"
    assert read(BODIES["datadog-template"]["firing"]).labels["role"] == "web"
    assert read(BODIES["gcp-monitoring"]["firing"]).links["runbook"] == "https://runbooks.example.org/cpu"
    assert read(BODIES["zabbix"]["firing"]).links["runbook"] == "https://runbooks.example.org/cpu"


def test_a_time_is_read_where_the_tool_gives_one() -> None:
    times = {name: read(bodies["firing"]).occurred_at for name, bodies in BODIES.items()}
    assert times["uptime-kuma"] == datetime(2026, 11, 24, 3, 11, 0, 123000, UTC)
    assert times["cloudwatch"] == datetime(2026, 11, 24, 3, 10, 0, 123000, UTC)
    assert times["datadog"] == times["gcp-monitoring"] == datetime(2026, 11, 24, 3, 10, tzinfo=UTC)


def test_an_alarm_that_sns_delivers_raw_is_the_same_alarm() -> None:
    bodies = BODIES["cloudwatch"]
    assert read(bodies["raw-firing"]).dedup_key == read(bodies["firing"]).dedup_key
    assert read(bodies["raw-resolved"]).kind is EventKind.RESOLVED


def test_two_texts_without_a_state_are_two_alerts() -> None:
    one = BODIES["sns"]["text"]
    other = {**one, "Message": "The nightly job failed on db8."}
    assert read(one).title == "The nightly job failed on db7."
    assert read(one).dedup_key != read(other).dedup_key
    assert read(one).missing == ("dedup_key", "status", "severity")


def test_a_test_of_uptime_kuma_and_a_certificate_can_wait() -> None:
    assert read(BODIES["uptime-kuma"]["test"]).severity == "info"
    expiring = BODIES["uptime-kuma"]["certificate"]
    assert read(expiring).severity == "warning"
    assert read({**expiring, "msg": expiring["msg"].replace("7", "6")}).dedup_key == read(expiring).dedup_key


def test_the_type_of_apprise_is_its_severity() -> None:
    assert [read(BODIES["apprise"][kind]).severity for kind in ("firing", "warning", "info")] == [
        "error",
        "warning",
        "info",
    ]


@pytest.mark.parametrize("word", ["DOWNTIMESTART", "DOWNTIMEEND", "DOWNTIMECANCELLED", "FLAPPINGSTART"])
@pytest.mark.parametrize("field", ["status", "type", "notification_type"])
async def test_a_downtime_or_flapping_of_nagios_never_pages(
    word: str, field: str, dsn: str, clock: FakeClock
) -> None:
    body = {"title": "HTTP CRITICAL: 500", "dedup_key": "web-1!HTTP", field: word}
    assert read(body).kind is EventKind.NOTE
    assert read({**BODIES["nagios"]["firing"], "type": word}).kind is EventKind.NOTE
    assert read({**BODIES["nagios"]["firing"], "type": word.title()}).kind is EventKind.NOTE
    if word != "DOWNTIMESTART":
        return
    async with door(dsn, clock) as d:
        await d.post("generic", body)
        assert await d.states() == []


def test_a_custom_notification_of_nagios_is_a_comment_and_a_type_called_custom_is_not() -> None:
    assert read({**BODIES["nagios"]["firing"], "type": "CUSTOM"}).kind is EventKind.NOTE
    assert read({"title": "Disk full", "host": "db1", "type": "custom"}).kind is EventKind.FIRING


@pytest.mark.parametrize(
    "word",
    [
        *("resolved", "resolve", "RECOVERY", "recovered", "ok", "OK", "closed", "close", "clear", "CLEAR"),
        *("cleared", "Normal", "inactive", "fixed", "success", "up", "UP", "passed", "0", 0),
    ],
)
@pytest.mark.parametrize("field", ["status", "state", "action", "event_action"])
def test_a_word_of_recovery_in_a_state_field_ends_the_alert(word: str | int, field: str) -> None:
    assert read({"title": "RAM in use", "key": "ram", field: word}).kind is EventKind.RESOLVED
    assert read({"title": "RAM in use", "key": "ram", "severity": word}).kind is EventKind.FIRING


def test_missing_fields_of_a_body_are_reported() -> None:
    assert read({"text": "It burns\nin rack 7"}).title == "It burns"
    assert read({"text": "It burns"}).missing == ("title", "dedup_key", "status", "severity")
    full = {"title": "a", "key": "b", "status": "firing", "severity": "critical"}
    assert (read(full).missing, read(full).read_as) == ((), "generic")


@pytest.mark.parametrize(
    "key", ["{EVENT.ID}", "*UNKNOWN*", "$ALERT_ID", "{{ alert.id }}", "null", "<no value>", "[]", [], {}]
)
def test_a_placeholder_that_was_not_filled_in_is_no_key_for_everything(key: object) -> None:
    one, other = ({"title": title, "key": key} for title in ("disk full", "fire"))
    assert read(one).dedup_key != read(other).dedup_key
    assert "dedup_key" in read(one).missing


async def test_the_response_lists_what_was_recognized_and_what_is_missing(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        answer = (await d.post("generic", BODIES["uptime-kuma"]["firing"])).json()
        assert answer == {
            "status": "accepted",
            "events": 1,
            "read_as": "uptime-kuma",
            "missing": ["severity"],
        }
        both = [BODIES["uptime-kuma"]["resolved"], {"title": "disk full"}]
        answer = (await d.post("generic", both)).json()
        assert (answer["events"], answer["read_as"]) == (2, "generic, uptime-kuma")
        assert answer["missing"] == ["dedup_key", "status", "severity"]


async def test_a_form_of_nagios_and_a_plain_text_of_gatus_are_recognized(dsn: str, clock: FakeClock) -> None:
    async with door(dsn, clock) as d:
        form = b"type=PROBLEM&host=web-1&service=HTTP&state=CRITICAL&output=timeout"
        assert (await d.post("generic", form)).json()["read_as"] == "nagios"
        await d.post("generic", form.replace(b"PROBLEM", b"RECOVERY"))
        assert await d.states() == ["resolved"]
        await d.post("generic", b"RESOLVED: core - shop - failed")
        assert await d.states() == ["resolved"]


async def test_a_subscription_to_confirm_pages_no_one_and_its_owner_gets_the_address(
    dsn: str, clock: FakeClock
) -> None:
    body = BODIES["sns"]["confirmation"]
    async with door(dsn, clock) as d:
        answer = await d.post("generic", body)
        assert (answer.status_code, answer.json()["ignored"]) == (202, 1)
        await d.post("generic", body)
        await d.world.settle()
        assert await d.states() == []
        assert await d.alerts() == []
        assert d.world.sink.people() == ["Mara Lindqvist", "Jun Okafor"]
        (notice, _) = d.world.sink.got
        assert (notice["event"], notice["urgency"], notice["page"]) == ("subscription", "low", "")
        assert body["SubscribeURL"] in notice["note"]
        again = {**body, "Token": "another"}
        await d.post("generic", again)
        await d.world.settle()
        assert len(d.world.sink.got) == 4


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example.org/?Action=ConfirmSubscription",
        "https://sns.eu-west-1.amazonaws.com.evil.example.org/",
        "https://sns.eu-west-1.amazonaws.com@evil.example.org/",
        "https://evil@sns.eu-west-1.amazonaws.com/",
        "https://sns.eu-west-1.amazonaws.com:8443/",
        "http://sns.eu-west-1.amazonaws.com/",
        "javascript:alert(1)",
        "https://[",
    ],
)
def test_an_address_that_is_not_amazons_is_not_passed_on_to_the_owner(address: str) -> None:
    event = read({**BODIES["sns"]["confirmation"], "SubscribeURL": address})
    assert (event.kind, event.links) == (EventKind.HANDSHAKE, {})


async def test_a_confirmation_without_a_trusted_address_still_reaches_the_owner(
    dsn: str, clock: FakeClock
) -> None:
    address = "https://evil.example.org/"
    async with door(dsn, clock) as d:
        await d.post("generic", {**BODIES["sns"]["confirmation"], "SubscribeURL": address})
        await d.world.settle()
        assert await d.states() == []
        assert len(d.world.sink.got) == 2
        assert all(address not in message["note"] for message in d.world.sink.got)


def test_a_known_shape_that_cannot_be_read_takes_nothing_else_with_it() -> None:
    broken = {**BODIES["grafana"]["firing"], "alerts": ["nonsense"]}
    rejected = generic.normalize(json.dumps([broken, {"title": "disk full"}]).encode(), NOW)
    assert isinstance(rejected, Rejected)
    assert [event.title for event in rejected.events][-1] == "disk full"
    assert len(rejected.events) == 2


@pytest.mark.parametrize(
    "more",
    [
        {"key": "web", "status": "down", "tags": "prod", "name": "web"},
        {"chart": "redis-1.2", "name": "redis", "status": "failed"},
        {"sensor": "temperature", "status": "down"},
        {"event": "temperature", "value": 0},
        {"event": "4711", "value": "0"},
        {"subject": "Problem with the checkout", "message": "It is slow"},
        {"type": "custom", "host": "db1"},
        {"action": "opened", "installation": {"id": 1}, "issue": {"id": 2}},
        {"version": "1.0", "message": "x", "type": "alert"},
    ],
)
def test_a_custom_body_that_resembles_a_tool_keeps_its_fields(
    more: dict[str, Any],
) -> None:
    event = read({"title": "Mine", "labels": {"service": "shop"}, "priority": "p1", **more})
    assert (event.read_as, event.kind) == ("generic", EventKind.FIRING)
    assert (event.title, event.labels["service"], event.severity) == ("Mine", "shop", "critical")
