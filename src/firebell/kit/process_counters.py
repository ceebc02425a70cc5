"""What this process has counted since it started; `/metrics.prom` shows it. In memory, so that counting never waits."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from firebell.kit.provider_health import ChannelFailures, ProviderCircuits

DELAY_BUCKETS_S = (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)


class Histogram:
    """How many values fell into each bucket, and their sum."""

    def __init__(self, bounds: Sequence[float] = DELAY_BUCKETS_S) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value; a negative one, from a clock that was set back, counts as zero."""
        value = max(0.0, value)
        self._counts[bisect_left(self._bounds, value)] += 1
        self.sum += value

    def cumulative(self) -> Iterator[tuple[float, int]]:
        """Yield each upper bound with the number of values up to it; the last bound is infinite."""
        total = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            total += count
            yield bound, total


@dataclass(slots=True)
class ProcessCounters:
    """The counters of one process; each writer increments its own."""

    inbound_messages: Counter[str] = field(default_factory=Counter)
    """Stored messages by source."""
    inbound_events: Counter[str] = field(default_factory=Counter)
    """Events in them, by source."""
    inbound_errors: Counter[int] = field(default_factory=Counter)
    """Messages that were not stored, by the status of the response."""
    deliveries: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Attempts to deliver a notification, by channel and outcome."""
    delivery_delays: dict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    """Seconds from when a notification was due until its provider accepted it, by channel."""
    timer_lateness: dict[bool, Histogram] = field(
        default_factory=lambda: {True: Histogram(), False: Histogram()}
    )
    """Seconds by which timers ran late: those of pages (True), and all others."""
    channel_failures: ChannelFailures = field(default_factory=ChannelFailures)
    provider_circuits: ProviderCircuits = field(default_factory=ProviderCircuits)
    tracker_errors: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls of trackers that did not do what they should, by the id of the tracker and the outcome."""
    chat_calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls of chats, by the id of the account and the outcome."""
    webhook_attempts: Counter[str] = field(default_factory=Counter)
    """Attempts to deliver an event to a webhook, by outcome."""
    document_saves: int = 0
    """Saves of post-mortems that no other save contradicted."""
    document_conflicts: int = 0
    """Saves of post-mortems that were refused because someone else had saved the same lines."""
