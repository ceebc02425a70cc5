"""A hundred days of alert counts with a rhythm, and two watched services, for the demo."""

import math
import random
from datetime import datetime, timedelta

from firebell.anomalies import actions, count_store, queries, source_store, store
from firebell.anomalies.bins import BinSize, bin_of, start_of
from firebell.demo.history import Past
from firebell.kit.db.database import Tx
from firebell.kit.localtime import to_local

WATCHED, LEARNING = "checkout-api", "search"
RULE = "CheckoutErrorRate"
ZONE = "Europe/Stockholm"
ACCEPTED_BEFORE = timedelta(days=40)
NIGHT_MEAN, DAY_MEAN = 0.3, 2.4
"""Alerts in a quarter of an hour, at night and in the early afternoon."""
RISE_BEFORE = timedelta(minutes=50)
"""How long before an incident was detected its alerts began to rise."""
RISE_QUARTERS, RISE_ALERTS = 5, 17
FALSE_RISES = (timedelta(days=6, hours=9), timedelta(days=52, hours=2))
"""How long ago alerts rose for no reason."""
NOW_QUARTERS = 4
"""Number of quarters up to now in which alerts have risen."""


def _counts(rng: random.Random, now: datetime) -> dict[int, int]:
    """Return counts with a daily rhythm, by number of the quarter."""
    newest = bin_of(now, BinSize.QUARTER)
    counts = {}
    for quarter in range(newest - count_store.KEPT_DAYS * 96 + 96, newest):
        hour = to_local(start_of(quarter, BinSize.QUARTER), ZONE).hour
        share = (1 - math.cos(2 * math.pi * (hour - 3) / 24)) / 2
        mean = NIGHT_MEAN + (DAY_MEAN - NIGHT_MEAN) * share
        # the number of exponential waiting times that fit into the mean
        waited, alerts = rng.expovariate(1), 0
        while waited < mean:
            waited, alerts = waited + rng.expovariate(1), alerts + 1
        counts[quarter] = alerts
    return counts


async def add_anomalies(past: Past, now: datetime) -> None:
    """Let alerts of a service rise before its incidents, watch it for 40 days, and let them rise now."""
    rng, mara = random.Random(7), past.kestrel.actor("Mara")
    service_id = past.kestrel.services[WATCHED]
    async with past.ctx.db.tx() as tx:
        counts = _counts(rng, now)
        history = await source_store.history(tx, service_id, now - timedelta(days=99), now)
        rises = [one.detected_at - RISE_BEFORE for one in history.incidents]
        for begins in (*rises, *(now - ago for ago in FALSE_RISES)):
            _rise(counts, begins, RISE_QUARTERS, rng)
        _rise(counts, now - NOW_QUARTERS * BinSize.QUARTER.length, NOW_QUARTERS, rng)
        await count_store.add_counts(tx, (service_id, ""), counts)
        await count_store.add_counts(
            tx, (service_id, RULE), {quarter: alerts * 2 // 3 for quarter, alerts in counts.items()}
        )
        accepted_at = now - ACCEPTED_BEFORE
        detector = await actions.accept(tx, mara, WATCHED, "", accepted_at)
        result = (await queries.replayed(tx, service_id, "", detector.tz, now)).backtest
        assert result
        for one in reversed(result.anomalies):
            if one.anomaly.cleared_at is not None:
                await store.insert(tx, detector.id, one.anomaly, is_urgent=True)
        await actions.enable(tx, past.kestrel.actor("Priya"), LEARNING, "", now)
        await _catch_up(tx, now)
    await past.settle()


def _rise(counts: dict[int, int], begins: datetime, quarters: int, rng: random.Random) -> None:
    first = bin_of(begins, BinSize.QUARTER)
    for quarter in range(first, first + quarters):
        if quarter in counts:
            counts[quarter] += RISE_ALERTS + rng.randrange(-4, 9)


async def _catch_up(tx: Tx, now: datetime) -> None:
    """Fold the alerts of the year, and judge the newest quarter."""
    while await actions.count_alerts(tx, now):
        pass
    await actions.judge_quarters(tx, now)
