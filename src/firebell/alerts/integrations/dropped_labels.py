"""Labels that a sender changes with each event, which must not split its alerts (spec 9.4, pure)."""

import re
from collections.abc import Sequence

import msgspec

from firebell.alerts.model import Event, EventKind, InboundRequest, Integration
from firebell.alerts.source_base.prometheus_fingerprint import fingerprint
from firebell.alerts.sources import alertmanager, grafana, prometheus
from firebell.kit.errors import Invalid

MAX_LABELS, MAX_NAME_CHARS = 20, 128
ESSENTIAL = ("alertname", "severity", "service")
"""Labels that tell alerts of different problems apart, so that they cannot be dropped."""
_BY_LABELS = frozenset({alertmanager.NAME, grafana.NAME, prometheus.NAME})
"""The sources whose deduplication keys are fingerprints of the labels."""
_FINGERPRINT = re.compile("[0-9a-f]{16}")


def checked(names: Sequence[str]) -> tuple[str, ...]:
    """Return the labels to drop, each once; raise Invalid for the field `drop_labels`."""
    labels = tuple(dict.fromkeys(name.strip() for name in names if name.strip()))
    problem = ""
    if len(labels) > MAX_LABELS:
        problem = f"Enter at most {MAX_LABELS} labels."
    for label in labels:
        if label in ESSENTIAL:
            problem = f"Remove {label}: without it, different problems would be one alert."
        elif len(label) > MAX_NAME_CHARS or not label.isprintable():
            problem = f"“{label[:40]}” is not a label name. Enter names such as pod, separated by commas."
    if problem:
        raise Invalid("These labels can’t be dropped.", fields={"drop_labels": problem})
    return labels


def received(
    integration: Integration,
    source: str,
    body: bytes,
    events: tuple[Event, ...],
    error: str | None = None,
) -> InboundRequest:
    """Return a request of an integration without the labels that are dropped."""
    if integration.drop_labels:
        events = without(events, frozenset(integration.drop_labels), source)
    return InboundRequest(integration.id, integration.service_id, source, body, events, error)


def without(events: tuple[Event, ...], names: frozenset[str], source: str) -> tuple[Event, ...]:
    """Return events without these labels; a key that was made of labels is made of those that remain.

    If events become those of one alert, and one of them fires, none of the others resolves it.
    """
    reduced = tuple(_without(event, names, source) for event in events)
    firing = {event.dedup_key for event in reduced if event.kind is EventKind.FIRING}
    return tuple(
        msgspec.structs.replace(event, kind=EventKind.NOTE)
        if event is not original and event.kind is EventKind.RESOLVED and event.dedup_key in firing
        else event
        for event, original in zip(reduced, events, strict=True)
    )


def _without(event: Event, names: frozenset[str], source: str) -> Event:
    if names.isdisjoint(event.labels):
        return event
    labels = {name: value for name, value in event.labels.items() if name not in names}
    key, is_prometheus = event.dedup_key, source == prometheus.NAME
    told_apart = {name: value for name, value in labels.items() if name not in prometheus.DROPPED_LABELS}
    # an alert without any other label stays one of its own
    if (event.read_as or source) in _BY_LABELS and _FINGERPRINT.fullmatch(key) and any(told_apart.values()):
        key = fingerprint(told_apart if is_prometheus else labels)
    return msgspec.structs.replace(event, labels=labels, dedup_key=key)
