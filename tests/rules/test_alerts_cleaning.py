"""A11: normalizing never raises, and stays within the limits of spec 3.1, whatever a sender sends."""

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts import cleaning
from firebell.alerts.model import TEST_KEY_PREFIX, Event, EventKind, Rejected
from firebell.alerts.source_base.source import KeyedRequest
from firebell.alerts.sources import alertmanager, generic, pagerduty

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
Source = Callable[[bytes], tuple[Event, ...] | Rejected]


def _pagerduty(body: bytes) -> tuple[Event, ...] | Rejected:
    message = pagerduty.read(KeyedRequest(body, NOW, new_key="f" * 32))
    return Rejected("; ".join(message.errors)) if message.errors else message.events


SOURCES: dict[str, Source] = {
    "alertmanager": lambda body: alertmanager.normalize(body, NOW),
    "generic": lambda body: generic.normalize(body, NOW),
    "pagerduty": _pagerduty,
}
sources = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)

NASTY = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "a\x00b",
        "e\x00\u0301",
        "\ud800",
        "\x1b[31m",
        "\u202e",
        "é" * 40,
        "x" * 5000,
        "9999-12-31T23:59:59-05:00",
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "2026-11-24T03:13:00Z",
        "resolved",
        "critical",
        f"{TEST_KEY_PREFIX}1",
    ]
)
CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
"""The Unicode categories Cc, except newline and tab, and Cs."""
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**30, -(10**400)]),
    st.floats(),
    NASTY,
    st.text(),
)
VALUES = st.recursive(
    SCALARS,
    lambda v: st.lists(v, max_size=4) | st.dictionaries(NASTY | st.text(), v, max_size=4),
    max_leaves=12,
)
NAMES = {
    "alertmanager": ["status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"],
    "generic": [
        "title",
        "message",
        "body",
        "key",
        "status",
        "time",
        "labels",
        "links",
        "service",
        "severity",
    ],
    "pagerduty": ["payload", "dedup_key", "client_url", "links", "images", "client"],
}


def within_limits(event: Event) -> None:
    """Assert what spec 3.1 promises of every event."""
    assert 1 <= len(event.title) <= cleaning.MAX_TITLE
    assert "\n" not in event.title
    assert len(event.body) <= cleaning.MAX_BODY
    assert 1 <= len(event.dedup_key) <= cleaning.MAX_KEY
    for pairs in (event.labels, event.annotations, event.links):
        assert len(pairs) <= cleaning.MAX_LABELS
        assert all(
            1 <= len(n) <= cleaning.MAX_NAME and 1 <= len(v) <= cleaning.MAX_VALUE for n, v in pairs.items()
        )
    texts = [event.title, event.body, event.dedup_key, *event.labels, *event.labels.values()]
    for text in [*texts, *event.annotations.values(), *event.links.values()]:
        assert unicodedata.is_normalized("NFC", text)
        assert not CONTROLS.search(text)
        text.encode()
    assert event.severity in ("critical", "error", "warning", "info", None)
    if event.occurred_at is not None:
        assert NOW - timedelta(hours=24) <= event.occurred_at <= NOW + timedelta(minutes=5)
        assert event.occurred_at.tzinfo is UTC
    msgspec.json.encode(event)


def check(source: Source, body: bytes) -> None:
    """Normalize and check the result."""
    parsed = source(body)
    if isinstance(parsed, Rejected):
        assert parsed.reason
    for event in parsed.events if isinstance(parsed, Rejected) else parsed:
        within_limits(event)


@sources
@settings(deadline=None)
@given(body=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_a11_arbitrary_bytes_never_raise(source: Source, body: bytes) -> None:
    check(source, body)


@sources
@settings(deadline=None)
@given(value=VALUES)
def test_a11_arbitrary_json_never_raises(source: Source, value: Any) -> None:
    check(source, json.dumps(value).encode("utf-8", "surrogatepass"))


@settings(deadline=None)
@given(data=st.data())
def test_a11_messages_of_the_right_shape_with_nonsense_inside_stay_within_limits(data: st.DataObject) -> None:
    def fields(name: str) -> dict[str, Any]:
        return data.draw(st.dictionaries(st.sampled_from(NAMES[name]), VALUES, max_size=8))

    check(SOURCES["alertmanager"], json.dumps({"alerts": [fields("alertmanager")]}).encode())
    check(SOURCES["generic"], json.dumps(fields("generic")).encode())
    base = {"routing_key": "k" * 32, "event_action": "trigger", "payload": {"summary": "x", "source": "y"}}
    check(SOURCES["pagerduty"], json.dumps({**base, **fields("pagerduty")}).encode())
    payload = {**fields("generic"), "summary": "x", "source": "y", "severity": "error"}
    payload |= {"custom_details": data.draw(VALUES), "timestamp": data.draw(VALUES)}
    check(SOURCES["pagerduty"], json.dumps({**base, **fields("pagerduty"), "payload": payload}).encode())


@sources
@pytest.mark.parametrize("depth", [100, 100_000])
def test_a11_deep_nesting_never_raises(source: Source, depth: int) -> None:
    check(source, b'{"title":' + b"[" * depth + b"]" * depth + b"}")
    check(source, b'{"alerts":[{"labels":' + b'{"a":' * depth + b"1" + b"}" * depth + b"}]}")


@sources
def test_a11_huge_numbers_never_raise(source: Source) -> None:
    for number in ("9" * 5000, "1e999", "-" + "9" * 400, "0." + "1" * 5000, "1" * 20):
        for body in (number, '{"title":%s,"time":%s,"key":%s}', '{"alerts":[{"labels":{"a":%s}}]}'):
            check(source, body.replace("%s", number).encode())


@given(st.text(), st.integers(1, 60))
def test_text_is_idempotent_and_never_longer_than_asked(value: str, limit: int) -> None:
    once = cleaning.text(value, limit)
    assert len(once) <= limit
    assert cleaning.text(once, limit) == once


@given(st.text(min_size=600, max_size=700), st.text(min_size=1, max_size=3))
def test_two_long_keys_that_differ_at_the_end_stay_two(key: str, end: str) -> None:
    one, other = cleaning.text(key, 10_000), cleaning.text(key + "|" + end, 10_000)
    if one != other:
        assert cleaning.dedup_key(key, "f") != cleaning.dedup_key(key + "|" + end, "f")


def test_no_key_of_a_sender_is_that_of_a_test_alert() -> None:
    assert cleaning.dedup_key(f"{TEST_KEY_PREFIX}1", "fallback") == "test:1"


@pytest.mark.parametrize("empty", ["", "  ", "\x00", None])
def test_an_empty_key_never_collapses_alerts_into_one(empty: str | None) -> None:
    assert cleaning.dedup_key(empty, "fallback") == "fallback"
    one = generic.normalize(json.dumps({"title": "disk", "key": empty}).encode(), NOW)
    other = generic.normalize(json.dumps({"title": "memory", "key": empty}).encode(), NOW)
    assert isinstance(one, tuple)
    assert isinstance(other, tuple)
    assert one[0].dedup_key != other[0].dedup_key


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("2026-11-24T04:14:00+01:00", NOW),
        ("2026-11-24T03:14:00", None),
        ("2026-11-24 03:14:00", None),
        (NOW.timestamp(), NOW),
        (NOW.timestamp() * 1000, NOW),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59-05:00", None),
        ("yesterday", None),
        (10**400, None),
        (float("nan"), None),
        (True, None),
        ({}, None),
    ],
)
def test_an_instant_is_read_or_it_is_none(value: Any, expected: datetime | None) -> None:
    assert cleaning.instant(value) == expected


@given(st.integers(-3 * 86400, 3 * 86400))
def test_a_source_time_is_accepted_up_to_a_day_old_and_five_minutes_ahead(seconds: int) -> None:
    at = NOW + timedelta(seconds=seconds)
    assert cleaning.clamp(at, NOW) == (at if -86400 <= seconds <= 300 else None)


@pytest.mark.parametrize("action", ["resolved", "OK", "Recovery", "up", "closed"])
def test_synonyms_of_resolved_are_recognized(action: str) -> None:
    (event,) = generic.normalize(json.dumps({"title": "x", "status": action}).encode(), NOW)  # type: ignore[misc]
    assert event.kind is EventKind.RESOLVED


def test_a_resolution_without_a_key_resolves_the_same_alert_without_its_status() -> None:
    (start,) = generic.normalize(b'{"title":"x","host":"a","time":1}', NOW)  # type: ignore[misc]
    (end,) = generic.normalize(b'{"host":"a","title":"x","status":"ok","time":2}', NOW)  # type: ignore[misc]
    assert start.dedup_key == end.dedup_key


@pytest.mark.parametrize("source", [alertmanager.normalize, generic.normalize])
def test_events_above_ten_thousand_are_counted_in_one_more_event(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cleaning.MAX_EVENTS == 10_000
    for module in (cleaning, alertmanager, generic):
        monkeypatch.setattr(module, "MAX_EVENTS", 100)

    def message(count: int) -> bytes:
        alerts = [{"title": f"a{i}", "fingerprint": f"f{i}", "key": f"f{i}"} for i in range(count)]
        return json.dumps({"alerts": alerts} if source is alertmanager.normalize else alerts).encode()

    taken = source(message(cleaning.MAX_EVENTS + 7), NOW)
    assert [e.dedup_key for e in taken[:-1]] == [f"f{i}" for i in range(cleaning.MAX_EVENTS)]
    assert (taken[-1].kind, taken[-1].dedup_key, taken[-1].severity) == (
        EventKind.FIRING,
        "overflow",
        "error",
    )
    assert taken[-1].title.startswith("7 ")
    assert len(source(message(cleaning.MAX_EVENTS), NOW)) == cleaning.MAX_EVENTS
