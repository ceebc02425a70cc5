"""The shapes that the generic address knows, in the order in which they are tried (pure)."""

from collections.abc import Sequence
from datetime import datetime

from firebell.alerts.model import Event, EventKind, Json, Rejected
from firebell.alerts.sources import (
    apprise,
    azure_monitor,
    cloudwatch,
    datadog,
    gatus,
    gcp_monitoring,
    grafana,
    graylog,
    healthchecks,
    nagios,
    netdata,
    new_relic,
    prometheus,
    prtg,
    sentry,
    sns,
    uptime_kuma,
    zabbix,
)
from firebell.alerts.sources.shape import FIELDS, Shape

SHAPES: tuple[Shape, ...] = (
    grafana,
    prometheus,
    uptime_kuma,
    sns,
    cloudwatch,
    sentry,
    datadog,
    azure_monitor,
    gcp_monitoring,
    new_relic,
    graylog,
    nagios,
    zabbix,
    netdata,
    prtg,
    healthchecks,
    gatus,
    apprise,
)


def shape_of(data: dict[str, Json]) -> Shape | None:
    """Return the first shape that matches; a body with our own `dedup_key` speaks for itself."""
    return None if "dedup_key" in data else next((shape for shape in SHAPES if shape.matches(data)), None)


def recognize(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...] | Rejected | None:
    """Return the events of a body in a known shape, None for any other body."""
    shape = shape_of(data)
    if shape is None:
        return None
    if shape is sns:
        inside = sns.content(data)
        carried = shape_of(inside)
        if carried is not None and carried is not sns:
            return carried.read(inside, received_at)
    return shape.read(data, received_at)


def describe_events(events: Sequence[Event]) -> dict[str, Json]:
    """Return what the sender is told of its body: the shape, the fields that no event may lack, what is ignored."""
    shapes = sorted({event.read_as for event in events if event.read_as})
    if not shapes:
        return {}
    lacking = {name for event in events for name in event.missing}
    ignored = sum(event.kind in (EventKind.NOTE, EventKind.HANDSHAKE) for event in events)
    answer: dict[str, Json] = {
        "read_as": ", ".join(shapes),
        "missing": [name for name in FIELDS if name in lacking],
    }
    return {**answer, "ignored": ignored} if ignored else answer
