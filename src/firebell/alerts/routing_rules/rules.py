"""Routing rules: the first that matches an event decides ([spec 3.6](docs/spec/3-alerts.md)) (pure).

An event that no rule matches, or whose rule names a service that does not exist, goes to the fallback rule, which
pages: its service is that of the integration, its group goes by the label `service`, its urgency by its severity.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

import msgspec

from firebell.alerts import mutes
from firebell.alerts.model import (
    ANOMALY_RULE,
    HEARTBEAT_KEY_PREFIX,
    Event,
    EventKind,
    InboundRequest,
    is_test_key,
    matched_labels,
)
from firebell.alerts.routing_model import Hold, HoldKind, Route
from firebell.kit import matchers
from firebell.kit.matchers import Matcher, MatcherError, Op, matches_all

ALL_LABELS = "..."
"""The label to group by that stands for all labels."""
MAX_KEY_CHARS = 200
"""Characters of the longest group key that is stored as it is; a longer one is hashed."""
MAX_KNOWN_VALUES = 2_000
"""How many combinations of label values the rules remember the outcome of."""
_ROUTED_KINDS = frozenset({EventKind.FIRING, EventKind.UPDATE, EventKind.HANDED_OVER, EventKind.WAITED})


class Owner(StrEnum):
    """Which service an alert belongs to."""

    INTEGRATION = "integration"
    """The service of the key that it was sent with."""
    LABEL = "label"
    """The service that its label `service` names, by slug or name."""
    SERVICE = "service"
    """A service that the rule names."""


class Urgency(StrEnum):
    """How urgent the page of a rule is."""

    SEVERITY = "severity"
    HIGH = "high"
    LOW = "low"


class RoutingRule(msgspec.Struct, frozen=True):
    """One rule. `id` stays the same when the rule is changed or moved; 0 until it is saved.

    `group_by` are the labels that separate groups, None for the label `service` as without rules. A group pages
    after `wait_s` seconds if it still fires, or at the `threshold`th firing event within `window_s` seconds.
    """

    name: str
    matchers: str
    id: int = 0
    owner: Owner = Owner.INTEGRATION
    service_id: int | None = None
    urgency: Urgency = Urgency.SEVERITY
    group_by: tuple[str, ...] | None = None
    pages: bool = True
    wait_s: int = 0
    threshold: int = 1
    window_s: int = 600

    def hold(self, version_id: int) -> Hold | None:
        """Return why its groups do not page at once, None if they do."""
        if not self.pages:
            return Hold(HoldKind.NEVER, self.id, version_id)
        if self.threshold > 1:
            return Hold(HoldKind.THRESHOLD, self.id, version_id, self.threshold, self.window_s)
        return Hold(HoldKind.WAIT, self.id, version_id, 1, self.wait_s) if self.wait_s else None


@dataclass(frozen=True, slots=True)
class RoutingVersion:
    """The rules as someone saved them; `last_rule_id` is the highest id that a rule ever had."""

    id: int
    based_on: int
    rules: tuple[RoutingRule, ...]
    last_rule_id: int
    note: str
    saved_at: datetime
    saved_by: str


Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CompiledRoutingRule:
    """A rule whose matchers were parsed; `hold` is why its groups wait."""

    rule: RoutingRule
    matchers: tuple[Matcher, ...]
    hold: Hold | None

    def matches(self, labels: Labels) -> bool:
        """Return True if the labels meet every matcher."""
        return matches_all(self.matchers, labels)

    def group_key(self, labels: Labels) -> str:
        """Return the key of the group within its service: no label can have a control character."""
        names = self.rule.group_by
        if names is None:
            values = labels.get("service", "")
        elif ALL_LABELS in names:
            values = "\x1d".join(f"{name}={labels[name]}" for name in sorted(labels))
        else:
            values = "\x1d".join(labels.get(name, "") for name in names)
        if len(values) > MAX_KEY_CHARS:
            values = hashlib.sha256(values.encode("utf-8", "surrogatepass")).hexdigest()
        kind = "" if self.hold is None else f"{self.hold.kind}{self.hold.needed}/{self.hold.window_s}"
        return f"\x1e{self.rule.id}{kind}\x1e{values}"


@dataclass(frozen=True, slots=True)
class Routing:
    """The rules of a version, in order, and the services by slug and by name in lower case.

    `positions` are those of the rules that can match, by a label and the value that it must have; `general` are those
    of rules that require no value. So most rules are never looked at. `names` are the labels that any rule asks for;
    `known` has the position of the rule for values of these that were seen, -1 for none. `known_routes` has the
    decisions of rules that group by the label `service`, by the position of the rule, the service of the integration,
    and that label.
    """

    version_id: int = 0
    rules: tuple[CompiledRoutingRule, ...] = ()
    services: Mapping[str, int] = field(default_factory=dict)
    service_ids: frozenset[int] = frozenset()
    general: tuple[int, ...] = ()
    positions: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    known: dict[tuple[str, ...], int] = field(default_factory=dict, compare=False, repr=False)
    known_routes: dict[tuple[int, int, str], Route] = field(default_factory=dict, compare=False, repr=False)

    def first(self, labels: Labels) -> CompiledRoutingRule | None:
        """Return the first rule that matches, None if no rule does."""
        position = self.position(labels)
        return self.rules[position] if position >= 0 else None

    def position(self, labels: Labels) -> int:
        """Return the position of the first rule that matches, -1 if no rule does."""
        values = tuple([labels.get(name, "") for name in self.names])
        position = self.known.get(values)
        if position is None:
            if len(self.known) >= MAX_KNOWN_VALUES:
                self.known.clear()
            position = self.known[values] = self._first_position(labels)
        return position

    def _first_position(self, labels: Labels) -> int:
        candidates = list(self.general)
        for name, by_value in self.positions.items():
            if (value := labels.get(name)) and value in by_value:
                candidates += by_value[value]
        for position in sorted(candidates):
            if self.rules[position].matches(labels):
                return position
        return -1

    def owner(self, rule: RoutingRule, labels: Labels, default: int) -> int | None:
        """Return the service of an alert that a rule matches, None if there is no such service."""
        match rule.owner:
            case Owner.INTEGRATION:
                return default
            case Owner.SERVICE:
                return rule.service_id if rule.service_id in self.service_ids else None
            case Owner.LABEL:
                name = labels.get("service", "").strip()
                return self.services.get(name) or self.services.get(name.casefold())

    def with_services(
        self, services: Iterable[tuple[int, str, str]], earlier_names: Iterable[tuple[int, str]] = ()
    ) -> "Routing":
        """Return the rules with these services, each with its id, slug and name; a slug comes before a name.

        `earlier_names` are ids with former names of renamed services, in lower case; a slug or current name wins over
        them.
        """
        listed = list(services)
        by_earlier_name = {name: id_ for id_, name in earlier_names}
        by_name = {name.casefold(): id_ for id_, _, name in listed}
        return replace(
            self,
            services=by_earlier_name | by_name | {slug: id_ for id_, slug, _ in listed},
            service_ids=frozenset(id_ for id_, _, _ in listed),
            known_routes={},
        )


NO_ROUTING = Routing()


def compile_rules(version_id: int, rules: Sequence[RoutingRule]) -> tuple[Routing, list[RoutingRule]]:
    """Return the rules ready to match, and those whose matchers cannot be read: these match nothing."""
    compiled: list[CompiledRoutingRule] = []
    unreadable = []
    for rule in rules:
        try:
            compiled.append(CompiledRoutingRule(rule, matchers.parse(rule.matchers), rule.hold(version_id)))
        except MatcherError:
            unreadable.append(rule)
    general: list[int] = []
    positions: dict[str, dict[str, tuple[int, ...]]] = {}
    for position, each in enumerate(compiled):
        required = next((m for m in each.matchers if m.op is Op.EQUAL and m.value), None)
        if required is None:
            general.append(position)
        else:
            by_value = positions.setdefault(required.name, {})
            by_value[required.value] = (*by_value.get(required.value, ()), position)
    names = tuple(sorted({matcher.name for each in compiled for matcher in each.matchers}))
    routing = Routing(version_id, tuple(compiled), general=tuple(general), positions=positions, names=names)
    return routing, unreadable


def route(routing: Routing, received: InboundRequest, event: Event) -> Route | None:
    """Return what the rules decide about an event, None if no rule matches.

    Messages that were not read or processed, silent sources, and rules that watch Firebell itself always go to the
    fallback rule.
    """
    if event.kind not in _ROUTED_KINDS:
        return None
    if received.error is not None or mutes.always_pages(event.dedup_key, event.labels):
        return None
    labels = matched_labels(event.title, event.severity, event.labels)
    position = routing.position(labels)
    if position < 0:
        return None
    matching = routing.rules[position]
    if matching.hold is not None and matching.hold.kind is HoldKind.THRESHOLD and _fires_once(event):
        return decide(routing, replace(matching, hold=None), labels, received.service_id)
    if matching.rule.group_by is not None:
        return decide(routing, matching, labels, received.service_id)
    key = position, received.service_id, labels.get("service", "")
    known = routing.known_routes.get(key)
    if known is None:
        if len(routing.known_routes) >= MAX_KNOWN_VALUES:
            routing.known_routes.clear()
        known = routing.known_routes[key] = decide(routing, matching, labels, received.service_id)
    return known


def _fires_once(event: Event) -> bool:
    """Return True for an alert that Firebell itself reports, once: counting its events would never page."""
    is_heartbeat = event.dedup_key.startswith(HEARTBEAT_KEY_PREFIX) and "heartbeat" in event.labels
    return is_heartbeat or is_test_key(event.dedup_key) or event.labels.get("alertname") == ANOMALY_RULE


def decide(routing: Routing, matching: CompiledRoutingRule, labels: Labels, default_service_id: int) -> Route:
    """Return what a rule decides about an alert that it matches."""
    rule = matching.rule
    service_id = routing.owner(rule, labels, default_service_id)
    if service_id is None:
        return Route(rule.id, routing.version_id, labels.get("service", ""), is_fallback=True)
    return Route(
        rule_id=rule.id,
        version_id=routing.version_id,
        key=matching.group_key(labels),
        service_id=None if service_id == default_service_id else service_id,
        urgency=None if rule.urgency is Urgency.SEVERITY else rule.urgency.value,
        hold=matching.hold,
    )


def routed(
    routing: Routing, requests: Sequence[InboundRequest], *, are_services_kept: bool = False
) -> list[InboundRequest]:
    """Return requests with what the rules decide about their events.

    With `are_services_kept`, but for the service: their alerts are in groups of it already.
    """
    return [_routed_request(routing, request, are_services_kept) for request in requests]


def _routed_request(routing: Routing, request: InboundRequest, is_service_kept: bool) -> InboundRequest:
    routes = [route(routing, request, event) for event in request.incoming]
    if not any(routes):
        return request
    if is_service_kept:
        routes = [each and msgspec.structs.replace(each, service_id=None) for each in routes]
    incoming = tuple(
        event if each is None else msgspec.structs.replace(event, route=each)
        for event, each in zip(request.incoming, routes, strict=True)
    )
    return msgspec.structs.replace(request, incoming=incoming, is_routed=True)


def unrouted(requests: Sequence[InboundRequest]) -> list[InboundRequest]:
    """Return requests without what rules decided, so that they go to the fallback rule."""
    return [
        msgspec.structs.replace(
            request,
            incoming=tuple(msgspec.structs.replace(event, route=None) for event in request.incoming),
            is_routed=False,
        )
        if request.is_routed
        else request
        for request in requests
    ]


def still_held(routing: Routing, hold: Hold, service_id: int, requests: Iterable[InboundRequest]) -> bool:
    """Return True if rules hold all that fires in a group of a service on the terms that it is held on.

    The requests have the alerts that fire, as their sources sent them.
    """
    for request in requests:
        for event in request.incoming:
            decided = route(routing, request, event)
            if decided is None or decided.hold is None or decided.hold.terms != hold.terms:
                return False
            if hold.kind is not HoldKind.NEVER and (decided.service_id or request.service_id) != service_id:
                return False
    return True
