"""When alerts that flap are calm again."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from firebell.alerts.batches.state import AlertState, Batch
from firebell.alerts.flap import WINDOW
from firebell.alerts.flapping.store import FlappingAlert
from firebell.alerts.integrations import store as integration_store
from firebell.alerts.model import Event, EventKind, InboundRequest
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers

FLAPPING_TIMER = "alerts.flapping"
"""The timer of an alert that flaps; its key is that of the integration, a colon, and the deduplication key."""


async def load_limits(tx: Tx, batch: Batch, requests: Iterable[InboundRequest], now: datetime) -> None:
    """Load when the alerts of a batch flap, if one of them may: one that changed recently, or comes several times."""
    keys = [(request.integration_id, event.dedup_key) for request in requests for event in request.incoming]
    repeated = {integration_id for (integration_id, _), n in Counter(keys).items() if n > 1}
    changed = {alert.integration_id for alert in batch.loaded if _changed_recently(alert, now)}
    if ids := repeated | changed:
        batch.flapping_changes = await integration_store.flapping_changes(tx, ids)


def _changed_recently(alert: AlertState, now: datetime) -> bool:
    ended_recently = alert.count > 0 and alert.ends_at is not None and now - alert.ends_at < WINDOW
    return alert.flap is not None or ended_recently


async def schedule(tx: Tx, batch: Batch) -> None:
    """Set the timers of the alerts of a stored batch that began to flap; ingest has locked their services."""
    for alert in batch.latest.values():
        if alert.began_to_flap and alert.flap is not None and alert.flap.is_on:
            key = _timer_key(alert.integration_id, alert.dedup_key)
            await timers.schedule_once(tx, FLAPPING_TIMER, key, alert.flap.ends_at)


def _timer_key(integration_id: int, dedup_key: str) -> str:
    return f"{integration_id}:{dedup_key}"


def alert_keys(timer_keys: Iterable[str]) -> list[tuple[int, str]]:
    """Return the integration and the deduplication key of the alert of each timer, in order."""
    pairs = (key.partition(":")[::2] for key in timer_keys)
    return sorted((int(integration_id), dedup_key) for integration_id, dedup_key in pairs)


def settled(flapping: Iterable[FlappingAlert], now: datetime) -> list[InboundRequest]:
    """Return the requests that end the flapping of alerts that are calm, one for each integration and service.

    The events have what mutes match, since an alert that fires on may be muted by now.
    """
    events: dict[tuple[int, int], list[Event]] = {}
    for alert in flapping:
        if alert.flap.ends_at <= now:
            event = Event(
                EventKind.SETTLED,
                alert.dedup_key,
                alert.title,
                severity=alert.severity,
                labels=alert.labels,
            )
            events.setdefault((alert.integration_id, alert.service_id), []).append(event)
    return [InboundRequest.decided(*ids, each, now) for ids, each in events.items()]


async def look_again(tx: Tx, flapping: Sequence[FlappingAlert], now: datetime) -> None:
    """Set the timers of the alerts that still flap to when they will be calm."""
    later = [
        (_timer_key(alert.integration_id, alert.dedup_key), alert.flap.ends_at, 0)
        for alert in flapping
        if alert.flap.ends_at > now
    ]
    await timers.schedule_many(tx, FLAPPING_TIMER, later)
