"""Prometheus Alertmanager webhook, version 4: one event per alert, keyed by its fingerprint.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import json
from datetime import datetime

import msgspec
from msgspec.structs import replace

from firebell.alerts import cleaning
from firebell.alerts.bodies.decoding import EXCERPT_LENGTH, decode, is_too_complex, states, to_text
from firebell.alerts.cleaning import (
    MAX_BODY,
    MAX_EVENTS,
    clamp,
    dedup_key,
    instant,
    line,
    mapping,
    overflow,
    severity,
    text,
    unreadable,
)
from firebell.alerts.model import Event, EventKind, Json, Rejected
from firebell.alerts.source_base.prometheus_fingerprint import fingerprint
from firebell.alerts.source_base.source import PathAddress, Recognition, Source

NAME = "alertmanager"


class _Alert(msgspec.Struct):
    status: Json = None
    labels: Json = None
    annotations: Json = None
    startsAt: Json = None  # noqa: N815 - field names of the sender
    endsAt: Json = None  # noqa: N815
    generatorURL: Json = None  # noqa: N815
    fingerprint: Json = None


class _Message(msgspec.Struct):
    alerts: list[_Alert]


_decode = msgspec.json.Decoder(_Message).decode
_FIELDS = _Alert.__struct_fields__


def normalize(
    body: bytes, received_at: datetime, content_type: str = "", sender: str = "Alertmanager"
) -> tuple[Event, ...] | Rejected:
    """Return one event per alert of the message, or Rejected if it cannot be read in full."""
    if is_too_complex(body):
        return _normalize_leniently(body, received_at, content_type, sender)
    try:
        alerts = _decode(body).alerts
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _normalize_leniently(body, received_at, content_type, sender)
    events = tuple(_event(alert, received_at) for alert in alerts[:MAX_EVENTS])
    return (*events, overflow(len(alerts) - MAX_EVENTS)) if len(alerts) > MAX_EVENTS else events


def _normalize_leniently(
    body: bytes, received_at: datetime, content_type: str, sender: str
) -> tuple[Event, ...] | Rejected:
    """Read the message alert by alert; anything unreadable pages, unless the message only says resolved."""
    decoded = decode(body, content_type)
    message = decoded.value if isinstance(decoded.value, dict) else {}
    items = message.get("alerts")
    alerts = [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    events = [alert_event(alert, received_at) for alert in alerts[:MAX_EVENTS]]
    if len(alerts) > MAX_EVENTS:
        events.append(overflow(len(alerts) - MAX_EVENTS))
    excerpt = decoded.text or to_text(body[:EXCERPT_LENGTH])
    if isinstance(items, list) and decoded.is_whole:
        unreadable_count = len(items) - len(alerts)
        if not unreadable_count:
            return Rejected(decoded.error, tuple(events)) if decoded.error else tuple(events)
        reason = f"{unreadable_count:,} of {len(items):,} alerts in this Alertmanager message cannot be read."
        stated = {text(message.get("status"), 40).casefold()} if message.get("status") else set()
    else:
        reason = (
            f"This is not an Alertmanager webhook message: {decoded.error or 'it has no list of alerts.'}"
        )
        stated = states(decoded.rest or excerpt)
    if stated != {"resolved"}:
        events.append(unreadable(reason, excerpt, sender))
    return Rejected(reason, tuple(events))


def alert_event(alert: dict[str, Json], received_at: datetime) -> Event:
    """Return the event of one alert with the fields of Alertmanager's webhook."""
    return _event(_Alert(**{name: alert.get(name) for name in _FIELDS}), received_at)


def _event(alert: _Alert, received_at: datetime) -> Event:
    labels, annotations = mapping(alert.labels), mapping(alert.annotations)
    resolved = alert.status == "resolved"
    links: dict[str, str] = {}
    if runbook := annotations.get("runbook_url") or annotations.get("runbook"):
        links["runbook"] = runbook
    if dashboard := annotations.get("dashboard_url") or annotations.get("dashboard"):
        links["dashboard"] = dashboard
    if source := text(alert.generatorURL):
        links["source"] = source
    return Event(
        kind=EventKind.RESOLVED if resolved else EventKind.FIRING,
        dedup_key=dedup_key(alert.fingerprint, "") or _key_of(labels, annotations),
        title=line(annotations.get("summary") or labels.get("alertname") or "Alert without a name"),
        body=text(annotations.get("description"), MAX_BODY),
        severity=severity(labels.get("severity")),
        labels=labels,
        annotations=annotations,
        links=links,
        occurred_at=clamp(instant(alert.endsAt if resolved else alert.startsAt), received_at),
    )


def _key_of(labels: dict[str, str], annotations: dict[str, str]) -> str:
    """Return the key of an alert without a fingerprint: Alertmanager's, or a content hash if it has no labels."""
    return fingerprint(labels) if labels else f"sha256:{cleaning.fingerprint(annotations)}"


def matches(data: dict[str, Json]) -> bool:
    """Return True for Alertmanager's group of alerts."""
    return isinstance(data.get("alerts"), list) and ("groupKey" in data or "commonLabels" in data)


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...] | Rejected:
    """Return the same events as Alertmanager's own address, so that alerts are the same through either."""
    try:
        body = msgspec.json.encode(data)
    except UnicodeEncodeError:
        body = json.dumps(data).encode()
    events = normalize(body, received_at)
    if isinstance(events, Rejected):
        return events
    return tuple(replace(e, read_as=NAME, missing=() if e.severity else ("severity",)) for e in events)


SOURCE = Source(
    NAME,
    "Prometheus Alertmanager",
    icon='<path d="M6 9a6 6 0 0 1 12 0c0 6 2 7 2 7H4s2-1 2-7"/><path d="M9 20h6"/>',
    setup="Add this to a receiver. Without send_resolved, Alertmanager never resolves an alert.",
    example=(
        '{"version": "4", "groupKey": "{}", "status": "firing", "alerts": [{"status": "firing", '
        '"labels": {"alertname": "Up", "severity": "critical"}, "annotations": {"summary": "db1 is down"}}]}'
    ),
    snippet="webhook_configs: [{url: '<url>/in/<key>/alertmanager', send_resolved: true}]",
    address=PathAddress(normalize),
    recognition=Recognition(20, matches, read),
)
