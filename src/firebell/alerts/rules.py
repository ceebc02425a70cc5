"""What a batch of events does to alerts and their groups (spec 3.2, pure): order, lateness, grouping."""

import hashlib
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firebell.alerts import titles
from firebell.alerts.model import Alert, Event, EventKind, Group, InboundRequest

_RANK = {EventKind.FIRING: 0, EventKind.RESOLVED: 1}
_UNTIMED = 2
"""The rank of an event without a time of its source: it and what arrives after it are ordered by arrival."""
_HIGH = ("critical", "error", None)
_CROSSINGS = (10, 100, 1000)
"""Sizes of a group at which whoever has taken its page hears of it again (spec 3.3)."""
LATE = timedelta(seconds=60)
"""How long after the newest event of an alert an older one is taken for late, once; spec 3.2."""
STORM = 1_000
"""How many groups a service opens within `STORM_WINDOW`, each with its own page; then one page holds the rest."""
STORM_WINDOW = timedelta(minutes=5)

MESSAGES = 5
"""How many of its stored messages an alert names: the first, and the newest of the others."""

Order = tuple[datetime, int]


@dataclass(slots=True, eq=False)
class GroupState:
    """A group while a batch is applied; `id` is None until it is stored, `key` for the group of a storm.

    `title` and `severity` are those of the alert `lead_key`; `lead_lost` says that another must be found.
    """

    id: int | None
    integration_id: int
    service_id: int
    key: str | None
    title: str
    urgency: str
    opened_at: datetime
    last_at: datetime
    fresh: bool
    severity: str | None = None
    alerts: int = 0
    firing: int = 0
    events: int = 0
    changed: bool = False
    grown: bool = False
    crossed: bool = False
    raised: bool = False
    acked: bool = False
    lead_key: str | None = None
    lead_lost: bool = False
    stored_title: str = ""
    raised_by: str = ""


@dataclass(slots=True, eq=False)
class AlertState:
    """An alert while a batch is applied.

    `hi_seen` is when the event that set `hi` arrived, `late` the order of the last event since that was late.
    """

    id: int | None
    integration_id: int
    dedup_key: str
    group: GroupState | None
    status: str
    event: Event
    starts_at: datetime
    ends_at: datetime | None
    last_seen: datetime
    hi: Order
    ended_by: str | None
    count: int
    hi_seen: datetime
    late: Order | None = None
    missed: bool = False
    changed: bool = False
    message_ids: tuple[int, ...] = ()

    def advance(self, order: Order, now: datetime) -> None:
        """Make `order` the one that later events are compared with."""
        if order != self.hi:
            self.hi, self.hi_seen, self.late = order, now, None


@dataclass(slots=True)
class Batch:
    """The state that a batch touches; `apply` changes it, the store writes it back.

    `room` is how many groups each service may still open before a storm, `storms` the group of each that
    still takes in what would open another.
    """

    latest: dict[tuple[int, str], AlertState] = field(default_factory=dict)
    loaded: list[AlertState] = field(default_factory=list)
    open_groups: dict[tuple[int, str], GroupState] = field(default_factory=dict)
    room: dict[int, int] = field(default_factory=dict)
    storms: dict[int, GroupState] = field(default_factory=dict)
    created: list[AlertState] = field(default_factory=list)
    groups: list[GroupState] = field(default_factory=list)


def event_id(integration_id: int, event: Event, body_hash: bytes) -> bytes:
    """Return what identifies an event when its source delivers it again."""
    when = event.occurred_at.isoformat() if event.occurred_at else ""
    text = f"{integration_id}|{event.dedup_key}|{event.kind}|{when}|"
    return hashlib.sha256(text.encode() + body_hash).digest()


def group_key(event: Event) -> str:
    """Return the route of an alert within its service: its `service` label, or nothing."""
    return event.labels.get("service", "")


def urgency(severity: str | None) -> str:
    """Return high for critical, error and unknown, low for the rest: in doubt somebody is woken."""
    return "high" if severity in _HIGH else "low"


def loaded_group(group: Group) -> GroupState:
    """Return a stored group as the state that a batch changes."""
    return GroupState(
        group.id,
        group.integration_id,
        group.service_id,
        group.key,
        group.title,
        group.urgency,
        group.opened_at,
        group.last_at,
        False,
        group.lead_severity,
        group.alerts,
        group.firing,
        group.events,
        lead_key=group.lead_key,
        stored_title=group.title,
    )


def loaded_alert(alert: Alert, group: GroupState | None) -> AlertState:
    """Return a stored alert as the state that a batch changes."""
    event = Event(
        EventKind.FIRING,
        alert.dedup_key,
        alert.title,
        alert.body,
        alert.severity,
        alert.labels,
        alert.annotations,
        alert.links,
    )
    return AlertState(
        alert.id,
        alert.integration_id,
        alert.dedup_key,
        group,
        alert.status,
        event,
        alert.starts_at,
        alert.ends_at,
        alert.last_seen,
        (alert.hi_at, alert.hi_rank),
        alert.ended_by,
        alert.count,
        alert.hi_seen,
        (alert.late_at, alert.late_rank) if alert.late_at and alert.late_rank is not None else None,
        alert.missed,
        message_ids=alert.message_ids,
    )


def apply(
    batch: Batch, requests: Iterable[tuple[InboundRequest, Iterable[bytes]]], new: Set[bytes], now: datetime
) -> None:
    """Apply requests in order of arrival; an event id outside `new` was delivered before."""
    applied: set[bytes] = set()
    for received, ids in requests:
        for event, identity in zip(received.incoming, ids, strict=True):
            seen = identity not in new or identity in applied
            applied.add(identity)
            _apply_one(batch, received, event, seen, now)
            if not seen:
                _name_message(batch, received, event)


def _name_message(batch: Batch, received: InboundRequest, event: Event) -> None:
    """Let the alert of an event name the stored message that the event came in."""
    alert = batch.latest.get((received.integration_id, event.dedup_key))
    if alert is None or received.message_id in (0, *alert.message_ids[-1:]):
        return
    newest = alert.message_ids[1:][-(MESSAGES - 2) :]
    alert.message_ids = (*alert.message_ids[:1], *newest, received.message_id)
    alert.changed = True


def _order(event: Event, now: datetime) -> Order:
    return (event.occurred_at, _RANK[event.kind]) if event.occurred_at else (now, _UNTIMED)


def _is_newer(order: Order, hi: Order) -> bool:
    """Compare by the source's clock when both have its time; two clocks are never compared."""
    return _UNTIMED in (order[1], hi[1]) or order >= hi


def _apply_one(batch: Batch, received: InboundRequest, event: Event, seen: bool, now: datetime) -> None:
    key = (received.integration_id, event.dedup_key)
    alert = batch.latest.get(key)
    if event.kind in (EventKind.NOTE, EventKind.HANDSHAKE):
        return
    if event.kind is EventKind.ACK:
        # a sender speaks for what it grouped, not for all that a storm put together
        if alert and alert.status == "firing" and alert.group and alert.group.key is not None:
            alert.group.acked = True
        return
    order = _order(event, now)
    if alert is None:
        _create(batch, received, event, order, now)
    elif _is_late(alert, order, seen, now):
        _count_late(alert, event, seen, now)
    elif event.kind is EventKind.RESOLVED:
        _resolve(batch, alert, order, now)
    elif alert.status == "firing":
        if not seen:
            _repeat(alert, event, order, now)
    else:
        _create(batch, received, event, order, now, missed=not _is_newer(order, alert.hi))


def _is_late(alert: AlertState, order: Order, seen: bool, now: datetime) -> bool:
    """Return True if the event is older than `hi`, arrives within `LATE` of it, and was not late before.

    A source's clock may order events; it never silences for good (spec 3.2).
    """
    if _is_newer(order, alert.hi) or abs(now - alert.hi_seen) > LATE:
        return False
    return seen or order != alert.late


def _count_late(alert: AlertState, event: Event, seen: bool, now: datetime) -> None:
    if seen:
        return
    alert.late, alert.changed = _order(event, now), True
    if event.kind is EventKind.FIRING:
        alert.count += 1
        alert.last_seen = max(alert.last_seen, now)
        if alert.status == "firing" and alert.group:
            _touch(alert.group, event, now)


def _create(
    batch: Batch, received: InboundRequest, event: Event, order: Order, now: datetime, *, missed: bool = False
) -> None:
    firing = event.kind is EventKind.FIRING
    alert = AlertState(
        None,
        received.integration_id,
        event.dedup_key,
        _join(batch, received, event, now) if firing else None,
        "firing" if firing else "resolved",
        event,
        order[0],
        None if firing else order[0],
        now,
        order,
        None if firing else "source",
        int(firing),
        now,
        missed=missed,
    )
    batch.latest[received.integration_id, event.dedup_key] = alert
    batch.created.append(alert)


def _join(batch: Batch, received: InboundRequest, event: Event, now: datetime) -> GroupState:
    service, key = received.service_id, group_key(event)
    group = batch.open_groups.get((service, key))
    if group is None and batch.room.get(service, STORM) > 0:
        batch.room[service] = batch.room.get(service, STORM) - 1
        group = batch.open_groups[service, key] = _open(batch, received, event, key, now)
    elif group is None:
        group = batch.storms.get(service) or _open(batch, received, event, None, now)
        batch.storms[service] = group
    group.alerts += 1
    group.firing += 1
    group.grown = True
    if group.alerts in _CROSSINGS:
        # what was acknowledged before was smaller
        group.crossed, group.acked = True, False
    _touch(group, event, now)
    _name(group, received.integration_id, event)
    return group


def _open(batch: Batch, received: InboundRequest, event: Event, key: str | None, now: datetime) -> GroupState:
    group = GroupState(
        None,
        received.integration_id,
        received.service_id,
        key,
        titles.title(event.title, is_storm=key is None),
        urgency(event.severity),
        now,
        now,
        True,
        event.severity,
        lead_key=_lead_key(received.integration_id, event.dedup_key),
    )
    batch.groups.append(group)
    return group


def _touch(group: GroupState, event: Event, now: datetime) -> None:
    group.events += 1
    group.last_at = max(group.last_at, now)
    group.changed = True
    if group.urgency == "low" and urgency(event.severity) == "high":
        group.urgency = "high"
        group.raised, group.acked = True, False
        group.raised_by = event.title


def _lead_key(integration_id: int, dedup_key: str) -> str:
    return f"{integration_id}:{dedup_key}"


def _name(group: GroupState, integration_id: int, event: Event) -> None:
    """Name a group after an alert that fires in it when that is the most severe; a storm keeps its title."""
    key = _lead_key(integration_id, event.dedup_key)
    worse_by = titles.rank(group.severity) - titles.rank(event.severity)
    if group.key is None:
        return
    if group.lead_key is None or (key == group.lead_key and worse_by < 0):
        group.lead_lost = True
    elif key == group.lead_key or worse_by > 0:
        group.lead_key, group.severity, group.title = key, event.severity, event.title


def _repeat(alert: AlertState, event: Event, order: Order, now: datetime) -> None:
    alert.count += 1
    alert.last_seen = max(alert.last_seen, now)
    alert.changed = True
    alert.event = event
    alert.advance(order, now)
    if alert.group:
        _touch(alert.group, event, now)
        _name(alert.group, alert.integration_id, alert.event)


def _resolve(batch: Batch, alert: AlertState, order: Order, now: datetime) -> None:
    alert.advance(order, now)
    alert.changed = True
    if alert.status != "firing":
        return
    # a source whose clock was set back must not end an alert before it began
    alert.status, alert.ends_at, alert.ended_by = "resolved", max(order[0], alert.starts_at), "source"
    alert.last_seen = max(alert.last_seen, now)
    if group := alert.group:
        group.firing -= 1
        group.last_at = max(group.last_at, now)
        group.changed = True
        if group.lead_key in (None, _lead_key(alert.integration_id, alert.dedup_key)):
            group.lead_lost = group.key is not None
        if group.firing <= 0:
            # what is over is named by the most severe that it was, when there was more than one
            group.lead_lost = group.key is not None and group.alerts > 1
            # it ends here, also inside a batch: what fires next asks for a human anew
            _forget(batch, group)


def _forget(batch: Batch, group: GroupState) -> None:
    if group.key is None:
        batch.storms.pop(group.service_id, None)
    else:
        batch.open_groups.pop((group.service_id, group.key), None)


def retitled(batch: Batch) -> list[GroupState]:
    """Return the stored groups whose title is another one now."""
    return [g for g in batch.groups if not g.fresh and g.changed and g.title != g.stored_title]


def close_finished(batch: Batch) -> list[GroupState]:
    """Return the groups in which nothing fires any more."""
    return [g for g in batch.groups if g.changed and g.firing <= 0]
