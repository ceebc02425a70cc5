"""Events, alerts, groups and integrations (spec 3.1), and what the slice tells others."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from firebell.kit.text import masked


class EventKind(StrEnum):
    """What one event says about its alert."""

    FIRING = "firing"
    RESOLVED = "resolved"
    ACK = "ack"
    NOTE = "note"
    """It changes nothing: a downtime, a comment, a state that is still being checked."""
    HANDSHAKE = "handshake"
    """The sender asks a person to confirm this address; it is never an alert."""


@dataclass(frozen=True, slots=True)
class Event:
    """One normalized event: what a source said about one alert."""

    kind: EventKind
    dedup_key: str
    title: str
    body: str = ""
    severity: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    occurred_at: datetime | None = None
    read_as: str = ""
    """The shape in which the body was recognized; empty for a source with an address of its own."""
    missing: tuple[str, ...] = ()
    """Which of title, dedup_key, status and severity the body does not state."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A body that could not be read in full: why, for its sender and owner, and the events taken from it."""

    reason: str
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class InboundRequest:
    """One request as it came in, with what was understood of it."""

    integration_id: int
    service_id: int
    source: str
    body: bytes
    incoming: tuple[Event, ...]
    error: str | None = None
    message_id: int = 0
    """The stored message, 0 before it is stored."""


@dataclass(frozen=True, slots=True)
class NewChange:
    """What a source announced about a change of a service; `at` is its own time, if it is believable."""

    summary: str
    source: str = ""
    links: dict[str, str] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a service, such as a deployment: it never pages, and is shown beside what pages."""

    id: int
    service_id: int
    at: datetime
    summary: str
    source: str
    links: dict[str, str]
    details: dict[str, str]


@dataclass(frozen=True, slots=True)
class Integration:
    """An address that senders post to, on behalf of one service."""

    id: int
    service_id: int
    name: str
    key: str
    created_at: datetime

    @property
    def masked_key(self) -> str:
        """The end of the key, by which people tell keys apart."""
        return masked(self.key)


@dataclass(frozen=True, slots=True)
class Group:
    """Alerts of one service and route, or storm (no `key`), that belong together while one of them fires."""

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


@dataclass(frozen=True, slots=True)
class Alert:
    """All events of one dedup key from its first firing to its resolution."""

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
    """The stored messages that opened it and last changed it, oldest first."""

    @property
    def findings(self) -> list[str]:
        """Return the codes of what was odd about this alert (spec 3.2)."""
        return ["A-MISSED"] if self.missed else []


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """One accepted request; `body` may be cut, `size` is how many bytes were sent, `key` what it was sent with."""

    id: int
    received_at: datetime
    source: str
    body: bytes
    size: int
    error: str | None
    key: str


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message as it is shown."""

    id: int
    received_at: datetime
    source: str
    size: int
    text: str
    truncated: bool
    error: str | None


@dataclass(frozen=True, slots=True)
class OpenedGroup:
    """What a pager needs to know of a new group."""

    id: int
    service_id: int
    title: str
    urgency: str
    severity: str | None = None


@dataclass(frozen=True, slots=True)
class GroupsOpened:
    """New groups that ask for a human."""

    groups: tuple[OpenedGroup, ...]


@dataclass(frozen=True, slots=True)
class GroupsGrown:
    """Open groups that got new alerts; those in `crossed` reached their 10th, 100th or 1,000th."""

    group_ids: tuple[int, ...]
    crossed: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GroupsRaised:
    """Open groups whose urgency rose from low to high, and the title of the alert that raised each."""

    group_ids: tuple[int, ...]
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupsRetitled:
    """Open or just closed groups whose most severe alert is another one, or says something else."""

    group_ids: tuple[int, ...]
    titles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GroupsResolved:
    """Groups whose alerts are all resolved."""

    group_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class GroupsAcknowledged:
    """Groups that a sender says somebody works on."""

    group_ids: tuple[int, ...]
    label: str


@dataclass(frozen=True, slots=True)
class SourceBroken:
    """A source sends what cannot be read."""

    integration_id: int


@dataclass(frozen=True, slots=True)
class ConfirmationAsked:
    """A sender delivers nothing until a person opens `address`, which is empty when it is not trusted."""

    integration_id: int
    key: str
    topic: str
    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class BrokenSource:
    """An integration whose messages could not be read: the newest, what was wrong, and how many."""

    integration_id: int
    service_id: int
    name: str
    at: datetime
    error: str
    count: int


Json = Any
"""A decoded JSON value of unknown shape."""
