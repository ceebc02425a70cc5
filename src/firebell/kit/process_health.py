"""Health of one process: when each lane last passed, whether inbound messages are refused, what others report."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import uuid4

from firebell.kit.durations import duration
from firebell.kit.timing import REAL

FAILING_LIMIT_S = 10.0
"""How long a lane may fail before it is unhealthy; a database restart takes a few seconds."""
REFUSAL_AGE_S = 60.0
ELSEWHERE_AGE_S = 90.0
"""How long what was read of other processes is shown; the watcher reads it every 15 seconds."""
FETCH_LIMIT_S = 20.0
"""How long fetches from a channel's provider may fail before that is noted (spec 10.9)."""


@dataclass(slots=True)
class _Lane:
    limit_s: float
    passed_at: float
    failing: str = ""


@dataclass(frozen=True, slots=True)
class HealthWarning:
    """What is wrong with this installation, as a sentence for people."""

    text: str
    delays_pages: bool = False
    """True if pages reach people late, or not at all, because of it."""


@dataclass(frozen=True, slots=True)
class ProcessFinding:
    """What is wrong with one process: `name` and `note` are its entry in `/healthz`; screens show `warning`."""

    name: str
    note: str
    warning: HealthWarning


class ProcessHealth:
    """Kept in memory; the worker and the inbound routes write it, `/healthz` and the shell of pages read it."""

    def __init__(self, elapsed: Callable[[], float] = REAL.monotonic) -> None:
        self._elapsed = elapsed
        self._lanes: dict[str, _Lane] = {}
        self._refused_at: float | None = None
        self._refusal = ""
        self._fetching_since: dict[str, float] = {}
        """By channel, when the running fetch began, or the first of those that failed before it."""
        self._elsewhere: Sequence[ProcessFinding] = ()
        self._elsewhere_at = 0.0
        self.stopping = False
        self.process_id = uuid4()
        """Identifies this process among those of the installation."""
        self.noticed: Sequence[HealthWarning] = ()
        """The alarms that the watcher's last run found, about all processes."""
        self.disk: Sequence[ProcessFinding] = ()
        """What the watcher's last run found about the disk of this process."""

    def watch(self, lane: str, limit_s: float) -> None:
        """Expect `lane` to pass at least every `limit_s` seconds from now on."""
        self._lanes[lane] = _Lane(limit_s, self._elapsed())

    def passed(self, lane: str) -> None:
        """Record that a lane completed a round of its work."""
        if lane in self._lanes:
            self._lanes[lane].passed_at = self._elapsed()
            self._lanes[lane].failing = ""

    def failed(self, lane: str, reason: str) -> None:
        """Record that a lane failed."""
        if lane in self._lanes:
            self._lanes[lane].failing = reason

    def lanes(self) -> dict[str, str]:
        """Return the problem of each lane by name; empty if it is healthy."""
        return {name: self._wrong(lane) for name, lane in self._lanes.items()}

    def _wrong(self, lane: _Lane) -> str:
        age = self._elapsed() - lane.passed_at
        if lane.failing and age > FAILING_LIMIT_S:
            return f"Has failed for {duration(timedelta(seconds=age))}: {lane.failing}"
        if age > lane.limit_s:
            return f"Has not finished a round for {duration(timedelta(seconds=age))}."
        return ""

    def refused(self, reason: str) -> None:
        """Record that a sender's message was not stored."""
        self._refused_at, self._refusal = self._elapsed(), reason

    def stored(self) -> None:
        """Record that a sender's message was stored."""
        self._refused_at = None

    def refusal(self) -> str:
        """Return why senders are refused; empty if the last message was stored or none came for a minute."""
        if self._refused_at is None or self._elapsed() - self._refused_at > REFUSAL_AGE_S:
            return ""
        return self._refusal

    def record_elsewhere(self, findings: Sequence[ProcessFinding]) -> None:
        """Record what other processes know to be wrong with themselves, as read now."""
        self._elsewhere, self._elsewhere_at = findings, self._elapsed()

    def elsewhere(self) -> Sequence[ProcessFinding]:
        """Return what other processes know to be wrong with themselves; nothing if it was read too long ago."""
        return self._elsewhere if self._elapsed() - self._elsewhere_at <= ELSEWHERE_AGE_S else ()

    def fetch_started(self, channel: str) -> None:
        """Record that a fetch from a channel's provider began."""
        self._fetching_since.setdefault(channel, self._elapsed())

    def fetch_settled(self, channel: str) -> None:
        """Record that a fetch succeeded, or that another process fetches now."""
        self._fetching_since.pop(channel, None)

    def unfetched(self) -> dict[str, str]:
        """Return, by channel, for how long nothing could be fetched, if that is `FETCH_LIMIT_S` or more."""
        now = self._elapsed()
        return {
            channel: f"Nothing could be fetched for {duration(timedelta(seconds=now - since))}."
            for channel, since in sorted(self._fetching_since.items())
            if now - since >= FETCH_LIMIT_S
        }
