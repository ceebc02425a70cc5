"""Replay past alerts by routing rules, and compare two sets of rules (pure).

Only what is stored can be replayed: each alert counts as one firing event when it began, repeats do not count. What
rules decide about alerts that they cannot tell apart is decided once, and only alerts whose group a draft changes are
compared one by one, so that a million alerts take a second or two.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts import event_placement
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.alerts.past_alert_columns import NEVER, AlertHistory, AlertKind, instant, microseconds
from firebell.alerts.routing_model import Hold, HoldKind
from firebell.alerts.routing_rules import rules as routing_rules
from firebell.alerts.routing_rules.rules import ALL_LABELS, Routing
from firebell.routing.model import EffectKind, RoutingEffect, RoutingPreview

MAX_EXAMPLES = 20
_ORDER = (EffectKind.HIDDEN, EffectKind.MOVED, EffectKind.LATER, EffectKind.URGENCY, EffectKind.SHOWN)
"""The most serious effect of an alert is the one that counts."""
_LOST = (EffectKind.HIDDEN, EffectKind.LATER, EffectKind.MOVED)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where rules put the alerts of a kind."""

    service_id: int
    key: str
    urgency: str
    hold: Hold | None

    @property
    def terms(self) -> tuple[object, ...]:
        """What decides about the group and its page; two versions of one rule can have the same."""
        return self.service_id, self.key, self.urgency, self.hold and self.hold.terms


@dataclass(slots=True, eq=False)
class _Group:
    service_id: int
    urgency: str
    hold: Hold | None
    paged_at: int | None
    """When it paged, None if it never did."""
    ends_at: int
    """When its last alert ended."""

    def finish(self) -> None:
        """Let it page at the end of its wait, if an alert of it fired then."""
        if self.hold is not None and self.hold.until is not None:
            until = microseconds(self.hold.until)
            if self.ends_at > until:
                self.paged_at = until


def needed_labels(*routings: Routing) -> list[str] | None:
    """Return the labels on which the decisions of rules depend, None for all of them."""
    names = {"alertname", "heartbeat", "service"}
    for routing in routings:
        names.update(routing.names, *(each.rule.group_by or () for each in routing.rules))
    return None if ALL_LABELS in names else sorted(names)


def _place(routing: Routing, kind: AlertKind) -> _Place:
    event = Event(
        EventKind.FIRING, kind.dedup_key, kind.title, severity=kind.severity, labels=dict(kind.labels)
    )
    received = InboundRequest(kind.integration_id, kind.service_id, "", b"", (event,))
    [received] = routing_rules.routed(routing, [received]) if routing.rules else [received]
    [event] = received.incoming
    return _Place(
        event_placement.service_of(received, event),
        event_placement.group_key(event),
        event_placement.urgency(event),
        event.route.hold if event.route else None,
    )


def _groups(
    places: Sequence[_Place], history: AlertHistory, order: Sequence[int]
) -> tuple[list[_Group], list[_Group]]:
    """Return the group of each alert in `order`, and each group once."""
    open_groups: dict[tuple[int, str], _Group] = {}
    keys = [(place.service_id, place.key) for place in places]
    placed, groups = [], []
    kind_of, starts, ends = history.kind_of, history.starts, history.ends
    for position in order:
        index = kind_of[position]
        place, start, end = places[index], starts[position], ends[position]
        group = open_groups.get(keys[index])
        if group is None or group.ends_at <= start:
            hold = place.hold
            if hold is not None:
                counted = group.hold if group is not None and group.paged_at is None else None
                hold = hold.opened(instant(start), counted)
            group = _Group(place.service_id, place.urgency, hold, start if hold is None else None, end)
            open_groups[keys[index]] = group
            groups.append(group)
        elif end > group.ends_at:
            group.ends_at = end
        if group.hold is not None and group.hold.kind is HoldKind.THRESHOLD:
            group.hold = group.hold.counted(instant(start))
            if group.paged_at is None and group.hold.ended_at is not None:
                group.paged_at = microseconds(group.hold.ended_at)
        if place.urgency == "high":
            group.urgency = "high"
        placed.append(group)
    for group in groups:
        group.finish()
    return placed, groups


def _same_pages(places: Sequence[_Place], history: AlertHistory, order: Sequence[int]) -> int:
    """Return the number of pages of alerts that no rule holds."""
    numbers: dict[tuple[int, str], int] = {}
    number_of = [numbers.setdefault((place.service_id, place.key), len(numbers)) for place in places]
    open_until = [-NEVER] * len(numbers)
    kind_of, starts, ends = history.kind_of, history.starts, history.ends
    pages = 0
    for position in order:
        number = number_of[kind_of[position]]
        if open_until[number] <= starts[position]:
            pages += 1
            open_until[number] = ends[position]
        elif open_until[number] < ends[position]:
            open_until[number] = ends[position]
    return pages


def _changed_kinds(old: Sequence[_Place], new: Sequence[_Place]) -> list[bool]:
    """Return for each kind whether its alerts can be in another group than before, or in one with other members."""
    keys = {
        (place.service_id, place.key)
        for before, after in zip(old, new, strict=True)
        if before.terms != after.terms
        for place in (before, after)
    }
    return [
        not keys.isdisjoint(((before.service_id, before.key), (after.service_id, after.key)))
        for before, after in zip(old, new, strict=True)
    ]


def preview(before: Routing, after: Routing, history: AlertHistory, since: datetime) -> RoutingPreview:
    """Return what `after` would have changed; the examples have the title of any alert of their kind."""
    old, new = ([_place(routing, kind) for kind in history.kinds] for routing in (before, after))
    is_changed = _changed_kinds(old, new)
    order = sorted(range(len(history.ids)), key=history.starts.__getitem__)
    kind_of = history.kind_of
    changed = [position for position in order if is_changed[kind_of[position]]]
    # what stays as it was is only counted
    is_held = [not c and place.hold is not None for c, place in zip(is_changed, old, strict=True)]
    held = [position for position in order if is_held[kind_of[position]]]
    plain = [
        position for position in order if not (is_changed[kind_of[position]] or is_held[kind_of[position]])
    ]
    same = _same_pages(old, history, plain) + _pages(_groups(old, history, held)[1])
    was, old_groups = _groups(old, history, changed)
    would, new_groups = _groups(new, history, changed)
    counts = dict.fromkeys(EffectKind, 0)
    incidents: dict[str, None] = {}
    service_ids = set[int]()

    # the position is unique, so that nothing after it is compared
    def effects() -> Iterator[tuple[bool, int, int, int, EffectKind, int, int, int]]:
        for position, earlier, later in zip(changed, was, would, strict=True):
            start = history.starts[position]
            kind, delay = _difference(start, earlier, later)
            if kind is None:
                continue
            counts[kind] += 1
            service_ids.add(earlier.service_id)
            refs = history.incidents.get(history.groups[position], ())
            if kind in _LOST:
                incidents.update(dict.fromkeys(refs))
            services = (earlier.service_id, later.service_id)
            yield not refs, _ORDER.index(kind), -start, position, kind, delay, *services

    examples = heapq.nsmallest(MAX_EXAMPLES, effects())
    return RoutingPreview(
        since=since,
        alerts=len(history.ids),
        events=history.events,
        is_cut=history.is_cut,
        pages_before=same + _pages(old_groups),
        pages_after=same + _pages(new_groups),
        counts=counts,
        incidents=tuple(incidents),
        examples=tuple(_example(history, *effect[3:]) for effect in examples),
        service_ids=tuple(sorted(service_ids)),
    )


def _pages(groups: Sequence[_Group]) -> int:
    return sum(group.paged_at is not None for group in groups)


def _example(
    history: AlertHistory, position: int, kind: EffectKind, delay: int, before: int, after: int
) -> RoutingEffect:
    start, end = history.starts[position], history.ends[position]
    return RoutingEffect(
        alert_id=history.ids[position],
        title=history.kinds[history.kind_of[position]].title,
        starts_at=instant(start),
        kind=kind,
        service_before=before,
        service_after=after,
        delay_s=delay // 1_000_000,
        resolved_after_s=None if end == NEVER else (end - start) // 1_000_000,
        incidents=history.incidents.get(history.groups[position], ()),
    )


def _difference(start: int, was: _Group, would: _Group) -> tuple[EffectKind | None, int]:
    was_at, would_at = was.paged_at, would.paged_at
    if was_at is not None and would_at is None:
        return EffectKind.HIDDEN, 0
    if was_at is None and would_at is not None:
        return EffectKind.SHOWN, 0
    if was.service_id != would.service_id:
        return EffectKind.MOVED, 0
    if was_at is not None and would_at is not None:
        # an alert that joins a group that has paged is known from its own start
        delay = max(would_at, start) - max(was_at, start)
        if delay > 0:
            return EffectKind.LATER, delay
        if was.urgency != would.urgency:
            return EffectKind.URGENCY, 0
    return None, 0
