"""Events, alerts, groups and integrations (spec 3.1), and the events that other slices subscribe to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from firebell.alerts.flap import Flap
from firebell.alerts.routing_model import Hold, Route
from firebell.alerts.time_range import ANY_TIME, TimeRange
from firebell.kit.text import masked

SOURCE_SILENT_KEY = "firebell:source-silent"
"""The deduplication key of the alert that a source stopped sending while its alerts fired."""

OWN_SOURCE = "firebell"
"""The source of the messages that say what Firebell decided itself."""
EXPIRING_SOURCES = frozenset({"prometheus"})
"""The names of the sources whose alerts expire once they stop sending them."""
HEARTBEAT_KEY_PREFIX = "heartbeat:"
"""The prefix of the deduplication keys of the alerts of heartbeats."""
TEST_KEY_PREFIX = "\x1ftest:"
"""The prefix of the keys of test alerts and of their groups; what a sender writes loses its control characters."""
SEVERITIES = ("critical", "error", "warning", "info")
"""The severities of alerts, most severe first; an alert may have none."""
ANOMALY_RULE = "AlertCountAnomaly"
"""The alert rule of anomalies, as the label `alertname` has it."""


class EventKind(StrEnum):
    """The kind of an event."""

    FIRING = "firing"
    RESOLVED = "resolved"
    ACK = "ack"
    NOTE = "note"
    """Changes nothing: a downtime, a comment, or a state that is still being checked."""
    HANDSHAKE = "handshake"
    """Asks a person to confirm the address at the sender; it is never an alert."""
    EXPIRED = "expired"
    """Firebell itself ends an alert that its source no longer sends."""
    ENDED = "ended"
    """A person ends an alert."""
    UPDATE = "update"
    """Changes what an alert says, not whether it fires; it is not counted."""
    HANDED_OVER = "handed_over"
    """Firebell itself moves a muted alert to another mute, because the one that held it has ended."""
    WAITED = "waited"
    """A target of an inhibition rule has waited for its source."""
    SETTLED = "settled"
    """An alert that flapped may have been calm for long enough."""


class Event(msgspec.Struct, frozen=True):
    """One normalized event about one alert; a struct because it is created several times faster than a dataclass."""

    kind: EventKind
    dedup_key: str
    title: str
    body: str = ""
    severity: str | None = None
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    annotations: dict[str, str] = msgspec.field(default_factory=dict)
    links: dict[str, str] = msgspec.field(default_factory=dict)
    occurred_at: datetime | None = None
    read_as: str = ""
    """The recognized tool; empty for a source that has its own address."""
    missing: tuple[str, ...] = ()
    """Those of title, dedup_key, status and severity that the body lacks."""
    expires_at: datetime | None = None
    """When the alert ends unless its source sends it again; None for a source that sends each change once."""
    route: Route | None = None
    """What a routing rule decided; None if no rule matches."""


def is_test_key(key: str | None) -> bool:
    """Return True for the deduplication key of a test alert, and for the key of its group."""
    return key is not None and key.startswith(TEST_KEY_PREFIX)


def stored_keys(shown_key: str) -> list[str]:
    """Return the deduplication keys that an alert with this shown key can have."""
    test_key = TEST_KEY_PREFIX[0] + shown_key
    return [shown_key, test_key] if is_test_key(test_key) else [shown_key]


def matched_labels(title: str, severity: str | None, labels: Mapping[str, str]) -> dict[str, str]:
    """Return what matchers read of an alert: its labels, with `title` and `severity` unless it has such labels."""
    return {"title": title, "severity": severity or "", **labels}


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts a list shows; `is_muted` are those that were muted, also the ones that paged at the end.

    `started` has the alerts that began in it; all of those have an id above `above_id`.
    """

    service_id: int | None = None
    is_firing: bool = False
    is_muted: bool = False
    started: TimeRange = ANY_TIME
    above_id: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A body that could not be read in full: the reason, for its sender and owner, and the events that were read."""

    reason: str
    events: tuple[Event, ...] = ()


class InboundRequest(msgspec.Struct, frozen=True):
    """One request as received, with the events read from it."""

    integration_id: int
    service_id: int
    source: str
    body: bytes
    incoming: tuple[Event, ...]
    error: str | None = None
    message_id: int = 0
    """The id of the stored message; 0 before it is stored."""
    is_routed: bool = False
    """True if a routing rule decided about one of its events."""

    @classmethod
    def decided(
        cls, integration_id: int, service_id: int, events: Sequence[Event], now: datetime
    ) -> "InboundRequest":
        """Return the request that applies what Firebell decided itself."""
        body = msgspec.json.encode({"decided_at": now, "events": events})
        return cls(integration_id, service_id, OWN_SOURCE, body, tuple(events))


@dataclass(frozen=True, slots=True)
class ForeignRequest:
    """A request to an API of another product that a slice above answers.

    `segments` are those of the path, each decoded; `headers` have lower-case names. A body over the limit is cut.
    """

    method: str
    segments: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    body: bytes
    is_too_large: bool = False


@dataclass(frozen=True, slots=True)
class NewChangeEvent:
    """A change event to store; `at` is the source's time, None unless it is plausible."""

    summary: str
    source: str = ""
    links: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangeEvent:
    """A change of a service, such as a deployment; it never pages and is shown beside pages."""

    id: int
    service_id: int
    at: datetime
    summary: str
    source: str
    links: dict[str, str]
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class Integration:
    """An address with a key, to which a monitoring system posts for one service."""

    id: int
    service_id: int
    name: str
    key: str
    created_at: datetime
    flapping_changes: int
    """The changes of an alert within an hour at which it flaps; 0 for never."""
    drop_labels: tuple[str, ...]
    """Labels that the sender changes with each event, so that they are removed from alerts."""
    created_by: int | None
    """The person who created it."""

    @property
    def masked_key(self) -> str:
        """The end of the key, enough to tell keys apart."""
        return masked(self.key)


@dataclass(frozen=True, slots=True)
class Group:
    """Firing alerts of one service and route that share a page; `key` is None for a storm."""

    id: int
    integration_id: int
    service_id: int
    key: str | None
    title: str
    urgency: str
    opened_at: datetime
    closed_at: datetime | None
    last_at: datetime
    alerts: int
    firing: int
    events: int
    lead_key: str | None = None
    lead_severity: str | None = None
    mute_id: int | None = None
    released_at: datetime | None = None
    hold: Hold | None = None


GRAPH_LINKS = frozenset({"dashboard", "panel", "image", "graph"})
"""The names of links that show a graph."""


def shows_graph(links: Mapping[str, str]) -> bool:
    """Return True if one of the links of an alert shows a graph."""
    return any(links.get(name, "").startswith(("https://", "http://")) for name in GRAPH_LINKS)


@dataclass(frozen=True, slots=True)
class Alert:
    """All events of one deduplication key, from the first that fires until it is resolved."""

    id: int
    integration_id: int
    dedup_key: str
    group_id: int | None
    status: str
    title: str
    body: str
    severity: str | None
    labels: dict[str, str]
    annotations: dict[str, str]
    links: dict[str, str]
    starts_at: datetime
    ends_at: datetime | None
    last_seen: datetime
    hi_at: datetime
    hi_rank: int
    ended_by: str | None
    count: int
    hi_seen: datetime
    late_at: datetime | None = None
    late_rank: int | None = None
    missed: bool = False
    message_ids: tuple[int, ...] = ()
    """Ids of the stored messages that opened it and last changed it, oldest first."""
    routed_service_id: int | None = None
    """The service that a rule sent it to; None if that is the one of its integration."""
    rule_id: int | None = None
    """The rule that matched when it began, of the version `routing_version_id`; None if no rule did."""
    routing_version_id: int | None = None
    is_fallback: bool | None = None
    """True if the rule names a service that did not exist, so that the alert went to the fallback rule."""
    flap: Flap | None = None
    """How it changed recently between firing and resolved; None if it was steady."""

    @property
    def shown_key(self) -> str:
        """The deduplication key for people and JSON: that of a test without its control character."""
        return self.dedup_key.removeprefix(TEST_KEY_PREFIX[0])

    @property
    def is_flapping(self) -> bool:
        """Return True while it flaps, so that it keeps its page although its source may have resolved it."""
        return self.flap is not None and self.flap.is_on

    @property
    def findings(self) -> list[str]:
        """The codes of the findings about this alert (spec 3.2 and 9.4)."""
        is_silence = self.dedup_key == SOURCE_SILENT_KEY
        return ["A-MISSED"] * self.missed + ["A-SOURCE-SILENT"] * is_silence


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One stored request; `body` may be cut, `size` is its full size in bytes, `key` the integration key."""

    id: int
    received_at: datetime
    source: str
    body: bytes
    size: int
    error: str | None
    key: str


@dataclass(frozen=True, slots=True)
class MessagePreview:
    """A stored message for display, without its integration key."""

    id: int
    received_at: datetime
    source: str
    size: int
    text: str
    truncated: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class OpenedGroup:
    """A new group, as paging needs it."""

    id: int
    service_id: int
    title: str
    urgency: str
    severity: str | None = None
    is_test: bool = False
    """True for a test alert, which has a group of its own: its page is a drill."""


@dataclass(frozen=True, slots=True)
class GroupsOpened:
    """Groups were opened and must be paged."""

    groups: tuple[OpenedGroup, ...]


@dataclass(frozen=True, slots=True)
class GroupsChanging:
    """Several events below are about to change the pages of these groups, which are locked first, in id order."""

    group_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GroupsGrown:
    """Open groups got new alerts; those in `crossed` reached 10, 100 or 1,000."""

    group_ids: tuple[int, ...]
    crossed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class AlertsJoined:
    """New alerts joined open groups, and nothing else about their open pages changes."""

    page_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GroupsRaised:
    """The urgency of open groups rose from low to high; `titles` are those of the alerts that raised it."""

    group_ids: tuple[int, ...]
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupsRetitled:
    """The titles of open or just closed groups changed."""

    group_ids: tuple[int, ...]
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupsResolved:
    """All alerts of these groups are resolved."""

    group_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GroupsAcknowledged:
    """The source reported an acknowledgment of alerts in these groups."""

    group_ids: tuple[int, ...]
    label: str


@dataclass(frozen=True, slots=True)
class SilencesChanged:
    """Silences were created, changed or expired, as `change` has it."""

    silence_ids: tuple[int, ...]
    change: str
    by: str


@dataclass(frozen=True, slots=True)
class UnreadableMessageReceived:
    """An integration sent an unreadable message."""

    integration_id: int


@dataclass(frozen=True, slots=True)
class ConfirmationRequested:
    """A sender delivers nothing until a person opens `address`, which is empty unless it is trusted."""

    integration_id: int
    key: str
    topic: str
    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class IntegrationActivity:
    """What an integration received recently: its last event, the alerts with an event within a day, and a message.

    `alerts` is at most `integrations.store.ACTIVITY_ALERTS`. `source` and `body`, which can be cut, are the last stored
    message of its newest alert; empty if that was deleted because of its age.
    """

    integration_id: int
    last_event_at: datetime
    alerts: int
    source: str
    body: bytes


@dataclass(frozen=True, slots=True)
class BrokenSource:
    """An integration with unreadable messages: the time and error of the latest one, and how many there are."""

    integration_id: int
    service_id: int
    name: str
    at: datetime
    error: str
    count: int


Json = Any
"""A decoded JSON value of unknown shape."""


@dataclass(frozen=True, slots=True)
class LabeledAlert:
    """An alert with what rules about labels read of it, and the slug of its service."""

    id: int
    service: str
    title: str
    severity: str
    labels: dict[str, str]
    runbook_url: str
    starts_at: datetime

    @property
    def rule_labels(self) -> dict[str, str]:
        """The labels, with `title`, `severity` and `service`."""
        return {"title": self.title, "severity": self.severity, "service": self.service, **self.labels}

    @property
    def rule(self) -> str:
        """The name of the alert rule, its title if it has none."""
        return self.labels.get("alertname", "") or self.title
