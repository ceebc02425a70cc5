"""Alertmanager's webhook, version 4, posted to the generic address.

https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import json
from dataclasses import replace
from datetime import datetime

import msgspec

from firebell.alerts.model import Event, Json, Rejected
from firebell.alerts.sources import alertmanager

NAME = "alertmanager"


def matches(data: dict[str, Json]) -> bool:
    """Return True for Alertmanager's group of alerts."""
    return isinstance(data.get("alerts"), list) and ("groupKey" in data or "commonLabels" in data)


def read(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...] | Rejected:
    """Return the same events as Alertmanager's own address, so that alerts are the same through either."""
    try:
        body = msgspec.json.encode(data)
    except UnicodeEncodeError:
        body = json.dumps(data).encode()
    events = alertmanager.normalize(body, received_at)
    if isinstance(events, Rejected):
        return events
    return tuple(replace(e, read_as=NAME, missing=() if e.severity else ("severity",)) for e in events)
