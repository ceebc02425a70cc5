"""Routing rules: which rule decides, what it decides, and that an alert that no rule can place pages."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts import cleaning, event_placement, mutes
from firebell.alerts.batches import dedup_and_grouping
from firebell.alerts.batches import outcome as batch_outcome
from firebell.alerts.batches import state as batch_state
from firebell.alerts.batches.state import Batch, GroupState
from firebell.alerts.model import ANOMALY_RULE, SOURCE_SILENT_KEY, Event, EventKind, InboundRequest
from firebell.alerts.mutes import Mute, MuteKind
from firebell.alerts.muting import muted_groups
from firebell.alerts.routing_model import Hold, HoldKind
from firebell.alerts.routing_rules import changes as routing_changes
from firebell.alerts.routing_rules import rules as routing_rules
from firebell.alerts.routing_rules import validation as routing_validation
from firebell.alerts.routing_rules.rules import Owner, Routing, RoutingRule, Urgency
from firebell.kit import matchers
from firebell.kit.errors import Invalid
from tests.rules.budget import examples

NOW = datetime(2026, 11, 29, 3, 12, tzinfo=UTC)
HOME, LEDGER, SEARCH = 1, 2, 3
SERVICES = ((HOME, "home", "Home"), (LEDGER, "ledger-db", "Ledger DB"), (SEARCH, "search", "Ledger-DB"))


def rule(text: str, id_: int = 1, **fields: object) -> RoutingRule:
    return RoutingRule(name=f"Rule {id_}", matchers=text, id=id_, **fields)  # type: ignore[arg-type]


def routing(*rules: RoutingRule) -> Routing:
    return routing_rules.compile_rules(7, rules)[0].with_services(SERVICES)


def firing(key: str = "k", severity: str | None = "critical", **labels: str) -> Event:
    return Event(EventKind.FIRING, key, "disk full", severity=severity, labels=labels)


def request(*incoming: Event, error: str | None = None) -> InboundRequest:
    return InboundRequest(1, HOME, "test", b"", incoming, error)


RULES = routing(
    rule('severity="info"', 1, pages=False),
    rule('team="payments",job=~"postgres|pgbouncer"', 2, owner=Owner.SERVICE, service_id=LEDGER),
    rule('team="gone"', 3, owner=Owner.SERVICE, service_id=99),
    rule('service=~".+"', 4, owner=Owner.LABEL, urgency=Urgency.LOW),
    rule('title="disk full",env!="dev"', 5, group_by=("env",)),
    rule("{=", 6),
)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (firing(severity="info", team="payments", job="postgres"), (1, HOME, False)),
        (firing(team="payments", job="pgbouncer"), (2, LEDGER, False)),
        (firing(team="payments", job="nginx", service="search"), (4, SEARCH, False)),
        (firing(team="gone", service="search"), (3, HOME, True)),
        (firing(service="Ledger DB"), (4, LEDGER, False)),
        (firing(service="ledger-db"), (4, LEDGER, False)),
        (firing(service="LEDGER-DB"), (4, LEDGER, False)),
        (firing(service="home"), (4, HOME, False)),
        (firing(service="unknown"), (4, HOME, True)),
        (firing(service=" "), (4, HOME, True)),
        (firing(env="prod"), (5, HOME, False)),
        (firing(), (5, HOME, False)),
        (firing(env="dev"), None),
        (firing(severity="info", alertname="FirebellDown"), None),
        (cleaning.overflow(3), None),
        (firing(SOURCE_SILENT_KEY, "info"), None),
        (Event(EventKind.RESOLVED, "k", "disk full", severity="info"), None),
    ],
)
def test_the_first_rule_that_matches_decides(event: Event, expected: tuple[int, int, bool] | None) -> None:
    [routed] = routing_rules.routed(RULES, [request(event)])
    route = routed.incoming[0].route
    if expected is None:
        assert route is None
        assert not routed.is_routed
        assert event_placement.service_of(routed, routed.incoming[0]) == HOME
        return
    assert route is not None
    assert route.version_id == 7
    assert (
        route.rule_id,
        event_placement.service_of(routed, routed.incoming[0]),
        route.is_fallback,
    ) == expected
    if route.is_fallback:
        assert (route.hold, route.urgency, route.key) == (None, None, event.labels.get("service", ""))
    assert event_placement.services([routed]) == {HOME, expected[1]}
    assert routing_rules.unrouted([routed]) == [request(event)]


def test_a_message_that_could_not_be_read_pages_by_the_fallback_rule() -> None:
    unread = request(firing(severity="info"), error="not JSON")
    assert routing_rules.routed(RULES, [unread]) == [unread]


def test_a_rule_that_cannot_be_read_matches_nothing_and_is_named() -> None:
    compiled, unreadable = routing_rules.compile_rules(1, [rule("{="), rule('a="b"', 2)])
    assert [each.rule.id for each in compiled.rules] == [2]
    assert [each.id for each in unreadable] == [1]


VALUES = ("", "a", "b")
LABELS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from(VALUES))
MATCHERS = [f'{name}{op}"{value}"' for name in "xyz" for op in ("=", "!=", "=~") for value in VALUES]


@settings(max_examples=examples(60))
@given(st.lists(st.lists(st.sampled_from(MATCHERS), min_size=1, max_size=3), max_size=8), LABELS)
def test_the_index_finds_what_a_walk_through_the_rules_finds(
    texts: list[list[str]], labels: Mapping[str, str]
) -> None:
    """A9: every alert is owned by exactly one rule, the first that matches."""
    rules = [rule(",".join(text), number) for number, text in enumerate(texts, 1)]
    walked = next((r.id for r in rules if matchers.matches_all(matchers.parse(r.matchers), labels)), None)
    indexed = routing(*rules).first(labels)
    assert (indexed.rule.id if indexed else None) == walked


@pytest.mark.parametrize(
    ("group_by", "first", "second", "is_same"),
    [
        (None, {"service": "a", "x": "1"}, {"service": "a", "x": "2"}, True),
        (None, {"service": "a"}, {"service": "b"}, False),
        ((), {"x": "1"}, {"x": "2"}, True),
        (("x",), {"x": "1"}, {"x": "1", "y": "2"}, True),
        (("x", "y"), {"x": "12"}, {"x": "1", "y": "2"}, False),
        (("x",), {}, {"x": ""}, True),
        (("...",), {"x": "1"}, {"x": "1", "y": "2"}, False),
        (("...",), {"x": "1" * 900}, {"x": "1" * 900}, True),
    ],
)
def test_labels_that_separate_groups(
    group_by: tuple[str, ...] | None, first: dict[str, str], second: dict[str, str], is_same: bool
) -> None:
    compiled = routing(rule('title="disk full"', group_by=group_by)).rules[0]
    keys = [compiled.group_key(first), compiled.group_key(second)]
    assert (keys[0] == keys[1]) is is_same
    assert all(key.startswith("\x1e1") and len(key) < 300 for key in keys)


def apply(rules: Routing, batch: Batch, at: datetime, *incoming: Event) -> list[GroupState]:
    """Apply events and return the groups that page from now on."""
    requests = routing_rules.routed(rules, [request(event) for event in incoming])
    ids = [[f"{at}{i}".encode()] for i in range(len(requests))]
    for group in batch.groups:
        batch_state.mark_stored(group)
    dedup_and_grouping.apply(batch, zip(requests, ids, strict=True), {i for each in ids for i in each}, at)
    return batch_outcome.opened_groups(batch)


def test_a_group_pages_at_the_event_that_reaches_the_threshold() -> None:
    rules, batch = routing(rule('title="disk full"', threshold=3, window_s=600)), Batch()
    minutes = [NOW + timedelta(minutes=minute) for minute in (0, 1, 11, 12, 13)]
    assert not apply(rules, batch, minutes[0], firing("a"))
    assert not apply(rules, batch, minutes[1], firing("b"))
    assert not apply(rules, batch, minutes[2], firing("a"))
    assert not apply(rules, batch, minutes[3], firing("a"))
    [group] = apply(rules, batch, minutes[4], firing("a"))
    assert group.hold is not None
    assert group.hold.ended_at == minutes[4]
    assert group.alerts == 2
    assert not apply(rules, batch, minutes[4] + timedelta(minutes=1), firing("a"))


@pytest.mark.parametrize(("gaps_min", "is_paged"), [((1, 2), True), ((1, 9), True), ((1, 12), False)])
def test_an_alert_that_resolves_between_its_events_pages_at_the_threshold(
    gaps_min: tuple[int, ...], is_paged: bool
) -> None:
    """An alert that flaps ten times in ten minutes must not start from one each time."""
    rules, batch, at = routing(rule('title="disk full"', threshold=3, window_s=600)), Batch(), NOW
    resolved = Event(EventKind.RESOLVED, "a", "disk full")
    assert not apply(rules, batch, at, firing("a"))
    for gap in gaps_min:
        assert not apply(rules, batch, at + timedelta(seconds=30), resolved)
        at += timedelta(minutes=gap)
        paged = apply(rules, batch, at, firing("a"))
    assert bool(paged) is is_paged
    assert len(batch.groups) == 3


@pytest.mark.parametrize(
    ("key", "labels", "is_counted"),
    [
        ("heartbeat:backup", {"heartbeat": "backup"}, False),
        ("service:1:15m", {"alertname": ANOMALY_RULE}, False),
        ("heartbeat:backup", {}, True),
        ("a", {"heartbeat": "backup"}, True),
    ],
)
def test_what_fires_once_pages_despite_a_threshold(
    key: str, labels: dict[str, str], is_counted: bool
) -> None:
    event = firing(key, **labels)
    hold = HoldKind.THRESHOLD if is_counted else None
    cases: tuple[tuple[dict[str, Any], HoldKind | None], ...] = (
        ({"threshold": 3}, hold),
        ({"wait_s": 60}, HoldKind.WAIT),
        ({"pages": False}, HoldKind.NEVER),
    )
    for fields, expected in cases:
        compiled = routing(rule('title="disk full"', **fields))
        route = routing_rules.route(compiled, request(event), event)
        assert route is not None
        assert (route.hold.kind if route.hold else None) == expected
    held = firing("b")
    rules, batch = routing(rule('title="disk full"', threshold=3)), Batch()
    assert not apply(rules, batch, NOW, held)
    assert bool(apply(rules, batch, NOW, event)) is not is_counted
    assert len(batch.groups) == 2 - is_counted, "what pages joins no group that waits"


def test_a_held_group_pages_when_its_rule_no_longer_holds_it() -> None:
    """The last reason ended and the alert still fires."""
    ticket, batch = routing(rule('title="disk full"', pages=False)), Batch()
    assert not apply(ticket, batch, NOW, firing("a"))
    assert not apply(ticket, batch, NOW, firing("a"))
    for changed in (
        routing(),
        routing(rule('title="disk full"')),
        routing(rule('title="disk full"', wait_s=60)),
    ):
        copy = Batch(
            latest=dict(batch.latest), open_groups=dict(batch.open_groups), groups=list(batch.groups)
        )
        [group] = copy.groups
        before = group.hold
        assert [g is group for g in apply(changed, copy, NOW, firing("a"))] == [True]
        group.hold, group.released = before, False


INFO = rule('severity="info"', 1, pages=False)
SLOW = rule('team="db"', 2, wait_s=60, owner=Owner.SERVICE, service_id=LEDGER)


@pytest.mark.parametrize(
    ("hold", "service_id", "firing_alerts", "rules", "is_held"),
    [
        (INFO.hold(1), HOME, [firing("a", "info"), firing("b", "info")], [INFO], True),
        (INFO.hold(1), HOME, [firing("a", "info"), firing("b", "info")], [rule('x="1"', 3), INFO], True),
        # narrowed, or below a rule that pages
        (INFO.hold(1), HOME, [firing("a", "info"), firing("b", "critical")], [INFO], False),
        (INFO.hold(1), HOME, [firing("a", "info")], [rule('title="disk full"', 3), INFO], False),
        (INFO.hold(1), HOME, [firing("a", "info")], [], False),
        # with other terms
        (INFO.hold(1), HOME, [firing("a", "info")], [rule('severity="info"', 1, wait_s=60)], False),
        # what nothing may hold
        (INFO.hold(1), HOME, [firing("a", "info", alertname="FirebellDown")], [INFO], False),
        # what pages later pages for the service that its rule names, and what never pages pages for none
        (SLOW.hold(1), LEDGER, [firing("a", team="db")], [SLOW], True),
        (SLOW.hold(1), SEARCH, [firing("a", team="db")], [SLOW], False),
        (SLOW.hold(1), LEDGER, [firing("a", team="db")], [rule('team="db"', 2, wait_s=60)], False),
        (INFO.hold(1), SEARCH, [firing("a", "info")], [INFO], True),
        (INFO.hold(1), HOME, [], [], True),
    ],
)
def test_saved_rules_release_what_they_no_longer_hold(
    hold: Hold, service_id: int, firing_alerts: list[Event], rules: list[RoutingRule], is_held: bool
) -> None:
    requests = [request(event) for event in firing_alerts]
    assert routing_rules.still_held(routing(*rules), hold, service_id, requests) is is_held


def test_a_paging_alert_never_joins_a_group_that_a_changed_rule_holds() -> None:
    batch = Batch()
    assert not apply(routing(rule('title="disk full"', pages=False)), batch, NOW, firing("a"))
    [group] = apply(routing(rule('title="disk full"')), batch, NOW, firing("b"))
    assert group.hold is None


@pytest.mark.parametrize(
    ("text", "fields", "paging", "urgency"),
    [
        ('severity="info"', {"pages": False}, True, "high"),
        ('severity=~"info|critical"', {"pages": False}, False, "high"),
        ('severity=~"info|critical"', {"pages": False, "urgency": Urgency.LOW}, False, "low"),
        ('severity=~"info|critical"', {"threshold": 2}, False, "high"),
        ('severity="info"', {"wait_s": 60}, True, "high"),
    ],
)
def test_an_alert_that_becomes_critical_pages_unless_its_rule_still_holds_it(
    text: str, fields: dict[str, Any], paging: bool, urgency: str
) -> None:
    """Opsgenie's clients create an alert and change its priority later, once."""
    rules, batch = routing(rule(text, **fields)), Batch()
    assert not apply(rules, batch, NOW, firing("a", "info"))
    worse = Event(EventKind.UPDATE, "a", "disk full", severity="critical")
    assert bool(apply(rules, batch, NOW, worse)) is paging
    [group] = batch.groups
    assert group.hold is not None
    assert (group.urgency, group.events, len(group.hold.events)) == (urgency, 1, int("threshold" in fields))


@pytest.mark.parametrize(("severity", "paging"), [("critical", True), ("warning", False)])
def test_a_silenced_alert_that_becomes_critical_pages_unless_its_silence_still_matches(
    severity: str, paging: bool
) -> None:
    silence = Mute(
        1, "Quiet", "/", frozenset(), matchers.parse("severity=warning"), NOW, NOW + timedelta(hours=1),
        MuteKind.SILENCE,
    )  # fmt: skip
    batch = Batch(mutes=mutes.by_service([silence]))
    assert not apply(routing(), batch, NOW, firing("a", "warning"))
    changed = Event(EventKind.UPDATE, "a", "disk full", severity=severity)
    assert bool(apply(routing(), batch, NOW, changed)) is paging


@pytest.mark.parametrize(
    ("fields", "muted"),
    [({"threshold": 3}, True), ({"wait_s": 60}, True), ({"pages": False}, False)],
)
def test_what_is_silenced_while_a_rule_holds_it_does_not_page_at_the_threshold(
    fields: dict[str, Any], muted: bool
) -> None:
    end = NOW + timedelta(hours=1)
    silence = Mute(1, "S", "/", frozenset(), matchers.parse("x=1"), NOW, end, MuteKind.SILENCE)
    rules, batch = routing(rule('title="disk full"', **fields)), Batch()
    assert not apply(rules, batch, NOW, firing("a", x="1"), firing("b", x="2"))
    batch.mutes = {HOME: [silence]}
    assert not apply(rules, batch, NOW, firing("a", x="1"))
    alert = batch.latest[1, "a"]
    assert alert.group is not None
    assert (alert.group.mute_id == 1, alert in batch.moved) == (muted, muted)
    assert [(group.firing, group.alerts) for group in batch.groups] == (
        [(1, 2), (1, 1)] if muted else [(2, 2)]
    )
    # what the silence does not match is held as before, and pages when its rule says
    assert bool(apply(routing(), batch, NOW, firing("b", x="2")))


def test_a_mute_of_another_service_does_not_keep_an_alert_from_paging() -> None:
    """A silenced warning becomes critical, and its rule sends it to a service in maintenance; its group stays."""
    end = NOW + timedelta(hours=1)
    silence = Mute(1, "S", "/", frozenset(), matchers.parse("severity=warning"), NOW, end, MuteKind.SILENCE)
    maintenance = Mute(2, "M", "/", frozenset({LEDGER}), (), NOW, end)
    rules = routing(rule('severity="critical"', owner=Owner.SERVICE, service_id=LEDGER))
    batch = Batch(mutes={HOME: [silence], LEDGER: [maintenance]})
    assert not apply(rules, batch, NOW, firing("a", "warning"))
    [group] = apply(rules, batch, NOW, firing("a", "critical"))
    assert (group.service_id, group.mute_id) == (HOME, None)


@pytest.mark.parametrize(
    ("hold", "event_minutes", "ended"),
    [
        (Hold(HoldKind.THRESHOLD, 1, 1, 2, 60), (0, 2, 3), 3),
        (Hold(HoldKind.THRESHOLD, 1, 1, 2, 60), (0, 2, 4), None),
        (Hold(HoldKind.THRESHOLD, 1, 1, 1, 60), (0,), 0),
        (Hold(HoldKind.WAIT, 1, 1, 1, 60), (0, 1, 2), None),
        (Hold(HoldKind.NEVER, 1, 1), (0, 1, 2), None),
    ],
)
def test_what_ends_a_hold(hold: Hold, event_minutes: tuple[int, ...], ended: int | None) -> None:
    opened = hold.opened(NOW)
    assert opened.until == (NOW + timedelta(minutes=1) if hold.kind is HoldKind.WAIT else None)
    for minute in event_minutes:
        opened = opened.counted(NOW + timedelta(minutes=minute))
    assert opened.ended_at == (None if ended is None else NOW + timedelta(minutes=ended))
    assert opened.ended(NOW + timedelta(hours=1)).ended_at is not None
    assert msgspec.json.decode(msgspec.json.encode(opened), type=Hold) == opened


def test_a_rule_may_lower_the_urgency_and_later_messages_do_not_raise_it() -> None:
    rules, batch = routing(rule('title="disk full"', urgency=Urgency.LOW)), Batch()
    [group] = apply(rules, batch, NOW, firing("a", "critical"))
    apply(rules, batch, NOW, Event(EventKind.UPDATE, "a", "disk full", severity="critical"))
    assert group.urgency == "low"


@pytest.mark.parametrize(
    ("rules", "urgency", "held_by"),
    [
        ((), "low", None),
        ((rule('team="db"', urgency=Urgency.HIGH, group_by=("cluster",)),), "high", None),
        ((rule('team="db"', wait_s=60),), "low", HoldKind.WAIT),
        ((rule('team="db"', threshold=2),), "low", HoldKind.THRESHOLD),
        ((rule('team="db"', pages=False),), "low", HoldKind.NEVER),
        ((rule('team="db"', owner=Owner.SERVICE, service_id=LEDGER),), "low", None),
    ],
)
@pytest.mark.parametrize("is_waiting", [True, False])
def test_an_alert_that_leaves_a_mute_goes_where_its_rule_says(
    rules: tuple[RoutingRule, ...], urgency: str, held_by: HoldKind | None, is_waiting: bool
) -> None:
    """An urgent page must not become a quiet one because it waited for a related alert or was muted."""
    event = firing("a", "warning", team="db", cluster="eu")
    kind = MuteKind.INHIBIT_WAIT if is_waiting else MuteKind.SILENCE
    ending = Mute(1, "Wait", "/", frozenset(), (), NOW, NOW + timedelta(minutes=1), kind)
    next_one = Mute(2, "Next", "/", frozenset(), (), NOW, NOW + timedelta(hours=1), MuteKind.SILENCE)
    batch = Batch(mutes=mutes.by_service([ending]), waiting={(1, "a"): ending} if is_waiting else {})
    assert not apply(routing(), batch, NOW, event)
    [old] = batch.groups
    batch.mutes = {} if is_waiting else mutes.by_service([next_one])
    batch.waiting = {}
    left = msgspec.structs.replace(event, kind=EventKind.WAITED if is_waiting else EventKind.HANDED_OVER)
    moved = routing_rules.routed(routing(*rules), [request(left)], are_services_kept=True)
    muted_groups.hand_over(batch, moved, NOW)
    [new] = [group for group in batch.groups if group is not old]
    assert (old.firing, new.firing, new.service_id, new.urgency) == (0, 1, HOME, urgency)
    expected_hold = held_by if is_waiting or held_by is HoldKind.NEVER else None
    assert (new.hold.kind if new.hold else None) == expected_hold
    assert new.mute_id == (None if is_waiting or expected_hold else 2)
    if is_waiting:
        assert (new.service_id, new.key) in event_placement.places(moved)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (rule("", 1), "matchers"),
        (rule("{a=", 1), "matchers"),
        (rule('a="b"', 1, wait_s=60, threshold=2), "wait_s"),
        (rule('a="b"', 1, wait_s=3601), "wait_s"),
        (rule('a="b"', 1, threshold=0), "threshold"),
        (rule('a="b"', 1, threshold=2, window_s=5), "window_s"),
        (rule('a="b"', 1, owner=Owner.SERVICE, service_id=99), "service"),
        (rule('a="b"', 1, group_by=("",)), "group_by"),
        (rule('a="b"', 1, group_by=tuple(map(str, range(11)))), "group_by"),
        (rule('a!="b"', 1, pages=False), "matchers"),
        (RoutingRule("  ", 'a="b"'), "name"),
    ],
)
def test_a_wrong_rule_is_refused_at_its_field(wrong: RoutingRule, field: str) -> None:
    with pytest.raises(Invalid) as refusal:
        routing_validation.checked([rule('x="y"', 9), wrong], {HOME})
    assert list(refusal.value.fields) == [f"rules.2.{field}"]


def test_rules_are_stored_in_one_form() -> None:
    given_rule = rule("a=b", 1, pages=False, threshold=4, wait_s=9, service_id=5, group_by=("x", "...", "x"))
    [stored] = routing_validation.checked([given_rule], {HOME})
    assert stored == rule('{a="b"}', 1, pages=False, group_by=("...",))
    for ids in ([1, 1], [1, 3], [0]):
        with pytest.raises(Invalid):
            routing_validation.check_ids([rule('a="b"', id_) for id_ in ids], 2)


def test_rules_that_can_never_match_are_named() -> None:
    rules = [rule('a="b"', 1), rule('c="d",a="b"', 2), rule('c="d"', 3)]
    assert routing_validation.shadowed(rules) == {2: 1}


def test_rules_are_shown_even_if_one_cannot_be_read() -> None:
    rules = [rule('a=~"("', 1), rule('a="b"', 2), rule('a="b",c="d"', 3)]
    assert routing_validation.shadowed(rules) == {3: 2}


def test_what_changed_is_stated_once_per_rule() -> None:
    first, second, third = rule('a="b"', 1), rule('c="d"', 2), rule('e="f"', 3)
    louder = rule('c="d"', 2, urgency=Urgency.HIGH)
    listed = routing_changes.changes([first, second, third], [third, louder, rule('g="h"', 4)], {})
    assert [(change.rule_id, change.kind) for change in listed] == [
        (2, "changed"), (4, "new"), (3, "moved"), (2, "moved"), (1, "removed"),
    ]  # fmt: skip
    assert not routing_changes.changes([first], [first], {})
