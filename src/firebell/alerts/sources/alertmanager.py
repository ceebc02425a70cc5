"""Prometheus Alertmanager webhook, version 4: one event per alert, keyed by its fingerprint."""

from datetime import datetime

import msgspec

from firebell.alerts.model import Incoming, Json, Kind, Reject
from firebell.alerts.normal import (
    BODY,
    EVENTS,
    clamp,
    dedup_key,
    fingerprint,
    instant,
    line,
    mapping,
    severity,
    text,
    too_many,
)


class _Alert(msgspec.Struct):
    status: Json = None
    labels: Json = None
    annotations: Json = None
    startsAt: Json = None  # noqa: N815 - the sender's names
    endsAt: Json = None  # noqa: N815
    generatorURL: Json = None  # noqa: N815
    fingerprint: Json = None


class _Message(msgspec.Struct):
    alerts: list[_Alert]


_decode = msgspec.json.Decoder(_Message).decode


def normalise(body: bytes, received_at: datetime) -> tuple[Incoming, ...] | Reject:
    """Return one event per alert of the message, or why it is none."""
    try:
        message = _decode(body)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError, RecursionError) as exc:
        return Reject(f"This is not an Alertmanager webhook message: {exc}")
    if len(message.alerts) > EVENTS:
        return too_many(len(message.alerts))
    return tuple(_event(alert, received_at) for alert in message.alerts)


def _event(alert: _Alert, received_at: datetime) -> Incoming:
    labels, annotations = mapping(alert.labels), mapping(alert.annotations)
    resolved = alert.status == "resolved"
    links = {
        name: value
        for name, value in (
            ("runbook", annotations.get("runbook_url") or annotations.get("runbook")),
            ("dashboard", annotations.get("dashboard_url") or annotations.get("dashboard")),
            ("source", text(alert.generatorURL)),
        )
        if value
    }
    return Incoming(
        kind=Kind.RESOLVED if resolved else Kind.FIRING,
        dedup_key=dedup_key(alert.fingerprint, fingerprint(labels)),
        title=line(annotations.get("summary") or labels.get("alertname") or "Alert without a name"),
        body=text(annotations.get("description"), BODY),
        severity=severity(labels.get("severity")),
        labels=labels,
        annotations=annotations,
        links=links,
        occurred_at=clamp(instant(alert.endsAt if resolved else alert.startsAt), received_at),
    )
