"""Actions of anomalies: turn a detector on, accept its back-test, turn it off; count alerts and judge their numbers."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.alerts import actions as alerts
from firebell.alerts.model import InboundRequest
from firebell.anomalies import alerting, backtest, count_store, queries, store, wording
from firebell.anomalies.bins import QUARTER, BinSize, CountSeries, bin_of, comparable, series, start_of
from firebell.anomalies.count_store import Quarters, SeriesKey
from firebell.anomalies.detection import Change, JudgedBin, RunningAnomaly, judge, step
from firebell.anomalies.model import INTEGRATION_NAME, Detector, StoredAnomaly, detector_path
from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.intervals import Interval
from firebell.kit.jobs import timers
from firebell.kit.text import clean_name
from firebell.metrics.model import RULE_MAX_CHARS
from firebell.notify import actions as notify
from firebell.notify.model import Notice
from firebell.people import actions as people
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb

COUNT_TIMER, COUNT_KEY = "anomalies.count", "all"
LIVE_TOPIC = "anomalies"
NOTICE_KIND = "anomaly"
BATCH_ALERTS = 5_000
"""Number of alerts that a transaction folds into counts at most."""
FOLD_AFTER = timedelta(minutes=10)
"""An alert is committed within this time of its id being taken."""
SETTLING = timedelta(minutes=1)
"""How long after its end a quarter is judged: what began in it has arrived by then."""
MISSED_AFTER = 2 * QUARTER
"""If so much was not judged in time, Firebell did not run, and the counts of that time mean nothing."""
RULES_WATCHED_MAX = 20
"""Number of rules of a service that can be watched."""
BACKTEST_MAX_AGE = timedelta(days=1)


async def _subject(tx: Tx, slug: str, rule: str) -> tuple[Service, str, Detector | None]:
    """Return the service, the rule and their detector; the timer waits until the transaction ends.

    The timer of counts is locked before services, so an action holds it first.
    """
    await timers.hold(tx, COUNT_TIMER, COUNT_KEY)
    service = await catalog.by_slug(tx, slug)
    clean = clean_name(rule, "rule", limit=RULE_MAX_CHARS) if rule.strip() else ""
    return service, clean, await queries.detector(tx, service.id, clean)


async def _on(tx: Tx, slug: str, rule: str) -> tuple[Service, Detector]:
    """Return a detector that is on; raise `Conflict` if it is off."""
    service, clean, detector = await _subject(tx, slug, rule)
    if detector is None or not detector.is_on:
        raise Conflict(f"Anomaly detection for {_name(service, clean)} is off.", hint="Turn it on first.")
    return service, detector


def _name(service: Service, rule: str) -> str:
    return f"{rule} of {service.name}" if rule else service.name


@permits(Verb.ANOMALY_WRITE)
async def enable(tx: Tx, actor: Actor, slug: str, rule: str, now: datetime) -> Detector:
    """Watch the alerts of a service, or one rule of it; its anomalies page with low urgency.

    Raise NotFound for a rule that never fired, and `Conflict` if it is watched or too many are.
    """
    await catalog.hold_uses(tx)
    service, clean, detector = await _subject(tx, slug, rule)
    if detector is not None and detector.is_on:
        raise Conflict(f"Anomaly detection for {_name(service, clean)} is already on.")
    return await _enable(tx, actor, service, clean, now)


async def _enable(tx: Tx, actor: Actor, service: Service, rule: str, now: datetime) -> Detector:
    if rule:
        await _check_rule(tx, service, rule)
    tz = (await people.person(tx, actor.person_id)).tz if actor.person_id is not None else "UTC"
    integration_id = await alerts.ensure_internal_integration(tx, service.id, INTEGRATION_NAME, now)
    await store.enable(tx, service.id, rule, tz, integration_id, actor.label, now)
    await tx.audit(actor, "anomaly.enabled", f"service:{service.id}", now, rule=rule)
    await timers.schedule(tx, COUNT_TIMER, COUNT_KEY, now)
    await tx.live(LIVE_TOPIC)
    detector = await queries.detector(tx, service.id, rule)
    assert detector
    return detector


async def _check_rule(tx: Tx, service: Service, rule: str) -> None:
    key = (service.id, rule)
    tail = await count_store.unfolded(tx, (await count_store.progress(tx)).settled_id)
    if key not in await queries.begin_times(tx, [key], tail):
        raise NotFound(
            f"The rule {rule} of {service.name} never fired.",
            hint="Copy the name from the list of rules; it is the label alertname, or else the title.",
        )
    watched = sum(one.is_on and one.rule != "" for one in await store.detectors(tx, service.id))
    if watched >= RULES_WATCHED_MAX:
        raise Conflict(
            f"{service.name} has {RULES_WATCHED_MAX} watched rules already.",
            hint="Turn one of them off first.",
        )


@permits(Verb.ANOMALY_WRITE)
async def accept(
    tx: Tx, actor: Actor, slug: str, rule: str, now: datetime, *, until: datetime | None = None
) -> Detector:
    """Accept the back-test up to `until`, by default up to now: from now on, anomalies page with high urgency.

    Turns the detector on if it is off. Raise `Conflict` without counts of two weeks, or if the back-test is old.
    """
    await catalog.hold_uses(tx)
    service, clean, detector = await _subject(tx, slug, rule)
    until = now if until is None else until
    if not now - BACKTEST_MAX_AGE <= until <= now:
        raise Conflict("This back-test is older than a day.", hint="Reload the page and look at the new one.")
    if detector is None or not detector.is_on:
        detector = await _enable(tx, actor, service, clean, now)
    result = (await queries.replayed(tx, service.id, clean, detector.tz, until)).backtest
    if result is None or not result.can_be_accepted:
        raise Conflict(
            f"The alerts of {_name(service, clean)} are counted for less than two weeks.",
            hint="Turn detection on with low urgency, and accept the back-test later.",
        )
    by = (actor.label, actor.person_id)
    await store.accept(tx, detector.id, by, result.end, result.totals, now)
    await tx.audit(
        actor,
        "anomaly.accepted",
        f"service:{service.id}",
        now,
        rule=clean,
        pages=result.totals.pages,
        false_pages=result.totals.false_pages,
    )
    await tx.live(LIVE_TOPIC)
    accepted = await queries.detector(tx, service.id, clean)
    assert accepted
    return accepted


@permits(Verb.ANOMALY_WRITE)
async def disable(tx: Tx, actor: Actor, slug: str, rule: str, now: datetime) -> None:
    """Turn a detector off; its firing alerts are resolved. Raise `Conflict` if it is off."""
    service, detector = await _on(tx, slug, rule)
    running = store.running(await store.anomalies(tx, 100, running=True, service_id=service.id), detector.id)
    requests = []
    for one in running.values():
        await store.update(tx, one.id, replace(one.anomaly, cleared_at=now), one.calm_bins)
        requests.append(alerting.resolved(detector, service, one.anomaly, now))
    if requests:
        await alerts.receive_own(tx, requests, now)
    await store.disable(tx, detector.id, now)
    await tx.audit(actor, "anomaly.disabled", f"service:{service.id}", now, rule=detector.rule)
    await tx.live(LIVE_TOPIC)


@internal("Called by the timer of counts.")
async def count_alerts(tx: Tx, now: datetime) -> bool:
    """Fold a batch of alerts into counts; return True if more are left."""
    progress = await count_store.progress(tx)
    if progress.mark_at is None:
        # the first time, everything is folded: an alert that is just being committed is missed, once
        await count_store.save_mark(tx, await count_store.newest_id(tx), now - FOLD_AFTER)
    elif progress.mark_at > now - FOLD_AFTER:
        return False
    if await count_store.fold(tx, now - timedelta(days=count_store.KEPT_DAYS), BATCH_ALERTS):
        return True
    await count_store.save_mark(tx, await count_store.newest_id(tx), now)
    return False


@internal("Called by the timer of counts.")
async def judge_quarters(tx: Tx, now: datetime) -> bool:
    """Judge each quarter of an hour that has ended since the last time; return False if nothing is watched."""
    detectors = [one for one in await store.detectors(tx) if one.is_on]
    judged_until = (await count_store.progress(tx)).judged_until
    if not detectors:
        if judged_until is not None:
            await count_store.save_judged(tx, None)
        return False
    until = start_of(bin_of(now - SETTLING, BinSize.QUARTER), BinSize.QUARTER)
    since = until - QUARTER if judged_until is None else judged_until
    if until <= since:
        return True
    if until - since > MISSED_AFTER:
        await count_store.insert_gap(tx, Interval(since, until))
    else:
        for quarter in range(bin_of(since, BinSize.QUARTER), bin_of(until, BinSize.QUARTER)):
            await _judge_quarter(tx, detectors, quarter, now)
    await count_store.save_judged(tx, until)
    return True


async def _judge_quarter(tx: Tx, detectors: Sequence[Detector], quarter: int, now: datetime) -> None:
    """Judge the bins that end with a quarter of an hour, and send the alerts that this changes."""
    end = start_of(quarter + 1, BinSize.QUARTER)
    ended = [
        (size, (quarter + 1) // size.quarters - 1) for size in BinSize if not (quarter + 1) % size.quarters
    ]
    counts = await _counts(tx, detectors, ended, end, now)
    services = await catalog.services_by_id(tx, [one.service_id for one in detectors])
    running = await store.anomalies(tx, len(detectors) * len(BinSize), running=True)
    requests: list[InboundRequest] = []
    for detector in detectors:
        own, service = store.running(running, detector.id), services[detector.service_id]
        for size, number in ended:
            each = counts.get((detector.id, size))
            if each is None:
                continue
            judged = judge(each, number, detector.tz)
            before = judge(each, number - 1, detector.tz) if judged and judged.is_unusual else None
            requests += await _advance(tx, detector, service, own.get(size), judged, before, size, now)
    if requests:
        await alerts.receive_own(tx, requests, now)
        await tx.live(LIVE_TOPIC)


async def _advance(
    tx: Tx,
    detector: Detector,
    service: Service,
    stored: StoredAnomaly | None,
    judged: JudgedBin | None,
    before: JudgedBin | None,
    size: BinSize,
    now: datetime,
) -> list[InboundRequest]:
    """Apply one more bin to a detector, store what changed, and return the messages to send."""
    old = _running(stored) if stored else None
    new, change = step(old, judged, before)
    if new is None or new == old or judged is None:
        return []
    over = start_of(judged.number + 1, size) if change is Change.CLEARED else None
    if stored is None:
        anomaly = backtest.describe(size, new, over)
        is_urgent = detector.accepted is not None and not anomaly.is_learning
        await store.insert(tx, detector.id, anomaly, is_urgent=is_urgent)
        return [alerting.firing(detector, service, anomaly, now, is_urgent=is_urgent)]
    grown = new.peak is judged
    anomaly = backtest.describe(size, new, over) if grown else replace(stored.anomaly, cleared_at=over)
    await store.update(tx, stored.id, anomaly, new.calm_bins)
    return [alerting.resolved(detector, service, anomaly, now)] if over else []


def _running(stored: StoredAnomaly) -> RunningAnomaly:
    anomaly, size = stored.anomaly, stored.anomaly.bin_size
    return RunningAnomaly(
        first=bin_of(anomaly.began_at, size),
        fired=bin_of(anomaly.fired_at, size) - 1,
        peak=JudgedBin(bin_of(anomaly.peak_at, size), anomaly.count, None),
        calm_bins=stored.calm_bins,
    )


async def _counts(
    tx: Tx, detectors: Sequence[Detector], ended: Sequence[tuple[BinSize, int]], end: datetime, now: datetime
) -> dict[tuple[int, BinSize], CountSeries]:
    """Return the counts by detector and size of bins, as far as judging these bins needs them."""
    since = end - queries.HISTORY
    tail = await count_store.unfolded(tx, (await count_store.progress(tx)).settled_id)
    missing = await queries.missing(tx, sorted({one.service_id for one in detectors}), since, now)
    result = {}
    for tz in sorted({one.tz for one in detectors}):
        local = [one for one in detectors if one.tz == tz]
        keys: list[SeriesKey] = [(one.service_id, one.rule) for one in local]
        begins = await queries.begin_times(tx, keys, tail)
        folded = await count_store.at_quarters(tx, keys, _needed(ended, tz))
        for detector in local:
            key = (detector.service_id, detector.rule)
            if key not in begins:
                continue
            counts: Quarters = count_store.add(folded[key], tail.get(key, {}))
            for size, _ in ended:
                result[detector.id, size] = series(
                    counts, begins[key], end, missing[detector.service_id], size
                )
    return result


def _needed(ended: Sequence[tuple[BinSize, int]], tz: str) -> list[datetime]:
    """Return the quarters whose counts judging these bins, and those before them, needs."""
    quarters = {
        quarter
        for size, newest in ended
        for number in (newest, newest - 1)
        for needed in (number, *comparable(number, size, tz))
        for quarter in range(needed * size.quarters, (needed + 1) * size.quarters)
    }
    return [start_of(quarter, BinSize.QUARTER) for quarter in sorted(quarters)]


@internal("Called by the timer of counts.")
async def report_comparisons(tx: Tx, now: datetime) -> None:
    """Notify who accepted a back-test 90 days ago of how it compares with what happened."""
    notices = []
    for detector in await store.to_compare(tx, now - queries.COMPARED_AFTER):
        totals = await queries.actual(tx, detector, now)
        await store.save_compared(tx, detector.id, now)
        if detector.accepted is None or totals is None or detector.accepted_by_id is None:
            continue
        service = (await catalog.services_by_id(tx, [detector.service_id]))[detector.service_id]
        notices.append(
            Notice(
                f"anomaly-comparison:{detector.id}:{detector.accepted.at.isoformat()}",
                detector.accepted_by_id,
                NOTICE_KIND,
                f"How anomaly detection for {_name(service, detector.rule)} did in 90 days",
                wording.comparison(detector.accepted.totals, totals),
                detector_path(service.slug, detector.rule),
            )
        )
    if notices:
        await notify.send_notices(tx, notices, now)
