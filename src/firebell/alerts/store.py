"""The SQL of events, alerts and groups, but for that of ingest, which is in `batch_store`."""

from collections.abc import Sequence
from datetime import datetime

from firebell.alerts.rules import GroupState
from firebell.alerts.titles import SEVERITIES
from firebell.kit.db.database import Tx

PRUNE_ROWS = 20_000
"""Number of rows that one call to `prune` deletes from a table at most, so that it holds locks only briefly."""


async def find_leads(tx: Tx, groups: Sequence[GroupState]) -> None:
    """Set the lead of each group to its most severe firing alert, or to its most severe one if none fires."""
    rows = await tx.fetch(
        """
        with lead as (
            select
                leaderless.id,
                worst.title,
                worst.severity,
                worst.integration_id || ':' || worst.dedup_key as key
            from unnest($1::bigint[], $2::text[]) as leaderless (id, status)
            cross join lateral (
                select title, severity, integration_id, dedup_key
                from alert
                where group_id = leaderless.id
                    and status = leaderless.status
                order by coalesce(array_position($3::text[], coalesce(severity, '')), $4), id
                limit 1
            ) worst
        )
        update alert_group
        set title = lead.title,
            lead_key = lead.key,
            lead_severity = lead.severity
        from lead
        where alert_group.id = lead.id
        returning alert_group.id, alert_group.title, alert_group.lead_key, alert_group.lead_severity
        """,
        [g.id for g in groups],
        ["firing" if g.firing > 0 else "resolved" for g in groups],
        SEVERITIES,
        len(SEVERITIES) + 1,
    )
    groups_by_id = {group.id: group for group in groups}
    for row in rows:
        group = groups_by_id[row["id"]]
        group.title, group.lead_key, group.severity = row["title"], row["lead_key"], row["lead_severity"]


async def close_group(tx: Tx, group_id: int, now: datetime) -> None:
    """Close a group and resolve its firing alerts, as a person asked; idempotent.

    The order of the alerts' events stays, so a repeated firing event opens a new group.
    """
    await tx.execute(
        """
        update alert
        set status = 'resolved',
            ends_at = $2,
            ended_by = 'human'
        where group_id = $1
            and status = 'firing'
        """,
        group_id,
        now,
    )
    await tx.execute(
        """
        update alert_group
        set closed_at = $2,
            firing = 0
        where id = $1
            and closed_at is null
        """,
        group_id,
        now,
    )


async def prune(tx: Tx, events_before: datetime, ids_before: datetime) -> bool:
    """Delete the oldest expired rows, at most `PRUNE_ROWS` of each table; return True if more may be left."""
    events = await tx.changed(
        """
        delete from event
        where id in (
            select id
            from event
            where received_at < $1
            order by received_at
            limit $2
        )
        """,
        events_before,
        PRUNE_ROWS,
    )
    event_ids = await tx.changed(
        """
        delete from seen_event
        where id in (
            select id
            from seen_event
            where at < $1
            order by at
            limit $2
        )
        """,
        ids_before,
        PRUNE_ROWS,
    )
    return PRUNE_ROWS in (events, event_ids)
