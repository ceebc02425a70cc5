"""When an endpoint rests and is disabled, and what the bodies of events look like (spec 10.13)."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from firebell.kit.errors import Invalid
from firebell.kit.retries import HOOK_RETRIES
from firebell.webhooks import circuit, event_types, openapi
from firebell.webhooks.circuit import DISABLED_AFTER, GONE, Health
from firebell.webhooks.events import payloads
from firebell.webhooks.events.composition_context import new_event
from firebell.webhooks.events.maintenance import MAINTENANCE_TYPES
from firebell.webhooks.events.pages import GROUP_TYPES
from firebell.webhooks.events.payloads import WebhookTestEvent
from firebell.webhooks.model import RESTS_AFTER

NOW = datetime(2026, 11, 29, 3, 0, tzinfo=UTC)


def _failed(times: int, every: timedelta = timedelta(0)) -> tuple[Health, datetime]:
    health, at = Health(), NOW
    for n in range(times):
        at = NOW + n * every
        health = circuit.after(health, is_ok=False, now=at)
    return health, at


@pytest.mark.parametrize(
    ("failures", "rest_s"), [(1, None), (4, None), (5, 30), (6, 60), (7, 120), (8, 300), (100, 300)]
)
def test_an_endpoint_rests_longer_the_longer_it_fails(failures: int, rest_s: int | None) -> None:
    health, _ = _failed(failures)
    expected = None if rest_s is None else NOW + timedelta(seconds=rest_s)
    assert (health.failures, health.failing_since, health.resting_until) == (failures, NOW, expected)


@given(st.lists(st.booleans(), max_size=12))
def test_one_success_ends_every_rest(outcomes: list[bool]) -> None:
    health = Health()
    for is_ok in outcomes:
        health = circuit.after(health, is_ok=is_ok, now=NOW)
    trailing = next((n for n, ok in enumerate(reversed(outcomes)) if ok), len(outcomes))
    assert health.failures == trailing
    assert (health.resting_until is not None) == (trailing >= RESTS_AFTER)


def test_it_is_disabled_after_three_days_without_a_success_and_at_once_when_it_is_gone() -> None:
    few, at = _failed(4, timedelta(days=1))
    assert not circuit.disabled_because(few, 503, at)
    many, at = _failed(5, DISABLED_AFTER / 4)
    assert circuit.disabled_because(many, 503, at)
    assert not circuit.disabled_because(many, 400, at, is_alone=True), "it may refuse only this event"
    assert not circuit.disabled_because(many, 503, at - timedelta(seconds=1))
    assert circuit.disabled_because(Health(), GONE, NOW)
    # a single event that fails is retried for longer than that
    assert sum(HOOK_RETRIES, timedelta()) > DISABLED_AFTER > timedelta(hours=24)


def test_types_are_stored_in_their_order_and_all_of_them_as_none() -> None:
    assert event_types.checked(["page.resolved", "page.triggered", "page.resolved"]) == (
        "page.triggered",
        "page.resolved",
    )
    assert event_types.checked(event_types.NAMES) == ()
    with pytest.raises(Invalid) as refused:
        event_types.checked(["page.triggerd"])
    assert "types" in refused.value.fields


def test_every_type_has_a_composer_and_a_documented_body() -> None:
    composed = {*event_types.PAGE_TYPES.values(), *GROUP_TYPES.values(), *MAINTENANCE_TYPES.values()}
    assert composed <= event_types.NAMES
    items, schemas = openapi.section()
    assert set(items) == event_types.NAMES | {event_types.TEST}
    for name in items:
        assert payloads.data_model(name).__name__ in schemas


def test_a_body_has_the_documented_fields_in_utc() -> None:
    data = WebhookTestEvent(endpoint="Ünïcode “warehouse”", message="Hello", by="Mara")
    event = new_event(event_types.TEST, NOW.astimezone(), "webhook:1", data, 7)
    items, schemas = openapi.section()
    body = items[event_types.TEST]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert (
        set(json.loads(event.body))
        == {*body["required"]}
        == {*schemas["WebhookEnvelope"]["properties"], "data"}
    )
    assert json.loads(event.body) == {
        "type": "webhook.test",
        "timestamp": "2026-11-29T03:00:00Z",
        "version": "1",
        "sequence": 7,
        "data": {"endpoint": "Ünïcode “warehouse”", "message": "Hello", "by": "Mara"},
    }
    with pytest.raises(ValidationError):
        WebhookTestEvent(endpoint="x", message="y")  # type: ignore[call-arg]
