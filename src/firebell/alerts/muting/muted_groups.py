"""The groups of muted alerts in a batch, and how an alert moves from one that ends to another (pure, spec 3.3, A6)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from firebell.alerts import event_placement, mutes
from firebell.alerts.batches import dedup_and_grouping
from firebell.alerts.batches.state import AlertState, Batch, GroupState
from firebell.alerts.model import OWN_SOURCE, Alert, Event, EventKind, InboundRequest
from firebell.alerts.mutes import MuteKind, MutesByService
from firebell.alerts.routing_model import Route


def changed(batch: Batch) -> list[GroupState]:
    """Return the changed groups that are muted, or no longer are."""
    return [g for g in batch.groups if g.released or (g.changed and g.mute_id is not None)]


def new_alerts(batch: Batch) -> list[tuple[int, str, int]]:
    """Return the integration, the deduplication key and the service of each new alert in a muted group."""
    return [
        (alert.integration_id, alert.dedup_key, alert.group.service_id)
        for alert in batch.created
        if alert.group is not None and alert.group.mute_id is not None and not _waits(batch, alert)
    ]


def _waits(batch: Batch, alert: AlertState) -> bool:
    """Return True if an alert only waits for the source of an inhibition rule, which is not shown as muted."""
    waiting = batch.waiting.get((alert.integration_id, alert.dedup_key))
    return waiting is not None and alert.group is not None and alert.group.mute_id == waiting.id


def handed_over(
    held: Iterable[tuple[int, MuteKind | None, Alert]], running: MutesByService, now: datetime
) -> list[InboundRequest]:
    """Return the requests that move the alerts that a running mute matches, and those that have waited.

    Each alert comes after its service and what kind of mute held it, None for a routing rule. There is one request for
    each integration and service.
    """
    events: dict[tuple[int, int], list[Event]] = {}
    for service_id, kind, alert in held:
        has_waited = kind is MuteKind.INHIBIT_WAIT
        event = Event(
            EventKind.WAITED if has_waited else EventKind.HANDED_OVER,
            alert.dedup_key,
            alert.title,
            severity=alert.severity,
            labels=alert.labels,
        )
        ids = (alert.integration_id, service_id)
        if has_waited or mutes.mute_of(running, InboundRequest(*ids, OWN_SOURCE, b"", ()), event) is not None:
            events.setdefault(ids, []).append(event)
    return [InboundRequest.decided(*ids, each, now) for ids, each in events.items()]


def hand_over(batch: Batch, requests: Sequence[InboundRequest], now: datetime) -> None:
    """Move the held alerts that are handed over into the group of the mute that holds them from now on.

    Those that have waited, and that nothing holds, join the group that they would join if they arrived now: that of
    their routing rule, with its urgency and its hold.
    """
    for received in requests:
        for event in received.incoming:
            alert = batch.latest.get((received.integration_id, event.dedup_key))
            if alert is None or alert.status != "firing":
                continue
            if event.kind in (EventKind.HANDED_OVER, EventKind.WAITED):
                _move(batch, received, alert, event.kind, event.route, now)


def _move(
    batch: Batch,
    received: InboundRequest,
    alert: AlertState,
    kind: EventKind,
    route: Route | None,
    now: datetime,
) -> None:
    old, mute = alert.group, mutes.mute_of(batch.mutes, received, alert.event)
    if old is None or (mute is None and kind is EventKind.HANDED_OVER):
        return
    event = msgspec.structs.replace(alert.event, route=route)
    if old.mute_id is None and (
        old.hold is None or not old.hold.is_open or event_placement.pages_no_one(event)
    ):
        return
    if mute is not None and mute.id == old.mute_id:
        return
    dedup_and_grouping.move(batch, received, alert, event, now)
