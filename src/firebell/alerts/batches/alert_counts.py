"""The counters of alerts per service and quarter of an hour, which charts read (pure)."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from firebell.alerts.batches.state import Batch
from firebell.alerts.model import is_test_key

QUARTER = timedelta(minutes=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def quarter_of(at: datetime) -> datetime:
    """Return the start of the quarter of an hour that contains an instant; a change of clocks does not move it."""
    return at.astimezone(UTC) - (at - _EPOCH) % QUARTER


def started(batch: Batch, services: Mapping[int, int]) -> list[tuple[datetime, int, int]]:
    """Return (quarter, service id, alerts) for the alerts of a batch that fired first, ordered.

    `services` has the service of each integration. An alert that only ended is counted once a firing event,
    which was late, arrives; a test alert never is.
    """
    counts = Counter(
        (
            quarter_of(alert.starts_at),
            alert.group.service_id if alert.group else services[alert.integration_id],
        )
        for alert in (*batch.created, *batch.loaded)
        if alert.count > 0 and alert.stored_count == 0 and not is_test_key(alert.dedup_key)
    )
    return [(quarter, service_id, counts[quarter, service_id]) for quarter, service_id in sorted(counts)]
