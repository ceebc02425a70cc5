"""Apply a batch of events to alerts and groups (spec 3.2, pure): order, lateness, grouping."""

import hashlib
from collections.abc import Iterable, Set
from datetime import datetime, timedelta

import msgspec

from firebell.alerts import event_placement, mutes
from firebell.alerts import flap as flapping
from firebell.alerts.batches import group_titles
from firebell.alerts.batches.event_order import Order, is_newer, order_of
from firebell.alerts.batches.state import AlertState, Batch, GroupState
from firebell.alerts.model import Event, EventKind, InboundRequest, is_test_key
from firebell.alerts.mutes import Mute

_MILESTONE_SIZES = (10, 100, 1000)
"""Sizes of a group at which the owners of its page are notified again (spec 3.3)."""
_NO_MILESTONE = 2**31 - 1
LATE_WINDOW = timedelta(seconds=60)
"""An older event within this time of an alert's newest one is only counted, once (spec 3.2)."""
STORM_GROUPS = 1_000
"""Groups that a service may open within `STORM_WINDOW`, each with its own page; one page holds the rest."""
STORM_WINDOW = timedelta(minutes=5)

MAX_MESSAGE_IDS = 5
"""Stored messages that an alert refers to: the first, and the newest of the others."""


def event_id(integration_id: int, event: Event, body_hash: bytes) -> bytes:
    """Return the id of an event, the same for each redelivery."""
    when = event.occurred_at.isoformat() if event.occurred_at else ""
    text = f"{integration_id}|{event.dedup_key}|{event.kind}|{when}|"
    return hashlib.sha256(text.encode() + body_hash).digest()


def next_milestone(alerts: int) -> int:
    """Return the next size above `alerts` at which a page notifies again."""
    for size in _MILESTONE_SIZES:
        if size > alerts:
            return size
    return _NO_MILESTONE


def apply(
    batch: Batch,
    requests: Iterable[tuple[InboundRequest, Iterable[bytes]]],
    new_ids: Set[bytes],
    now: datetime,
) -> None:
    """Apply requests in order of arrival; an event whose id is not in `new_ids` is a redelivery."""
    applied: set[bytes] = set()
    for received, ids in requests:
        for event, event_id in zip(received.incoming, ids, strict=True):
            is_redelivery = event_id not in new_ids or event_id in applied
            applied.add(event_id)
            _apply_one(batch, event_placement.placed(received, event), event, is_redelivery, now)
            if not is_redelivery:
                _add_message_id(batch, received, event)


def _add_message_id(batch: Batch, received: InboundRequest, event: Event) -> None:
    """Add the stored message of an event to its alert."""
    alert = batch.latest.get((received.integration_id, event.dedup_key))
    if alert is None or received.message_id in (0, *alert.message_ids[-1:]):
        return
    newest = alert.message_ids[1:][-(MAX_MESSAGE_IDS - 2) :]
    alert.message_ids = (*alert.message_ids[:1], *newest, received.message_id)
    alert.changed = True


def _apply_one(
    batch: Batch, received: InboundRequest, event: Event, is_redelivery: bool, now: datetime
) -> None:
    key = (received.integration_id, event.dedup_key)
    alert = batch.latest.get(key)
    if event.kind in (EventKind.NOTE, EventKind.HANDSHAKE, EventKind.HANDED_OVER, EventKind.WAITED):
        return
    if alert is not None:
        _settle(batch, received, alert, now)
    if event.kind is EventKind.SETTLED:
        return
    if event.kind is EventKind.ACK:
        # a source cannot acknowledge a storm, which also has alerts of other sources
        if alert and alert.status == "firing" and alert.group and alert.group.key is not None:
            alert.group.acked = True
        return
    if event.kind is EventKind.EXPIRED:
        if alert:
            _expire(batch, alert, event.occurred_at or now, now)
        return
    if event.kind is EventKind.ENDED:
        if alert:
            _end_for_person(batch, alert, event.occurred_at or now, now)
        return
    if event.kind is EventKind.UPDATE:
        if alert:
            _update(batch, received, alert, event, now)
        return
    order = order_of(event, now)
    if alert is None:
        _create(batch, received, event, order, now)
    elif _is_late(alert, order, is_redelivery, now):
        _count_late(alert, event, is_redelivery, now)
    elif event.kind is EventKind.RESOLVED:
        _resolve(batch, alert, order, now)
    elif alert.status == "firing":
        # what a source sends after it resolved the alert is a change, also if its messages are all the same
        if not is_redelivery or (alert.flap is not None and alert.flap.is_resolved):
            _repeat(alert, event, order, now)
            _fire_again(batch, received, alert, now)
            _release_unmuted(batch, received, alert)
            if not _move_to_mute(batch, received, alert, now):
                _apply_to_hold(alert.group, event, now)
    else:
        _create(batch, received, event, order, now, missed=not is_newer(order, alert.hi))


def _is_late(alert: AlertState, order: Order, is_redelivery: bool, now: datetime) -> bool:
    """Return True if the event is older than `hi`, arrives within `LATE_WINDOW` of it, and was not late before.

    A wrong clock of a source can delay a page, but never suppress it for good (spec 3.2).
    """
    if is_newer(order, alert.hi) or abs(now - alert.hi_seen) > LATE_WINDOW:
        return False
    return is_redelivery or order != alert.late


def _count_late(alert: AlertState, event: Event, is_redelivery: bool, now: datetime) -> None:
    if is_redelivery:
        return
    alert.late, alert.changed = order_of(event, now), True
    if event.kind is EventKind.FIRING:
        alert.count += 1
        alert.last_seen = max(alert.last_seen, now)
        if alert.status == "firing" and alert.group:
            _touch(alert.group, event, now)


def _create(
    batch: Batch, received: InboundRequest, event: Event, order: Order, now: datetime, *, missed: bool = False
) -> None:
    firing = event.kind is EventKind.FIRING
    earlier = batch.latest.get((received.integration_id, event.dedup_key))
    alert = AlertState(
        id=None,
        integration_id=received.integration_id,
        dedup_key=event.dedup_key,
        group=_join(batch, received, event, now) if firing else None,
        status="firing" if firing else "resolved",
        event=event,
        starts_at=order[0],
        ends_at=None if firing else order[0],
        last_seen=now,
        hi=order,
        ended_by=None if firing else "source",
        count=int(firing),
        hi_seen=now,
        missed=missed,
    )
    batch.latest[received.integration_id, event.dedup_key] = alert
    batch.created.append(alert)
    if firing and earlier is not None and earlier.count:
        alert.flap = flapping.after(earlier.flap, (earlier.starts_at, earlier.ends_at or now), now)
        _begin_to_flap(batch, alert, now)


def _begin_to_flap(batch: Batch, alert: AlertState, now: datetime) -> bool:
    """Return True if an alert begins to flap with the change that it just had; what pages no one does not."""
    group = alert.group
    if alert.flap is None or group is None or not _pages(group):
        return False
    limit = batch.flapping_changes.get(alert.integration_id, flapping.DEFAULT_CHANGES)
    begun = alert.flap.begun(limit, now)
    if begun is None:
        return False
    alert.flap, alert.began_to_flap, alert.changed = begun, True, True
    group.changed = True
    _update_lead(group, alert)
    return True


def _pages(group: GroupState) -> bool:
    return group.mute_id is None and (group.hold is None or not group.hold.is_open)


def _fire_again(batch: Batch, received: InboundRequest, alert: AlertState, now: datetime) -> None:
    """Count a change of an alert that flaps; after half an hour of quiet it is like one that joins its group."""
    if alert.flap is None or not alert.flap.is_resolved:
        return
    if alert.flap.is_quiet(now):
        _grow(batch, received, alert)
    alert.flap = alert.flap.fired(now)


def _grow(batch: Batch, received: InboundRequest, alert: AlertState) -> None:
    """Mark the group of an alert as grown, unless the alert would page no one if it fired for the first time."""
    group = alert.group
    if group is None or event_placement.pages_no_one(alert.event):
        return
    if mutes.mute_of(batch.mutes, _in_place(received, group), alert.event) is None:
        group.grown = True


def _in_place(received: InboundRequest, group: GroupState) -> InboundRequest:
    """Return a request as one for the service of a group.

    A rule may send its event elsewhere, but what mutes that service does not hold this group.
    """
    return msgspec.structs.replace(received, service_id=group.service_id)


def _settle(batch: Batch, received: InboundRequest, alert: AlertState, now: datetime) -> None:
    """End the flapping of an alert that has been calm for long enough, and the alert if its source resolved it.

    One that still fires is like one that joins its group: an acknowledgment of the flapping does not cover it.
    """
    flap = alert.flap
    if alert.status != "firing" or flap is None or not flap.is_on or now < flap.ends_at:
        return
    alert.flap, alert.changed = flap.ended(), True
    if flap.resolved_at is not None:
        _end(batch, alert, flap.resolved_at, flap.ended_by, now)
    elif alert.group is not None:
        alert.group.changed = True
        _grow(batch, received, alert)
        _update_lead(alert.group, alert)


def _join(batch: Batch, received: InboundRequest, event: Event, now: datetime) -> GroupState:
    """Return the group that a firing alert joins: an open one, a new one, or that of the mute that holds it."""
    mute = None
    if not event_placement.pages_no_one(event):
        waiting = batch.waiting.get((received.integration_id, event.dedup_key))
        mute = mutes.mute_of(batch.mutes, received, event) or waiting
    service_id = received.service_id
    key = mutes.group_key(mute, event) if mute else event_placement.group_key(event)
    group = batch.open_groups.get((service_id, key))
    if group is None and mute is not None:
        group = batch.open_groups[service_id, key] = _open(batch, received, event, key, now, mute)
    elif group is None and (is_test_key(event.dedup_key) or event_placement.pages_no_one(event)):
        # never part of a storm, whose page is a real one
        group = batch.open_groups[service_id, key] = _open(batch, received, event, key, now)
    elif group is None and batch.room.get(service_id, STORM_GROUPS) > 0:
        batch.room[service_id] = batch.room.get(service_id, STORM_GROUPS) - 1
        group = batch.open_groups[service_id, key] = _open(batch, received, event, key, now)
    elif group is None:
        group = batch.storms.get(service_id) or _open(batch, received, event, None, now)
        batch.storms[service_id] = group
    group.alerts += 1
    group.firing += 1
    group.grown = True
    if group.alerts in _MILESTONE_SIZES:
        # an acknowledgment does not cover a group that grew so much
        group.crossed, group.acked = True, False
    _touch(group, event, now)
    _lead(group, _lead_key(received.integration_id, event.dedup_key), event)
    _apply_to_hold(group, event, now)
    return group


def _open(
    batch: Batch,
    received: InboundRequest,
    event: Event,
    key: str | None,
    now: datetime,
    mute: Mute | None = None,
) -> GroupState:
    hold = event.route.hold if event.route is not None and mute is None and key is not None else None
    group = GroupState(
        id=None,
        integration_id=received.integration_id,
        service_id=received.service_id,
        key=key,
        title=group_titles.title(event.title, is_storm=key is None),
        urgency=event_placement.urgency(event),
        opened_at=now,
        last_at=now,
        fresh=True,
        severity=event.severity,
        lead_key=_lead_key(received.integration_id, event.dedup_key),
        mute_id=mute.id if mute else None,
        hold=hold.opened(now, batch.counted.get((received.service_id, key or ""))) if hold else None,
    )
    batch.groups.append(group)
    return group


def _touch(group: GroupState, event: Event, now: datetime, *, events: int = 1) -> None:
    group.events += events
    group.last_at = max(group.last_at, now)
    group.changed = True
    if group.urgency == "low" and event_placement.urgency(event) == "high":
        group.urgency = "high"
        group.raised, group.acked = True, False
        group.raised_by = event.title


def _lead_key(integration_id: int, dedup_key: str) -> str:
    return f"{integration_id}:{dedup_key}"


def _update_lead(group: GroupState, alert: AlertState) -> None:
    """Make an alert that fires the lead of its group if it is the most severe."""
    key = _lead_key(alert.integration_id, alert.dedup_key)
    _lead(group, key, alert.event, is_flapping=alert.is_flapping)


def _lead(group: GroupState, key: str, event: Event, *, is_flapping: bool = False) -> None:
    """Make the alert with this key the lead of its group if it is the most severe; a storm keeps its title."""
    worse_by = group_titles.rank(group.severity) - group_titles.rank(event.severity)
    if group.key is None:
        return
    if group.lead_key is None or (key == group.lead_key and worse_by < 0):
        group.lead_lost = True
    elif key == group.lead_key or worse_by > 0:
        group.lead_key, group.severity = key, event.severity
        group.title = group_titles.title(event.title, is_storm=False, is_flapping=is_flapping)


def _repeat(alert: AlertState, event: Event, order: Order, now: datetime) -> None:
    alert.count += 1
    alert.last_seen = max(alert.last_seen, now)
    alert.changed = True
    alert.event = event
    alert.advance(order, now)
    if alert.group:
        _touch(alert.group, event, now)
        _update_lead(alert.group, alert)


def _release_unmuted(batch: Batch, received: InboundRequest, alert: AlertState) -> None:
    """Let the group of a muted alert page if its mute has ended or no longer applies to the alert."""
    group = alert.group
    if group is None or group.mute_id is None:
        return
    mute = mutes.mute_of(batch.mutes, _in_place(received, group), alert.event)
    if mute is None and not mutes.still_waits(batch.mutes, group.service_id, group.mute_id):
        group.mute_id, group.released = None, True


def _move_to_mute(batch: Batch, received: InboundRequest, alert: AlertState, now: datetime) -> bool:
    """Move an alert that a rule holds to a mute that has begun since; return False if there is none."""
    group = alert.group
    if group is None or group.hold is None or not group.hold.is_open:
        return False
    received = _in_place(received, group)
    if event_placement.pages_no_one(alert.event) or not mutes.mute_of(batch.mutes, received, alert.event):
        return False
    move(batch, received, alert, alert.event, now)
    return True


def move(batch: Batch, received: InboundRequest, alert: AlertState, event: Event, now: datetime) -> None:
    """Move an alert that fires into the group that its event, as it is now, belongs to."""
    old, alert.group = alert.group, _join(batch, received, event, now)
    batch.moved.append(alert)
    if old is not None:
        _leave(batch, alert, old)


def _apply_to_hold(group: GroupState | None, event: Event, now: datetime) -> None:
    """Apply an event to the hold of its group, which pages from now on if that ends it; an update does not count."""
    if group is None or group.hold is None or not group.hold.is_open:
        return
    wanted = event.route.hold if event.route is not None else None
    group.hold = group.hold.after(wanted, now, is_counted=event.kind is not EventKind.UPDATE)
    group.released = group.released or not group.hold.is_open


def _update(batch: Batch, received: InboundRequest, alert: AlertState, event: Event, now: datetime) -> None:
    """Replace what an alert says; its group may become urgent, and pages if nothing holds what it says now."""
    alert.event, alert.changed = event, True
    if alert.status == "firing" and alert.group:
        _touch(alert.group, event, now, events=0)
        _update_lead(alert.group, alert)
        _release_unmuted(batch, received, alert)
        _apply_to_hold(alert.group, event, now)


def _resolve(batch: Batch, alert: AlertState, order: Order, now: datetime) -> None:
    alert.advance(order, now)
    alert.changed = True
    if alert.status == "firing":
        alert.last_seen = max(alert.last_seen, now)
        _end_unless_flapping(batch, alert, order[0], "source", now)


def _expire(batch: Batch, alert: AlertState, at: datetime, now: datetime) -> None:
    """End an alert at `at`; its order stays, so that its source may fire it again with the same start."""
    if alert.status == "firing":
        alert.changed = True
        _end_unless_flapping(batch, alert, at, "timeout", now)


def _end_for_person(batch: Batch, alert: AlertState, at: datetime, now: datetime) -> None:
    """End an alert, also one that flaps; its order stays, so that its source may fire it again with the same start."""
    if alert.status == "firing":
        alert.changed = True
        alert.flap = alert.flap.ended() if alert.flap is not None else None
        _end(batch, alert, max(at, alert.starts_at), "human", now)


def _end_unless_flapping(batch: Batch, alert: AlertState, at: datetime, ended_by: str, now: datetime) -> None:
    """End an alert; one that flaps, or begins to, stays firing, and keeps in mind that its source resolved it."""
    # a source with a wrong clock must not end an alert before it began
    at = max(at, alert.starts_at)
    if alert.flap is not None and alert.flap.is_on:
        alert.flap = alert.flap.resolved(at, ended_by, now)
        return
    if alert.flap is not None:
        alert.flap = flapping.after(alert.flap, (), now)
    if not _begin_to_flap(batch, alert, now):
        _end(batch, alert, at, ended_by, now)
    elif alert.flap is not None:
        alert.flap = alert.flap.with_resolution(at, ended_by)


def _end(batch: Batch, alert: AlertState, at: datetime, ended_by: str, now: datetime) -> None:
    alert.status, alert.ends_at, alert.ended_by = "resolved", at, ended_by
    if alert.group:
        alert.group.last_at = max(alert.group.last_at, now)
        _leave(batch, alert, alert.group)


def _leave(batch: Batch, alert: AlertState, group: GroupState) -> None:
    """Count an alert of a group as one that no longer fires in it, and close the group after the last one."""
    group.firing -= 1
    group.changed = True
    if group.lead_key in (None, _lead_key(alert.integration_id, alert.dedup_key)):
        group.lead_lost = group.key is not None
    if group.firing <= 0:
        # a closed group is titled by its most severe alert
        group.lead_lost = group.key is not None and group.alerts > 1
        # closed within the batch, so the next firing event opens a new group, with a new page
        _remove_open(batch, group)


def _remove_open(batch: Batch, group: GroupState) -> None:
    if group.key is None:
        batch.storms.pop(group.service_id, None)
    else:
        batch.open_groups.pop((group.service_id, group.key), None)
        if group.hold is not None and group.hold.is_open:
            batch.counted[group.service_id, group.key] = group.hold
