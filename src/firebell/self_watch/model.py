"""What Firebell knows about its own state: outbound heartbeats, problems and the alarms about them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SUBJECT_KIND = "self_alarm"
"""The kind of subject of messages about an alarm."""
FALLBACK_TEST_KIND = "fallback_test"
"""The kind of subject of the daily test messages."""
LIVE_TOPIC = "self-watch"


class PingMethod(StrEnum):
    """The HTTP method with which an outbound heartbeat is sent."""

    GET = "GET"
    POST = "POST"


class HeartbeatHealth(StrEnum):
    """Whether the receiver of an outbound heartbeat hears from Firebell."""

    NEW = "new"
    """It has not been sent yet."""
    OK = "ok"
    FAILING = "failing"
    """The receiver cannot be reached, or refuses it."""
    WITHHELD = "withheld"
    """Firebell is unhealthy, so that the receiver must notice the silence."""


@dataclass(frozen=True, slots=True)
class OutboundHeartbeat:
    """An address that is requested every minute while Firebell is healthy; `url_hint` lacks its secret part."""

    id: int
    name: str
    url_hint: str
    method: PingMethod
    created_at: datetime
    next_at: datetime
    tried_at: datetime | None
    arrived_at: datetime | None
    failing_since: datetime | None
    error: str
    withheld_since: datetime | None
    withheld_for: str

    @property
    def health(self) -> HeartbeatHealth:
        """Whether it is sent and arrives."""
        if self.withheld_since:
            return HeartbeatHealth.WITHHELD
        if self.failing_since:
            return HeartbeatHealth.FAILING
        return HeartbeatHealth.OK if self.arrived_at else HeartbeatHealth.NEW


class ProblemKind(StrEnum):
    """What can be wrong with Firebell itself."""

    TIMERS = "timers"
    """Timers of pages run late (spec 2.7 T3)."""
    QUEUE = "queue"
    """Urgent messages of a channel wait too long or are too many."""
    CHANNEL = "channel"
    """A channel failed for several people in a row."""
    ACCOUNT = "account"
    """A provider refuses the account or its key."""
    OUTBOUND = "outbound"
    """An outbound heartbeat does not arrive."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong now; `subject` is the channel or the heartbeat, empty for Firebell as a whole."""

    kind: ProblemKind
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A message was accepted, which shows that a problem is gone; `subject` is that of the problem."""

    kind: ProblemKind
    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SelfAlarm:
    """One episode of a problem, from when it was noticed until it has been gone for a while."""

    id: int
    kind: ProblemKind
    subject: str
    detail: str
    opened_at: datetime
    noticed_at: datetime
    cleared_at: datetime | None
    worked_at: datetime | None = None
    """When a provider accepted a message, if the alarm is about one."""

    @property
    def has_worked_since(self) -> bool:
        """True if a message was accepted after the problem was there last."""
        return self.worked_at is not None and self.worked_at > self.noticed_at


@dataclass(frozen=True, slots=True)
class WaitingMessages:
    """The urgent messages of one channel that are due and that no process is sending."""

    channel: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class SharedWork:
    """What waits in the database for any process."""

    late_timers: int
    timers_since: datetime | None
    waiting: tuple[WaitingMessages, ...]
    exhausted_pages: int


@dataclass(frozen=True, slots=True)
class PingOutcome:
    """The result of one request; `error` is empty if it arrived."""

    heartbeat_id: int
    error: str
