"""Heartbeats, their pings, and their states (spec 9.8)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum


class HeartbeatState(StrEnum):
    """What is known about the sender of a heartbeat."""

    NEW = "new"
    """It has never sent a ping, so that nothing is expected yet."""
    UP = "up"
    LATE = "late"
    """The ping is overdue, and the grace has not passed."""
    DOWN = "down"
    """The ping is missing, or the sender reported a failure."""


class PingKind(StrEnum):
    """What a ping reports."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Expectation:
    """When pings are expected: every `period`, or at the times of `cron` in `time_zone`."""

    period: timedelta | None = None
    cron: str = ""
    time_zone: str = "UTC"
    grace: timedelta = timedelta(minutes=5)
    max_runtime: timedelta | None = None
    """How long a run may take from its `/start`; None if no one checks it."""


@dataclass(frozen=True, slots=True)
class HeartbeatAlert:
    """The alert that a missing ping opens; an empty title is composed from the name."""

    title: str = ""
    severity: str = "critical"
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeartbeatSettings:
    """What people choose about a heartbeat."""

    expectation: Expectation
    alert: HeartbeatAlert = field(default_factory=HeartbeatAlert)
    description: str = ""
    matchers: str = ""
    """Alerts of the service with these labels are pings instead of alerts; empty for none."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What has arrived, and what follows from it."""

    state: HeartbeatState = HeartbeatState.NEW
    armed_at: datetime | None = None
    """The instant after which the next ping is expected; None before the first one."""
    last_ping_at: datetime | None = None
    last_kind: PingKind | None = None
    last_exit_code: int | None = None
    last_duration: timedelta | None = None
    """How long the last run took that reported its start and its end."""
    run_started_at: datetime | None = None
    is_stuck: bool = False
    """True if a run has taken longer than it may and has not ended."""
    down_since: datetime | None = None
    reported_at: datetime | None = None
    """When what fires was last reported to its alerts; None if nothing fires."""
    pings: int = 0
    paused_at: datetime | None = None
    paused_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A sender that must report in time; its name never changes, because its address and its alerts contain it."""

    id: int
    service_id: int
    integration_id: int
    """The integration whose alerts it opens; every key of the service may send its pings."""
    name: str
    settings: HeartbeatSettings
    created_at: datetime
    progress: Progress = field(default_factory=Progress)

    @property
    def is_paused(self) -> bool:
        """True until the pause has ended."""
        return self.progress.paused_until is not None

    @property
    def is_expired(self) -> bool:
        """True while its ping is missing, it failed, or its run is stuck."""
        return self.progress.state is HeartbeatState.DOWN or self.progress.is_stuck

    @property
    def is_new(self) -> bool:
        """True if no ping has ever arrived."""
        return self.progress.last_ping_at is None


@dataclass(frozen=True, slots=True)
class NewPing:
    """A ping as it arrived; its body is cut before it is stored."""

    kind: PingKind = PingKind.SUCCESS
    exit_code: int | None = None
    body: str = ""
    source: str = ""
    """By what it was sent: the HTTP method and the client, `alert` or `api`."""


@dataclass(frozen=True, slots=True)
class Ping:
    """A stored ping; `duration` is that of the run that it ended."""

    id: int
    heartbeat_id: int
    at: datetime
    kind: PingKind
    exit_code: int | None
    duration: timedelta | None
    source: str
    body: str


INSTALLATION_AGENT = "Firebell outbound heartbeat"
"""The `User-Agent` of the pings that another installation of Firebell sends."""


@dataclass(frozen=True, slots=True)
class Reception:
    """Since when Firebell has received without a gap, and when that was last recorded."""

    since: datetime
    recorded_at: datetime
