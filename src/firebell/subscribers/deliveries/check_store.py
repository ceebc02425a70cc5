"""The SQL of what the checks of deliveries look at; the number of statements does not depend on that of incidents."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx
from firebell.subscribers.deliveries.process_checks import ON_TIME_SHARE, BroadcastRecord, ConfirmFlood
from firebell.subscribers.subscription_rules import PAGE_WINDOW


async def broadcasts(tx: Tx, incident_ids: Sequence[int], now: datetime) -> list[BroadcastRecord]:
    """Return the broadcasts about these incidents that are the first of a page, or paused."""
    rows = await tx.fetch(
        """
        select
            b.id as broadcast_id, i.incident_id, p.slug, p.name as page_name, b.seq = 1 as is_first,
            b.published_at, b.queued, b.on_time, b.fanned_out_at, b.paused_at, b.pause_reason
        from public_incident i
        join status_broadcast b on b.status_page_id = i.status_page_id and b.subject = i.public_id
        join status_page p on p.id = b.status_page_id
        where i.incident_id = any($1::bigint[])
            and (b.seq = 1 or b.paused_at is not null)
            and b.published_at <= $2
        order by b.id
        """,
        list(incident_ids),
        now,
    )
    # only of those that look late is it counted what no one wanted anymore
    unsure = [row["broadcast_id"] for row in rows if row["on_time"] < ON_TIME_SHARE * row["queued"]]
    void = await _void(tx, unsure) if unsure else {}
    return [
        BroadcastRecord(
            *(row["broadcast_id"], row["incident_id"], row["slug"], row["page_name"], row["is_first"]),
            row["published_at"],
            row["queued"] - void.get(row["broadcast_id"], 0),
            row["on_time"],
            row["fanned_out_at"] is not None,
            *(row["paused_at"], row["pause_reason"]),
        )
        for row in rows
    ]


async def _void(tx: Tx, broadcast_ids: Sequence[int]) -> dict[int, int]:
    rows = await tx.fetch(
        """
        select broadcast_id, count(*) as void
        from subscriber_delivery
        where broadcast_id = any($1::bigint[])
            and state = 'void'
        group by broadcast_id
        """,
        list(broadcast_ids),
    )
    return {row["broadcast_id"]: row["void"] for row in rows}


async def floods(tx: Tx, spans: Sequence[tuple[int, datetime, datetime]]) -> dict[int, list[ConfirmFlood]]:
    """Return the busiest 15 minutes of confirmations during each (incident, start, end), by incident and page."""
    rows = await tx.fetch(
        """
        select incident_id, slug, name, max(confirmations) as confirmations
        from (
            select
                span.incident_id, p.slug, p.name,
                count(*) over (
                    partition by span.incident_id, m.status_page_id
                    order by m.at
                    range between $4::interval preceding and current row
                ) as confirmations
            from unnest($1::bigint[], $2::timestamptz[], $3::timestamptz[]) span (incident_id, start, until)
            join public_incident i on i.incident_id = span.incident_id
            join status_page p on p.id = i.status_page_id
            join subscription_mail m
                on m.status_page_id = i.status_page_id
                and m.at >= span.start
                and m.at <= span.until
        ) windows
        group by incident_id, slug, name
        order by slug
        """,
        *transpose(spans, 3),
        PAGE_WINDOW,
    )
    by_incident: dict[int, list[ConfirmFlood]] = {}
    for row in rows:
        flood = ConfirmFlood(row["slug"], row["name"], row["confirmations"])
        by_incident.setdefault(row["incident_id"], []).append(flood)
    return by_incident
