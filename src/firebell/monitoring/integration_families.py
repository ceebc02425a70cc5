"""The metric families of chats, trackers, webhooks and runbooks (pure; spec 11.11)."""

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from firebell.monitoring.family import gauge
from firebell.monitoring.model import IntegrationReadings


def integration_families(readings: IntegrationReadings) -> Iterator[Metric]:
    """Yield the families; chats and trackers are named by their ids."""
    yield gauge(
        "tracker_sync_lag_seconds",
        "Time since an enabled tracker was last synced.",
        ["tracker"],
        [([tracker], lag_s) for tracker, lag_s in readings.tracker_lag_s.items()],
    )
    yield gauge(
        "chat_lag_seconds",
        "How long the oldest change has waited to be shown in a chat.",
        ["account"],
        [([account], lag_s) for account, lag_s in readings.chat_lag_s.items()],
    )
    yield gauge(
        "chat_dead",
        "Messages that a chat refused for good.",
        ["account"],
        [([account], n) for account, n in readings.chat_dead.items()],
    )
    yield gauge(
        "webhook_endpoints",
        "Webhooks to other systems by state; failing ones have no success since at least five failures.",
        ["state"],
        [([state], n) for state, n in readings.webhooks.items()],
    )
    yield gauge(
        "webhook_lag_seconds",
        "How long the oldest event has waited for an active webhook.",
        [],
        [((), readings.webhook_lag_s)],
    )
    yield gauge(
        "webhook_dead_changes",
        "Changes that could not be sent to any webhook.",
        [],
        [((), readings.webhook_dead_changes)],
    )
    yield gauge(
        "runbooks",
        "Runbooks of the organization by state.",
        ["state"],
        [([state], n) for state, n in readings.runbooks.items()],
    )
    yield gauge(
        "runbook_sources_failing",
        "Sources of runbooks whose last sync failed.",
        [],
        [((), readings.failing_sources)],
    )
