"""The service, group and urgency of an event: those of its routing rule, or the usual ones (pure)."""

from collections.abc import Iterable
from datetime import timedelta

import msgspec

from firebell.alerts.model import Event, InboundRequest, is_test_key
from firebell.alerts.routing_model import HoldKind

_HIGH_SEVERITIES = ("critical", "error", None)


def group_key(event: Event) -> str:
    """Return the key of an event's group within its service: by its rule, else its `service` label.

    A test alert shares its group with no other alert: its page is a drill, which could hide a real one.
    """
    if is_test_key(event.dedup_key):
        return event.dedup_key
    return event.labels.get("service", "") if event.route is None else event.route.key


def severity_urgency(severity: str | None) -> str:
    """Return high for critical, error and unknown, otherwise low: when in doubt, page."""
    return "high" if severity in _HIGH_SEVERITIES else "low"


def urgency(event: Event) -> str:
    """Return the urgency of an event: that of its rule, else by its severity."""
    forced = None if event.route is None else event.route.urgency
    return forced or severity_urgency(event.severity)


def service_of(received: InboundRequest, event: Event) -> int:
    """Return the service that an event belongs to."""
    return received.service_id if event.route is None else event.route.service_id or received.service_id


def placed(received: InboundRequest, event: Event) -> InboundRequest:
    """Return a request as one of the service that the event belongs to."""
    service_id = service_of(received, event)
    return (
        received
        if service_id == received.service_id
        else msgspec.structs.replace(received, service_id=service_id)
    )


def services(requests: Iterable[InboundRequest]) -> set[int]:
    """Return the services that requests belong to, and those that rules send their events to."""
    ids = set()
    for request in requests:
        ids.add(request.service_id)
        if request.is_routed:
            ids.update(service_of(request, event) for event in request.incoming)
    return ids


def places(requests: Iterable[InboundRequest]) -> set[tuple[int, str]]:
    """Return the service and the group key of each event."""
    return {(service_of(r, event), group_key(event)) for r in requests for event in r.incoming}


def counted_places(requests: Iterable[InboundRequest]) -> dict[tuple[int, str], timedelta]:
    """Return the service and the group key of each event that a threshold counts, with its window."""
    return {
        (service_of(request, event), group_key(event)): event.route.hold.window
        for request in requests
        if request.is_routed
        for event in request.incoming
        if event.route is not None
        and event.route.hold is not None
        and event.route.hold.kind is HoldKind.THRESHOLD
    }


def pages_no_one(event: Event) -> bool:
    """Return True if the rule of an event pages no one, so that nothing needs to mute it."""
    hold = event.route.hold if event.route is not None else None
    return hold is not None and hold.kind is HoldKind.NEVER
