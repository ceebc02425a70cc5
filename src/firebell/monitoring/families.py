"""The metric families of `/metrics.prom`, named by the conventions of Prometheus, from counts and readings (pure)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from firebell.kit.db.pool_usage import PoolUsage
from firebell.kit.process_counters import Histogram, ProcessCounters
from firebell.monitoring.fact_families import fact_families
from firebell.monitoring.family import Sample, counter, gauge
from firebell.monitoring.model import LABELED_MAX, FactReadings, Readings


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What one process knows about itself now."""

    version: str
    counters: ProcessCounters
    lanes: Mapping[str, bool]
    """Whether each lane of the worker is healthy, by name."""
    pools: Mapping[str, PoolUsage]
    inbound_waiting: int | None
    """Messages that wait to be stored, None in a process that receives none."""
    is_database_up: bool | None
    """Whether the last reading succeeded, None before the first one ended."""


def families(
    process: ProcessState, readings: Readings | None, facts: FactReadings | None = None
) -> Iterator[Metric]:
    """Yield every family; those of the database only if they were read, so that an old number is never shown as new."""
    yield from _process_families(process)
    if readings is not None:
        yield from _shared_families(readings)
    if facts is not None:
        yield from fact_families(facts)


def _process_families(process: ProcessState) -> Iterator[Metric]:
    counters = process.counters
    yield gauge("build_info", "Version of this process.", ["version"], [([process.version], 1)])
    up = [] if process.is_database_up is None else [((), process.is_database_up)]
    yield gauge("database_up", "Whether the database answered the last reading.", [], up)
    yield counter(
        "inbound_messages",
        "Messages of monitoring systems that were stored.",
        ["source"],
        [([source], n) for source, n in counters.inbound_messages.items()],
    )
    yield counter(
        "inbound_events",
        "Alert events in the stored messages.",
        ["source"],
        [([source], n) for source, n in counters.inbound_events.items()],
    )
    yield counter(
        "inbound_errors",
        "Messages that were not stored, by HTTP status.",
        ["status"],
        [([str(status)], n) for status, n in counters.inbound_errors.items()],
    )
    if process.inbound_waiting is not None:
        yield gauge(
            "inbound_queue_messages", "Messages that wait to be stored.", [], [([], process.inbound_waiting)]
        )
    yield counter(
        "notification_deliveries",
        "Attempts to deliver a notification.",
        ["channel", "outcome"],
        [(labels, n) for labels, n in counters.deliveries.items()],
    )
    yield counter(
        "tracker_errors",
        "Calls of trackers that failed.",
        ["tracker", "kind"],
        _of_first(counters.tracker_errors),
    )
    yield counter(
        "chat_calls",
        "Calls of chats.",
        ["account", "outcome"],
        _of_first(counters.chat_calls),
    )
    yield counter(
        "webhook_attempts",
        "Attempts to deliver an event to a webhook.",
        ["outcome"],
        [([outcome], counters.webhook_attempts[outcome]) for outcome in ("delivered", "failed")],
    )
    yield counter(
        "postmortem_saves",
        "Saves of post-mortems that were not refused.",
        [],
        [((), counters.document_saves)],
    )
    yield counter(
        "postmortem_conflicts",
        "Saves of post-mortems that were refused because someone else had saved the same lines.",
        [],
        [((), counters.document_conflicts)],
    )
    yield gauge(
        "provider_open",
        "Whether a provider of a channel is skipped because it fails.",
        ["channel", "provider"],
        list(counters.provider_circuits.is_open()),
    )
    yield _histogram(
        "notification_delay_seconds",
        "Time from when a notification was due until its provider accepted it.",
        "channel",
        counters.delivery_delays,
    )
    yield _histogram(
        "timer_lateness_seconds",
        "How late timers ran.",
        "kind",
        {_timer_kind(of_pages): lateness for of_pages, lateness in counters.timer_lateness.items()},
    )
    yield gauge(
        "worker_lane_healthy",
        "Whether a lane of the worker finishes its rounds.",
        ["lane"],
        [([lane], healthy) for lane, healthy in process.lanes.items()],
    )
    yield gauge(
        "database_pool_connections",
        "Open connections to the database.",
        ["pool", "state"],
        [
            ([pool, state], n)
            for pool, usage in process.pools.items()
            for state, n in (("used", usage.used), ("idle", usage.idle))
        ],
    )
    yield gauge(
        "database_pool_limit_connections",
        "Connections that a pool may open.",
        ["pool"],
        [([pool], usage.limit) for pool, usage in process.pools.items()],
    )


def _shared_families(readings: Readings) -> Iterator[Metric]:
    yield gauge(
        "readings_timestamp_seconds", "When the database was read.", [], [([], readings.read_at.timestamp())]
    )
    yield gauge(
        "pages_open",
        "Open pages, without those of drills.",
        ["state", "urgency"],
        [(labels, n) for labels, n in readings.open_pages.items()],
    )
    yield gauge(
        "page_unacknowledged_age_seconds",
        "Age of the oldest urgent page that no one has acknowledged.",
        [],
        [([], readings.oldest_unacknowledged_s)],
    )
    yield gauge(
        "incidents_open",
        "Open incidents, without private ones and drills.",
        ["severity"],
        [([f"SEV{severity}"], n) for severity, n in readings.open_incidents.items()],
    )
    yield gauge(
        "timers_overdue",
        "Timers that are due and have not run.",
        ["kind"],
        [([_timer_kind(of_pages)], n) for of_pages, n in readings.overdue_timers.items()],
    )
    yield gauge(
        "timer_overdue_age_seconds",
        "How late the most overdue timer is.",
        ["kind"],
        [([_timer_kind(of_pages)], age_s) for of_pages, age_s in readings.oldest_timer_s.items()],
    )
    yield gauge(
        "queue_items",
        "Jobs and messages that wait.",
        ["queue"],
        [([queue], n) for queue, n in readings.queues.items()],
    )
    yield gauge(
        "notification_queue_messages",
        "Notifications that are due and not sent.",
        ["channel", "urgency"],
        [(labels, n) for labels, n in readings.queued_notifications.items()],
    )
    yield gauge("failed_jobs", "Background jobs that failed for good.", [], [([], readings.failed_jobs)])
    yield gauge(
        "oncall_gaps",
        "Reported gaps in on-call schedules, open now and within 28 days.",
        ["when"],
        [([when], n) for when, n in readings.gaps.items()],
    )


def _of_first(counts: Mapping[tuple[str, str], int]) -> list[Sample]:
    """Return the samples of the first chats or trackers by id."""
    ids = sorted({of for of, _ in counts}, key=int)[:LABELED_MAX]
    return [(labels, n) for labels, n in counts.items() if labels[0] in ids]


def _timer_kind(of_pages: bool) -> str:
    return "page" if of_pages else "other"


def _histogram(name: str, text: str, label: str, histograms: Mapping[str, Histogram]) -> Metric:
    family = HistogramMetricFamily(f"firebell_{name}", text, labels=[label])
    for value, histogram in histograms.items():
        buckets = [
            ("+Inf" if bound == float("inf") else str(bound), float(n)) for bound, n in histogram.cumulative()
        ]
        family.add_metric([value], buckets, histogram.sum)
    return family
