"""Read models of anomalies: what is watched, the counts behind it, back-tests, and what happened since."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from firebell.anomalies import backtest, count_store, source_store, store
from firebell.anomalies.backtest import REPLAYED_DAYS, Backtest
from firebell.anomalies.bins import QUARTER, WEEKS, BinSize, bin_of, series, start_of
from firebell.anomalies.count_store import Quarters, SeriesKey
from firebell.anomalies.model import (
    AnomalyTotals,
    Detector,
    DetectorState,
    IncidentMark,
    ReplayedAnomaly,
)
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db.database import Tx
from firebell.kit.intervals import Interval
from firebell.kit.threads import DOCUMENTS

LEARNING = timedelta(days=21)
"""After three weeks, a bin has eight others to compare it with."""
HISTORY = timedelta(weeks=WEEKS, days=1)
"""How far back the counts of a bin are needed, with a margin for its neighbors and for changes of the clocks."""
PERIOD = timedelta(days=REPLAYED_DAYS)
COMPARED_AFTER = timedelta(days=90)
"""How long after its acceptance a back-test is compared with what happened."""
RULES_LISTED = 20
ANOMALIES_LISTED = 50
anomalies = store.anomalies


def state_of(detector: Detector | None, begins_at: datetime | None, now: datetime) -> DetectorState:
    """Return what a detector does at the moment."""
    if detector is None or not detector.is_on:
        return DetectorState.OFF
    if begins_at is None or now - begins_at < LEARNING:
        return DetectorState.LEARNING
    return DetectorState.HIGH if detector.accepted else DetectorState.LOW


@dataclass(frozen=True, slots=True)
class WatchedSeries:
    """A service, or one rule of it, with its detector and what the last 30 days had."""

    service: Service
    rule: str
    detector: Detector | None
    state: DetectorState
    alerts: int | None
    anomalies: int
    is_running: bool


async def overview(tx: Tx, now: datetime) -> list[WatchedSeries]:
    """Return all services, and the rules that are watched, by name."""
    since = now - PERIOD
    detectors = await store.detectors(tx)
    progress = await count_store.progress(tx)
    tail = await count_store.unfolded(tx, progress.settled_id)
    folded = await count_store.totals(tx, since)
    raised = await store.counts_of_detectors(tx, since)
    running = {one.detector_id for one in await store.anomalies(tx, 2 * len(detectors), running=True)}
    begins = await begin_times(tx, [(one.service_id, one.rule) for one in detectors if one.is_on], tail)
    by_key = {(one.service_id, one.rule): one for one in detectors}

    def watched(service: Service, rule: str, alerts: int | None) -> WatchedSeries:
        detector = by_key.get((service.id, rule))
        return WatchedSeries(
            service,
            rule,
            detector,
            state_of(detector, begins.get((service.id, rule)), now),
            alerts,
            raised.get(detector.id, 0) if detector else 0,
            detector is not None and detector.id in running,
        )

    rows = []
    for service in await catalog.services(tx):
        alerts = folded.get(service.id, 0) + sum(tail.get((service.id, ""), {}).values())
        rows.append(watched(service, "", alerts))
        rows += [
            watched(service, one.rule, None)
            for one in detectors
            if one.service_id == service.id and one.rule and one.is_on
        ]
    return rows


async def begin_times(
    tx: Tx, keys: Sequence[SeriesKey], tail: Mapping[SeriesKey, Quarters]
) -> dict[SeriesKey, datetime]:
    """Return when the counts of each series begin; `tail` are those that are not folded yet."""
    begins = await count_store.begin_times(tx, keys)
    for key in keys:
        if key in tail and (first := min(tail[key], default=None)) is not None:
            at = start_of(first, BinSize.QUARTER)
            begins[key] = min(at, begins.get(key, at))
    return begins


async def missing(
    tx: Tx, service_ids: Sequence[int], since: datetime, now: datetime
) -> dict[int, list[Interval]]:
    """Return by service when its counts mean nothing: under maintenance, or while Firebell did not run."""
    gaps = await count_store.gaps(tx, since)
    maintenance = await source_store.maintenance(tx, service_ids, since, now)
    return {service_id: [*intervals, *gaps] for service_id, intervals in maintenance.items()}


@dataclass(frozen=True, slots=True)
class ReplayedDetector:
    """A back-test with the incidents of its period; without one, no alert was counted yet."""

    backtest: Backtest | None
    incidents: Mapping[int, IncidentMark]


async def replayed(tx: Tx, service_id: int, rule: str, tz: str, until: datetime) -> ReplayedDetector:
    """Replay a detector over the 30 days up to the whole hour before an instant."""
    key = (service_id, rule)
    end = start_of(bin_of(until, BinSize.HOUR), BinSize.HOUR)
    since = end - PERIOD - HISTORY
    progress = await count_store.progress(tx)
    tail = await count_store.unfolded(tx, progress.settled_id)
    begins_at = (await begin_times(tx, [key], tail)).get(key)
    if begins_at is None or begins_at + QUARTER > end:
        return ReplayedDetector(None, {})
    counts = count_store.add(await count_store.quarters(tx, key, since), tail.get(key, {}))
    without = (await missing(tx, [service_id], since, end))[service_id]
    history = await source_store.history(tx, service_id, max(end - PERIOD, begins_at), end)
    each = [series(counts, max(begins_at, since), end, without, size) for size in BinSize]
    # thousands of bins take a moment, and the messages of pages must not wait for them
    result = await DOCUMENTS.run(partial(backtest.replay, each, history, begins_at, end, tz))
    return ReplayedDetector(result, {one.id: one for one in history.incidents})


async def actual(tx: Tx, detector: Detector, now: datetime) -> AnomalyTotals | None:
    """Return what happened since the back-test of a detector was accepted; None if none is."""
    if detector.accepted is None:
        return None
    since = detector.accepted.at
    history = await source_store.history(tx, detector.service_id, since, now)
    each = [
        ReplayedAnomaly(one.anomaly, backtest.outcome(one.anomaly, history, now))
        for one in await store.of_detector(tx, detector.id, since)
        if one.is_urgent
    ]
    return backtest.totals(each, history, since, now)


async def detector(tx: Tx, service_id: int, rule: str) -> Detector | None:
    """Return the detector of a service, or of one rule of it; None if there never was one."""
    each = await store.detectors(tx, service_id)
    return next((one for one in each if one.rule == rule), None)


@dataclass(frozen=True, slots=True)
class DetectorDetails:
    """A detector with its back-test, what happened since that was accepted, and the rules of its service."""

    service: Service
    rule: str
    detector: Detector | None
    state: DetectorState
    tz: str
    replayed: ReplayedDetector
    actual: AnomalyTotals | None
    rules: Sequence[tuple[str, int]]


async def details(tx: Tx, slug: str, rule: str, tz: str, now: datetime) -> DetectorDetails:
    """Return the detector of a service or rule; `tz` counts while it is off. Raise NotFound for an unknown service."""
    service = await catalog.by_slug(tx, slug)
    known = await detector(tx, service.id, rule)
    zone = known.tz if known and known.is_on else tz
    result = await replayed(tx, service.id, rule, zone, now)
    begins_at = result.backtest.begins_at if result.backtest else None
    return DetectorDetails(
        service,
        rule,
        known,
        state_of(known, begins_at, now),
        zone,
        result,
        await actual(tx, known, now) if known and known.is_on else None,
        await count_store.rules(tx, service.id, now - PERIOD, RULES_LISTED),
    )
