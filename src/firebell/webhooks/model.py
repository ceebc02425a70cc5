"""Endpoints, the events that they get, and the log of deliveries (spec 10.13)."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

RESTS_AFTER = 5
"""Failures in a row after which an endpoint rests."""
RETENTION_DAYS = 30


class EndpointState(StrEnum):
    """Whether an endpoint gets events: a person paused it, or Firebell disabled it because it failed for days."""

    ACTIVE = "active"
    PAUSED = "paused"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    """The outcome of a delivery; one is withheld if its incident became private before it was sent."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    DELIVERED = "delivered"
    FAILED = "failed"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """Where events go, and which: without types all of them, without teams and services those of all."""

    name: str
    url: str
    types: tuple[str, ...] = ()
    team_ids: tuple[int, ...] = ()
    service_ids: tuple[int, ...] = ()
    is_private: bool = False
    """Whether it gets events about private incidents."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that gets events."""

    id: int
    settings: EndpointSettings
    state: EndpointState
    state_reason: str
    previous_until: datetime | None
    failures: int
    failing_since: datetime | None
    resting_until: datetime | None
    last_success_at: datetime | None
    created_at: datetime
    created_by: str

    @property
    def is_resting(self) -> bool:
        """True if it failed so often that only one event at a time is tried, after a rest."""
        return self.state is EndpointState.ACTIVE and self.failures >= RESTS_AFTER

    @property
    def findings(self) -> list[str]:
        """The codes of the findings about it."""
        return ["N-WEBHOOK"] if self.state is EndpointState.DISABLED else []


@dataclass(frozen=True, slots=True)
class DeadChanges:
    """Changes whose events could not be composed, so that no endpoint gets them."""

    count: int
    last_error: str


@dataclass(frozen=True, slots=True)
class Change:
    """What happened, as it was stored in its transaction."""

    id: int
    kind: str
    payload: dict[str, Any]
    at: datetime
    attempts: int


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to send. `subject` is the thing that changed, such as `page:7`.

    It goes to endpoints of its teams and services, and to all if it has neither; to those without access to private
    incidents only if none of its incidents is private.
    """

    type: str
    at: datetime
    subject: str
    body: bytes
    team_ids: frozenset[int] = frozenset()
    service_ids: frozenset[int] = frozenset()
    incident_ids: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A delivery that this process sends now."""

    id: int
    endpoint_id: int
    url: str
    secret: bytes = field(repr=False)
    previous_secret: bytes | None = field(repr=False)
    message_id: str
    body: str
    tries: int
    lease_until: datetime
    """After this instant another process may send it."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What one attempt led to; `status` is None without a response."""

    delivery: ClaimedDelivery
    at: datetime
    duration_ms: int
    status: int | None
    error: str
    """Why it failed; empty if it was delivered."""
    response: str = ""
    retry_after_s: float | None = None

    @property
    def is_ok(self) -> bool:
        """True if the endpoint accepted it."""
        return not self.error


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery in the log of an endpoint."""

    id: int
    endpoint_id: int
    message_id: str
    type: str
    subject: str
    occurred_at: datetime
    state: DeliveryState
    attempts: int
    created_at: datetime
    next_at: datetime
    ended_at: datetime | None
    status: int | None
    error: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a delivery."""

    at: datetime
    duration_ms: int
    status: int | None
    error: str
    response: str


@dataclass(frozen=True, slots=True)
class DeliveryCounts:
    """The deliveries of an endpoint that wait, and those of the last day by outcome."""

    waiting: int = 0
    delivered: int = 0
    failed: int = 0
    oldest_waiting_at: datetime | None = None


OLD_SECRET_SIGNS = timedelta(hours=24)
"""How long messages are signed with the old secret as well after a rotation."""
