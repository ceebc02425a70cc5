"""The SQL of detectors, and of the anomalies that they raised."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from firebell.anomalies.bins import BinSize
from firebell.anomalies.model import (
    Acceptance,
    Anomaly,
    AnomalyTotals,
    Detector,
    StoredAnomaly,
)
from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.kit.localtime import known_zone
from firebell.kit.text import MAX_ID

KEPT_DAYS = 400
_DETECTOR = """
        select
            detector.id,
            detector.service_id,
            detector.rule,
            detector.tz,
            detector.integration_id,
            detector.enabled_at,
            detector.enabled_by,
            detector.disabled_at,
            detector.accepted_at,
            detector.accepted_by,
            detector.accepted_by_id,
            detector.backtest,
            detector.compared_at
        from anomaly_detector detector
"""
_ANOMALY = """
            anomaly.id,
            anomaly.detector_id,
            detector.service_id,
            service.name as service,
            service.slug,
            detector.rule,
            anomaly.bin_minutes,
            anomaly.began_at,
            anomaly.fired_at,
            anomaly.cleared_at,
            anomaly.peak_at,
            anomaly.count,
            anomaly.median,
            anomaly.usual_low,
            anomaly.usual_high,
            anomaly.score,
            anomaly.is_urgent,
            anomaly.calm_bins
"""


def _detector(row: Row) -> Detector:
    """Return the detector of a row, with a zone that the tz database has: detectors are judged together."""
    accepted = None
    if row["accepted_at"] is not None:
        stored = row["backtest"]
        accepted = Acceptance(
            row["accepted_at"],
            row["accepted_by"],
            datetime.fromisoformat(stored["until"]),
            AnomalyTotals(**stored["totals"]),
        )
    return Detector(
        id=row["id"],
        service_id=row["service_id"],
        rule=row["rule"],
        tz=known_zone(row["tz"]),
        integration_id=row["integration_id"],
        enabled_at=row["enabled_at"],
        enabled_by=row["enabled_by"],
        disabled_at=row["disabled_at"],
        accepted=accepted,
        accepted_by_id=row["accepted_by_id"],
        compared_at=row["compared_at"],
    )


def _anomaly(row: Row) -> StoredAnomaly:
    return StoredAnomaly(
        id=row["id"],
        detector_id=row["detector_id"],
        service_id=row["service_id"],
        service=row["service"],
        slug=row["slug"],
        rule=row["rule"],
        anomaly=Anomaly(
            bin_size=BinSize(row["bin_minutes"]),
            began_at=row["began_at"],
            fired_at=row["fired_at"],
            cleared_at=row["cleared_at"],
            peak_at=row["peak_at"],
            count=row["count"],
            median=row["median"],
            usual_low=row["usual_low"],
            usual_high=row["usual_high"],
            score=row["score"],
        ),
        is_urgent=row["is_urgent"],
        calm_bins=row["calm_bins"],
    )


async def detectors(tx: Reads, service_id: int | None = None) -> list[Detector]:
    """Return the detectors of one service or of all, by service and rule."""
    rows = await tx.fetch(
        f"""
        {_DETECTOR}
        where $1::bigint is null
            or detector.service_id = $1
        order by detector.service_id, detector.rule
        """,
        service_id,
    )
    return [_detector(row) for row in rows]


async def enable(
    tx: Tx, service_id: int, rule: str, tz: str, integration_id: int, label: str, now: datetime
) -> None:
    """Turn a detector on; what was accepted before does not count."""
    await tx.execute(
        """
        insert into anomaly_detector (service_id, rule, tz, integration_id, enabled_at, enabled_by)
        values ($1, $2, $3, $4, $5, $6)
        on conflict (service_id, rule) do update
        set tz = excluded.tz,
            integration_id = excluded.integration_id,
            enabled_at = excluded.enabled_at,
            enabled_by = excluded.enabled_by,
            disabled_at = null,
            accepted_at = null,
            accepted_by = null,
            accepted_by_id = null,
            backtest = null,
            compared_at = null
        """,
        service_id,
        rule,
        tz,
        integration_id,
        now,
        label,
    )


async def accept(
    tx: Tx,
    detector_id: int,
    by: tuple[str, int | None],
    until: datetime,
    totals: AnomalyTotals,
    now: datetime,
) -> None:
    """Store the back-test that a person accepted."""
    await tx.execute(
        """
        update anomaly_detector
        set accepted_at = $2,
            accepted_by = $3,
            accepted_by_id = $4,
            backtest = $5,
            compared_at = null
        where id = $1
        """,
        detector_id,
        now,
        *by,
        {"until": until.isoformat(), "totals": asdict(totals)},
    )


async def disable(tx: Tx, detector_id: int, now: datetime) -> None:
    """Turn a detector off."""
    await tx.execute("update anomaly_detector set disabled_at = $2 where id = $1", detector_id, now)


async def to_compare(tx: Tx, accepted_before: datetime) -> list[Detector]:
    """Return the detectors whose back-test was accepted before an instant and not compared with what happened yet."""
    rows = await tx.fetch(
        f"""
        {_DETECTOR}
        where detector.accepted_at <= $1
            and detector.compared_at is null
            and detector.disabled_at is null
        order by detector.id
        """,
        accepted_before,
    )
    return [_detector(row) for row in rows]


async def save_compared(tx: Tx, detector_id: int, now: datetime) -> None:
    """Remember that the back-test of a detector was compared with what happened."""
    await tx.execute("update anomaly_detector set compared_at = $2 where id = $1", detector_id, now)


async def anomalies(
    tx: Reads, limit: int, before: int | None = None, *, service_id: int | None = None, running: bool = False
) -> list[StoredAnomaly]:
    """Return anomalies of one service or of all, newest first; with `before`, only those with a lower id."""
    rows = await tx.fetch(
        f"""
        select {_ANOMALY}
        from anomaly
        join anomaly_detector detector on detector.id = anomaly.detector_id
        join service on service.id = detector.service_id
        where anomaly.id < $1
            and ($3::bigint is null or detector.service_id = $3)
            {"and anomaly.cleared_at is null" if running else ""}
        order by anomaly.id desc
        limit $2
        """,
        MAX_ID if before is None else before,
        limit,
        service_id,
    )
    return [_anomaly(row) for row in rows]


async def of_detector(tx: Reads, detector_id: int, since: datetime) -> list[StoredAnomaly]:
    """Return the anomalies of a detector that fired since an instant, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_ANOMALY}
        from anomaly
        join anomaly_detector detector on detector.id = anomaly.detector_id
        join service on service.id = detector.service_id
        where anomaly.detector_id = $1
            and anomaly.fired_at >= $2
        order by anomaly.fired_at, anomaly.id
        """,
        detector_id,
        since,
    )
    return [_anomaly(row) for row in rows]


async def counts_of_detectors(tx: Reads, since: datetime) -> dict[int, int]:
    """Return how many anomalies each detector has raised since an instant."""
    rows = await tx.fetch(
        """
        select detector_id, count(*)::int as anomalies
        from anomaly
        where fired_at >= $1
        group by detector_id
        """,
        since,
    )
    return {row["detector_id"]: row["anomalies"] for row in rows}


async def insert(tx: Tx, detector_id: int, anomaly: Anomaly, *, is_urgent: bool) -> int:
    """Store an anomaly and return its id."""
    anomaly_id: int = await tx.value(
        """
        insert into anomaly (
            detector_id, bin_minutes, began_at, fired_at, cleared_at, peak_at, count, median, usual_low, usual_high,
            score, is_urgent
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
        returning id
        """,
        detector_id,
        int(anomaly.bin_size),
        anomaly.began_at,
        anomaly.fired_at,
        anomaly.cleared_at,
        anomaly.peak_at,
        anomaly.count,
        anomaly.median,
        anomaly.usual_low,
        anomaly.usual_high,
        anomaly.score,
        is_urgent,
    )
    return anomaly_id


async def update(tx: Tx, anomaly_id: int, anomaly: Anomaly, calm_bins: int) -> None:
    """Store the highest bin of an anomaly, how long it has been calm, and when it cleared."""
    await tx.execute(
        """
        update anomaly
        set cleared_at = $2,
            peak_at = $3,
            count = $4,
            median = $5,
            usual_low = $6,
            usual_high = $7,
            score = $8,
            calm_bins = $9
        where id = $1
        """,
        anomaly_id,
        anomaly.cleared_at,
        anomaly.peak_at,
        anomaly.count,
        anomaly.median,
        anomaly.usual_low,
        anomaly.usual_high,
        anomaly.score,
        calm_bins,
    )


async def delete(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest anomalies, except those that run; return their number."""
    return await tx.changed(
        """
        delete from anomaly
        where id in (
            select id
            from anomaly
            where fired_at < $1
                and cleared_at is not null
            order by fired_at
            limit $2
        )
        """,
        before,
        limit,
    )


RETENTIONS = (
    Retention(
        "anomaly",
        KEPT_DAYS,
        by_index(delete),
        setting="alerts",
        label="Anomalies",
        count=count_rows(
            """
            select
            from anomaly
            where fired_at < $1
                and cleared_at is not null
            limit $2
            """
        ),
    ),
)


def running(each: Sequence[StoredAnomaly], detector_id: int) -> dict[BinSize, StoredAnomaly]:
    """Return the running anomalies of a detector by size of bins."""
    return {one.anomaly.bin_size: one for one in each if one.detector_id == detector_id}
