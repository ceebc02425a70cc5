"""Prometheus itself, and amtool: the alerts of Alertmanager's API v2, keyed as Alertmanager keys them.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from datetime import datetime, timedelta

from msgspec.structs import replace

from firebell.alerts.bodies.decoding import decode
from firebell.alerts.cleaning import MAX_EVENTS, instant, overflow, text
from firebell.alerts.model import Event, Json
from firebell.alerts.request_parts import authorization
from firebell.alerts.source_base.prometheus_fingerprint import fingerprint
from firebell.alerts.source_base.source import (
    MAX_BODY_BYTES,
    KeyedAddress,
    KeyedMessage,
    KeyedRequest,
    Reply,
    Source,
    key_in_path,
)
from firebell.alerts.sources import alertmanager

NAME = "prometheus"
RESOLVE_TIMEOUT = timedelta(minutes=5)
"""When an alert without an end expires, as in Alertmanager."""
DROPPED_LABELS = frozenset({"prometheus_replica", "replica"})
"""Labels that tell the twins of a highly available pair apart, and that are not part of an alert's key."""


def bearer_key(request: KeyedRequest) -> str:
    """Return the token of the Authorization header, or an empty string."""
    return authorization(request.headers, "bearer")


def read(request: KeyedRequest) -> KeyedMessage:
    """Return one event per alert; an invalid alert does not keep the valid ones of its message from counting."""
    key = key_in_path(request) or bearer_key(request)
    decoded = decode(request.body, request.content_type)
    if decoded.error or not isinstance(decoded.value, list) or not request.body.strip():
        return KeyedMessage(key, errors=(decoded.error or "The body is not a JSON list of alerts.",))
    items, events, errors = decoded.value, [], []
    for number, item in enumerate(items[:MAX_EVENTS]):
        event = _event(item, request.received_at)
        if event is None:
            errors.append(f"Alert {number} has no labels.")
        else:
            events.append(event)
    if len(items) > MAX_EVENTS:
        events.append(overflow(len(items) - MAX_EVENTS))
    return KeyedMessage(key, tuple(events), errors=tuple(errors))


def _event(item: Json, received_at: datetime) -> Event | None:
    """Return the event of an alert, or None for one without labels; a time that cannot be read is an absent one."""
    alert = item if isinstance(item, dict) else {}
    labels = alert.get("labels")
    if not isinstance(labels, dict):
        return None
    named = {name: value if isinstance(value, str) else text(value) for name, value in labels.items()}
    key = fingerprint({n: v for n, v in named.items() if n not in DROPPED_LABELS})
    if not any(named.values()):
        return None
    ends_at = instant(alert.get("endsAt"))
    is_over = ends_at is not None and ends_at <= received_at
    return replace(
        alertmanager.alert_event(
            {**alert, "status": "resolved" if is_over else "firing", "labels": named, "fingerprint": key},
            received_at,
        ),
        expires_at=ends_at or received_at + RESOLVE_TIMEOUT,
    )


def reply(message: KeyedMessage, is_known: bool) -> Reply:
    """Return Alertmanager's answer: 200 without a body, or 400 with the errors as a JSON string."""
    if not is_known:
        return Reply(404, "This integration key is unknown or revoked.")
    return Reply(400, "; ".join(message.errors[:20])) if message.errors else Reply(200, None)


def reply_to_bearer(message: KeyedMessage, is_known: bool) -> Reply:
    """Return the same answer, with 401 for a token that is not an integration key."""
    return reply(message, is_known) if is_known else Reply(401, "The bearer token is not an integration key.")


SOURCE = Source(
    NAME,
    "Prometheus without Alertmanager",
    icon='<path d="M3 3v18h18"/><path d="M7 15h.01M10 11h.01M13 13h.01M16 7h.01M19 9h.01"/>',
    setup=(
        "Add this to prometheus.yml: Prometheus then sends its alerts straight to Firebell, and amtool can use the "
        "same address. Keep one alert that always fires, so that Firebell notices when Prometheus stops."
    ),
    example='[{"labels": {"alertname": "InstanceDown", "severity": "critical"}, "annotations": {"summary": "db1"}}]',
    snippet=(
        "alerting: {alertmanagers: [{scheme: <scheme>, path_prefix: '/in/<key>/am', "
        "static_configs: [{targets: ['<host>']}]}]}"
    ),
    address=KeyedAddress("/in/<key>/am/api/v2/alerts", read, reply, "", MAX_BODY_BYTES, key_in_path),
    more_addresses=(
        KeyedAddress("/api/v2/alerts", read, reply_to_bearer, "bearer token", MAX_BODY_BYTES, bearer_key),
    ),
)
