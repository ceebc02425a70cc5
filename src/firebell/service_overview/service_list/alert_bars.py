"""The alerts of services in equal intervals up to now."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.alerts import actions as alerts
from firebell.kit.db.database import Tx
from firebell.service_overview.service_list import store as list_store


async def alert_bars(
    tx: Tx, service_ids: Sequence[int], interval: timedelta, number: int, now: datetime
) -> dict[int, tuple[int, ...]]:
    """Return how many alerts each service had in each of the last `number` intervals, the oldest first.

    The newest interval ends with the current quarter of an hour.
    """
    last = alerts.quarter_of(now)
    first = last + alerts.QUARTER - number * interval
    bars = {}
    for service_id, counted in (await list_store.alert_counts(tx, service_ids, first, last)).items():
        counts = [0] * number
        for quarter, count in counted.items():
            counts[number - 1 - (last - quarter) // interval] += count
        bars[service_id] = tuple(counts)
    return bars
