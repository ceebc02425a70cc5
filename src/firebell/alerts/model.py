"""Events, alerts, groups and integrations (spec 3.1), and what the slice tells others."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from firebell.kit.text import masked


class Kind(StrEnum):
    """What one event says about its alert."""

    FIRING = "firing"
    RESOLVED = "resolved"
    ACK = "ack"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One normalised event: what a source said about one alert."""

    kind: Kind
    dedup_key: str
    title: str
    body: str = ""
    severity: str | None = None
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    occurred_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reject:
    """A body that says nothing usable; `reason` is for the sender and the owner.

    `refuse` says that the sender must get an error, because it could send the same in another way.
    """

    reason: str
    refuse: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in, with what was understood of it."""

    integration_id: int
    service_id: int
    source: str
    body: bytes
    incoming: tuple[Incoming, ...]
    error: str | None = None


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


@dataclass(frozen=True, slots=True)
class RawEvent:
    """One accepted request, byte for byte."""

    id: int
    received_at: datetime
    source: str
    body: bytes
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
    """Open groups whose urgency rose from low to high."""

    group_ids: tuple[int, ...]


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
