"""Replay past alerts by routing rules, and compare two sets of rules (pure).

Only what is stored can be replayed: each alert counts as one firing event when it began, repeats do not count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import event_placement, routing_rules
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.alerts.routes import Hold, HoldKind
from firebell.alerts.routing_rules import Routing
from firebell.routing.model import EffectKind, RoutingEffect, RoutingPreview

MAX_EXAMPLES = 20
_ORDER = (EffectKind.HIDDEN, EffectKind.MOVED, EffectKind.LATER, EffectKind.URGENCY, EffectKind.SHOWN)
"""The most serious effect of an alert is the one that counts."""


@dataclass(frozen=True, slots=True)
class ReplayedAlert:
    """An alert as it was; `service_id` is the one of its integration, `incidents` those that its page led to."""

    id: int
    integration_id: int
    service_id: int
    dedup_key: str
    title: str
    severity: str | None
    labels: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    count: int
    incidents: tuple[str, ...] = ()


@dataclass(slots=True, eq=False)
class _Group:
    service_id: int
    urgency: str
    hold: Hold | None
    paged_at: datetime | None
    ends_at: datetime | None
    """When its last alert ended, None while one fires."""

    def is_open(self, at: datetime) -> bool:
        return self.ends_at is None or self.ends_at > at

    def page_at(self) -> datetime | None:
        """Return when it paged, None if it never did."""
        until = self.hold.until if self.hold is not None else None
        return until if until is not None and self.is_open(until) else self.paged_at


def _replay(routing: Routing, alerts: Sequence[ReplayedAlert]) -> list[_Group]:
    """Return the group of each alert; `alerts` are in the order in which they began."""
    open_groups: dict[tuple[int, str], _Group] = {}
    placed = []
    for alert in alerts:
        event = Event(
            EventKind.FIRING, alert.dedup_key, alert.title, severity=alert.severity, labels=alert.labels
        )
        received = InboundRequest(alert.integration_id, alert.service_id, "", b"", (event,))
        [received] = routing_rules.routed(routing, [received]) if routing.rules else [received]
        [event] = received.incoming
        key = event_placement.service_of(received, event), event_placement.group_key(event)
        group = open_groups.get(key)
        if group is None or not group.is_open(alert.starts_at):
            counted = group.hold if group is not None and group.paged_at is None else None
            wanted = event.route.hold if event.route else None
            hold = wanted.opened(alert.starts_at, counted) if wanted else None
            paged_at = alert.starts_at if hold is None else None
            group = _Group(key[0], event_placement.urgency(event), hold, paged_at, alert.ends_at)
            open_groups[key] = group
        elif group.ends_at is not None:
            group.ends_at = None if alert.ends_at is None else max(group.ends_at, alert.ends_at)
        if group.hold is not None and group.hold.kind is HoldKind.THRESHOLD:
            group.hold = group.hold.counted(alert.starts_at)
            group.paged_at = group.paged_at or group.hold.ended_at
        if event_placement.urgency(event) == "high":
            group.urgency = "high"
        placed.append(group)
    return placed


def preview(
    before: Routing, after: Routing, alerts: Sequence[ReplayedAlert], since: datetime, *, is_cut: bool
) -> RoutingPreview:
    """Return what `after` would have changed; `alerts` are in the order in which they began."""
    old, new = _replay(before, alerts), _replay(after, alerts)
    effects = []
    for alert, was, would in zip(alerts, old, new, strict=True):
        effect = _effect(alert, was, would)
        if effect is not None:
            effects.append(effect)
    counts = {kind: sum(effect.kind is kind for effect in effects) for kind in EffectKind}
    lost = [e for e in effects if e.kind in (EffectKind.HIDDEN, EffectKind.LATER, EffectKind.MOVED)]
    incidents = dict.fromkeys(ref for effect in lost for ref in effect.incidents)
    examples = sorted(
        effects, key=lambda e: (not e.incidents, _ORDER.index(e.kind), -e.starts_at.timestamp())
    )
    return RoutingPreview(
        since=since,
        alerts=len(alerts),
        events=sum(alert.count for alert in alerts),
        is_cut=is_cut,
        pages_before=_pages(old),
        pages_after=_pages(new),
        counts=counts,
        incidents=tuple(incidents),
        examples=tuple(examples[:MAX_EXAMPLES]),
        service_ids=tuple(sorted({effect.service_before for effect in effects})),
    )


def _pages(groups: Sequence[_Group]) -> int:
    return sum(group.page_at() is not None for group in set(groups))


def _effect(alert: ReplayedAlert, was: _Group, would: _Group) -> RoutingEffect | None:
    kind, delay_s = _difference(alert, was, would)
    if kind is None:
        return None
    resolved_after_s = (
        None if alert.ends_at is None else int((alert.ends_at - alert.starts_at).total_seconds())
    )
    ids = (was.service_id, would.service_id)
    return RoutingEffect(
        alert.id, alert.title, alert.starts_at, kind, *ids, delay_s, resolved_after_s, alert.incidents
    )


def _difference(alert: ReplayedAlert, was: _Group, would: _Group) -> tuple[EffectKind | None, int]:
    was_at, would_at = was.page_at(), would.page_at()
    if was_at is not None and would_at is None:
        return EffectKind.HIDDEN, 0
    if was_at is None and would_at is not None:
        return EffectKind.SHOWN, 0
    if was.service_id != would.service_id:
        return EffectKind.MOVED, 0
    if was_at is not None and would_at is not None:
        # an alert that joins a group that has paged is known from its own start
        delay = max(would_at, alert.starts_at) - max(was_at, alert.starts_at)
        if delay.total_seconds() > 0:
            return EffectKind.LATER, int(delay.total_seconds())
        if was.urgency != would.urgency:
            return EffectKind.URGENCY, 0
    return None, 0
