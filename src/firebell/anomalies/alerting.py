"""The alert of an anomaly, as a message of its integration (pure)."""

from datetime import datetime

import msgspec

from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.anomalies import wording
from firebell.anomalies.bins import BinSize
from firebell.anomalies.model import ALERT_RULE, Anomaly, Detector
from firebell.catalog.model import Service

SOURCE = "firebell"
"""The source of the messages."""


def dedup_key(detector: Detector, size: BinSize) -> str:
    """Return the deduplication key: one alert for each service or rule, and size of bins."""
    key = f"service:{detector.service_id}:{int(size)}m"
    return f"{key}:{detector.rule}" if detector.rule else key


def _request(detector: Detector, event: Event, now: datetime) -> InboundRequest:
    # the instant tells two equal messages apart, of which the second would be taken for a redelivery
    body = msgspec.json.encode({"at": now, **msgspec.to_builtins(event)})
    return InboundRequest(detector.integration_id, detector.service_id, SOURCE, body, (event,))


def firing(
    detector: Detector, service: Service, anomaly: Anomaly, now: datetime, *, is_urgent: bool
) -> InboundRequest:
    """Return the message that fires; its severity gives its page the urgency."""
    labels = {"alertname": ALERT_RULE, "bin": f"{int(anomaly.bin_size)}m"}
    if detector.rule:
        labels["rule"] = detector.rule
    if anomaly.is_learning:
        labels["learning"] = "yes"
    event = Event(
        kind=EventKind.FIRING,
        dedup_key=dedup_key(detector, anomaly.bin_size),
        title=wording.title(service.name, detector.rule, anomaly),
        body=wording.body(service.name, service.slug, detector.rule, anomaly, detector.tz),
        severity="error" if is_urgent else "warning",
        labels=labels,
    )
    return _request(detector, event, now)


def resolved(detector: Detector, service: Service, anomaly: Anomaly, now: datetime) -> InboundRequest:
    """Return the message that resolves the alert."""
    event = Event(
        kind=EventKind.RESOLVED,
        dedup_key=dedup_key(detector, anomaly.bin_size),
        title=wording.title(service.name, detector.rule, anomaly),
        labels={"alertname": ALERT_RULE},
    )
    return _request(detector, event, now)
