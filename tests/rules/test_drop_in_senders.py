"""The readers of the drop-in addresses: whatever arrives, they return the same answer twice and never raise."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.alerts.model import EventKind
from firebell.alerts.source_base.registry import registry
from firebell.alerts.source_base.source import KeyedAddress, KeyedRequest
from firebell.alerts.sources import opsgenie

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
KEY = "k" * 32
ADDRESSES = [address for source in registry().sources for address in source.keyed_addresses]
FIELDS = tuple(
    field
    for group in (
        "routing_key service_key event_action event_type dedup_key incident_key payload summary source severity",
        "description details custom_details client client_url contexts links images href src type text alt",
        "labels annotations startsAt endsAt generatorURL message_type entity_id entity_display_name",
        "state_message state_start_time vo_annotate.u.x vo_annotate.i.y message alias tags priority responders",
    )
    for field in group.split()
)
SCALARS = st.sampled_from(
    [
        *(None, True, 0, -1, 1e308, 10**20, "", "x", "trigger", "CRITICAL", "\x00\u202e", "é" * 600),
        *("2026-11-24T03:14:00Z", "0001-01-01T00:00:00Z", "9999-12-31", "yesterday", "P1"),
        *("http://x", "http://[", "javascript:"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=6),
    max_leaves=12,
)
RAW = st.sampled_from(
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"[1,2]",
        b'"text"',
        b"\xff\xfe\x00",
        b"[" * 5000,
        b'{"a":1,"a":2}',
        b"{'a':1}",
    ]
)


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: address.path)
@given(body=VALUES.map(lambda value: json.dumps(value).encode()) | RAW)
def test_a_reader_is_total_and_deterministic(address: KeyedAddress, body: bytes) -> None:
    segments = {"key": KEY, "routing": "r/1", "tool": "netdata"}
    request = KeyedRequest(body, NOW, "application/json", {}, "n" * 32, segments, {"apiKey": KEY})
    message = address.read(request)
    assert message == address.read(request)
    if address.key_in_part is not None:
        assert isinstance(address.key_in_part(replace(request, segments={}, end=body)), str)
    for is_known in (True, False):
        reply = address.reply(message, is_known)
        assert reply.status in (200, 202, 400, 401, 404, 422)
        assert (reply.status < 300) <= is_known
        json.dumps(reply.body)
    for event in message.events:
        assert event.dedup_key
        assert len(event.dedup_key) <= 512
        assert 0 < len(event.title) <= 255


@given(data=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=12))
def test_an_opsgenie_alert_is_read_whatever_its_fields_are(data: dict[str, Any]) -> None:
    assert opsgenie.create_errors(data) == opsgenie.create_errors(data)
    event = opsgenie.created(data, "n" * 32)
    assert event.kind is EventKind.FIRING
    assert event.dedup_key
    tags = opsgenie.tags_of(event.annotations)
    added = opsgenie.with_tags(event, added=["one, two", *tags])
    assert opsgenie.tags_of(opsgenie.with_tags(added, removed=["one  two"]).annotations) == tags
    details = opsgenie.details_of(event.labels, event.annotations)
    assert opsgenie.details_of(added.labels, added.annotations) == details
    changed = opsgenie.with_details(event, added={"a": 1}, removed=details)
    assert opsgenie.details_of(changed.labels, changed.annotations).keys() <= {"a"}


def test_a_refused_key_is_told_where_the_address_has_it() -> None:
    statuses = {a.path: a.reply(a.read(KeyedRequest(b"{}", NOW)), False).status for a in ADDRESSES}
    assert statuses == {
        "/v2/enqueue": 400,
        "/v2/change/enqueue": 400,
        "/generic/2010-04-15/create_event.json": 400,
        "/integration/<key>/enqueue": 404,
        "/in/<key>/am/api/v2/alerts": 404,
        "/api/v2/alerts": 401,
        "/integrations/generic/20131114/alert/<key>": 404,
        "/integrations/generic/20131114/alert/<key>/<routing>": 404,
        "/v1/json/integrations/webhooks/<tool>": 401,
    }
