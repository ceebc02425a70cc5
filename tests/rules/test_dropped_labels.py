"""A label that changes with each event splits no alert, and dropping it loses none (spec 9.4)."""

import msgspec
import pytest

from firebell.alerts.integrations import dropped_labels
from firebell.alerts.model import Event, EventKind
from firebell.alerts.source_base.source import KeyedRequest
from firebell.alerts.sources import alertmanager, prometheus
from firebell.kit.errors import Invalid
from tests.rules.test_dedup_and_grouping import NOW

POD = frozenset({"pod"})


def sent(*pods: tuple[str, str], **labels: str) -> tuple[Event, ...]:
    """Return the events of a webhook of Alertmanager, one for each pod and status."""
    alerts = [
        {"status": status, "labels": {"alertname": "Disk", "pod": pod, **labels}} for pod, status in pods
    ]
    events = alertmanager.normalize(msgspec.json.encode({"alerts": alerts}), NOW)
    assert isinstance(events, tuple)
    return events


def keys(events: tuple[Event, ...]) -> list[str]:
    return [event.dedup_key for event in events]


def test_events_that_differ_in_a_dropped_label_are_of_one_alert() -> None:
    before = sent(("a", "firing"), ("b", "firing"))
    after = dropped_labels.without(before, POD, alertmanager.NAME)
    assert len(set(keys(before))) == 2
    assert len(set(keys(after))) == 1
    assert {frozenset(event.labels) for event in after} == {frozenset({"alertname"})}
    # an alert that never had the label is the same one
    assert keys(after)[:1] == keys(sent(("", "firing")))


def test_an_alert_of_prometheus_keeps_its_key_without_the_replica() -> None:
    labels = {"alertname": "Disk", "replica": "1", "pod": "a"}
    plain = {"alertname": "Disk"}
    request = KeyedRequest(
        msgspec.json.encode([{"labels": labels}, {"labels": plain}]), NOW, segments={"key": "key"}
    )
    event, same = prometheus.read(request).events
    assert event.dedup_key != same.dedup_key
    assert keys(dropped_labels.without((event,), POD, prometheus.NAME)) == [same.dedup_key]


def test_an_event_that_resolves_ends_nothing_that_fires_in_the_same_message() -> None:
    for order in ((("a", "firing"), ("b", "resolved")), (("b", "resolved"), ("a", "firing"))):
        kinds = [e.kind for e in dropped_labels.without(sent(*order), POD, alertmanager.NAME)]
        assert sorted(kinds) == [EventKind.FIRING, EventKind.NOTE]
    both = dropped_labels.without(sent(("a", "resolved"), ("b", "resolved")), POD, alertmanager.NAME)
    assert {event.kind for event in both} == {EventKind.RESOLVED}


def test_a_key_that_the_sender_chose_stays_and_so_does_one_without_other_labels() -> None:
    chosen = Event(EventKind.FIRING, "disk-of-db1", "Disk", labels={"pod": "a", "host": "db1"})
    (kept,) = dropped_labels.without((chosen,), POD, "generic")
    assert (kept.dedup_key, kept.labels) == ("disk-of-db1", {"host": "db1"})
    alone = Event(EventKind.FIRING, "0123456789abcdef", "Disk", labels={"pod": "a"})
    assert keys(dropped_labels.without((alone,), POD, alertmanager.NAME)) == ["0123456789abcdef"]
    assert dropped_labels.without((chosen,), frozenset({"zone"}), "generic")[0] is chosen


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ([], ()),
        ([" pod ", "", "pod", "pod template"], ("pod", "pod template")),
        (["severity"], None),
        (["service"], None),
        (["x" * 129], None),
        (["a\x00"], None),
        ([f"l{n}" for n in range(21)], None),
    ],
)
def test_labels_that_tell_problems_apart_are_never_dropped(
    names: list[str], labels: tuple[str, ...] | None
) -> None:
    if labels is not None:
        assert dropped_labels.checked(names) == labels
        return
    with pytest.raises(Invalid) as refused:
        dropped_labels.checked(names)
    assert list(refused.value.fields) == ["drop_labels"]
