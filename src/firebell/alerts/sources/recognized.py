"""The tools that the generic address recognizes, in the order in which they are tried (pure)."""

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
    """Return the first shape that matches; None if there is none, or if the body has our `dedup_key`."""
    return None if "dedup_key" in data else next((shape for shape in SHAPES if shape.matches(data)), None)


def recognize(data: dict[str, Json], received_at: datetime) -> tuple[Event, ...] | Rejected | None:
    """Return the events of a body of a recognized tool, or None for any other body."""
    shape = shape_of(data)
    if shape is None:
        return None
    if shape is sns:
        content = sns.content(data)
        content_shape = shape_of(content)
        if content_shape is not None and content_shape is not sns:
            return content_shape.read(content, received_at)
    return shape.read(data, received_at)


def describe_events(events: Sequence[Event]) -> dict[str, Json]:
    """Return the part of the response about these events: recognized tools, missing fields, ignored events."""
    shapes = sorted({event.read_as for event in events if event.read_as})
    if not shapes:
        return {}
    missing = {name for event in events for name in event.missing}
    ignored = sum(event.kind in (EventKind.NOTE, EventKind.HANDSHAKE) for event in events)
    response: dict[str, Json] = {
        "read_as": ", ".join(shapes),
        "missing": [name for name in FIELDS if name in missing],
    }
    return {**response, "ignored": ignored} if ignored else response
