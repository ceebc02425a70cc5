"""The SQL of what stands beside counts: maintenance, incidents that everyone may read, and pages that were acted on."""

from collections.abc import Sequence
from datetime import datetime

from firebell.anomalies.model import ALERT_RULE, History, IncidentMark
from firebell.kit.db.database import Reads
from firebell.kit.intervals import Interval


async def maintenance(
    tx: Reads, service_ids: Sequence[int], since: datetime, now: datetime
) -> dict[int, list[Interval]]:
    """Return by service when it was under maintenance, or its alerts were muted, after an instant and up to now."""
    rows = await tx.fetch(
        """
        select wanted.service_id, alert_mute.starts_at, coalesce(alert_mute.ended_at, $3) as ends_at
        from unnest($1::bigint[]) as wanted (service_id)
        join alert_mute on wanted.service_id = any(alert_mute.service_ids)
        where coalesce(alert_mute.ended_at, $3) > $2
            and alert_mute.kind = 'maintenance'
        union all
        select affected.service_id, maintenance.started_at, coalesce(maintenance.ended_at, $3) as ends_at
        from status_component_service affected
        join maintenance on affected.component_id = any(maintenance.component_ids)
        where affected.service_id = any($1::bigint[])
            and maintenance.started_at is not null
            and coalesce(maintenance.ended_at, $3) > $2
        """,
        list(service_ids),
        since,
        now,
    )
    intervals: dict[int, list[Interval]] = {service_id: [] for service_id in service_ids}
    for row in rows:
        intervals[row["service_id"]].append(Interval(row["starts_at"], row["ends_at"]))
    return intervals


async def history(tx: Reads, service_id: int, start: datetime, end: datetime) -> History:
    """Return the incidents of a service and the pages that someone acted on, in `[start, end]`.

    Drills do not count, and neither do private incidents: what a back-test says is for everyone.
    """
    incidents = await tx.fetch(
        """
        select incident.id, incident.title, incident.max_severity as severity, fact.detected_at
        from incident_fact_service affected
        join incident_fact fact on fact.id = affected.incident_id
        join incident on incident.id = fact.id
        where affected.service_id = $1
            and fact.detected_at >= $2
            and fact.detected_at <= $3
            and fact.excluded is null
            and incident.visibility = 'open'
        order by fact.detected_at, incident.id
        """,
        service_id,
        start,
        end,
    )
    pages = await tx.fetch(
        f"""
        select triggered_at
        from page_fact
        where service_id = $1
            and triggered_at >= $2
            and triggered_at <= $3
            and excluded is null
            and not is_noise
            and rule <> '{ALERT_RULE}'
        order by triggered_at
        """,
        service_id,
        start,
        end,
    )
    return History([IncidentMark(**dict(row)) for row in incidents], [row["triggered_at"] for row in pages])
