"""The SQL of events, alerts and groups, but for that of ingest, which is in `batches.store`."""

from collections.abc import Sequence
from datetime import datetime

from firebell.alerts.batches.group_titles import FLAPPING_PREFIX, SEVERITIES
from firebell.alerts.batches.state import GroupState
from firebell.alerts.read_store import LISTED, NOT_FIRING
from firebell.kit.db.database import Tx


async def find_leads(tx: Tx, groups: Sequence[GroupState]) -> None:
    """Set the lead of each group to its most severe firing alert, or to its most severe one if none fires."""
    rows = await tx.fetch(
        f"""
        with lead as (
            select
                leaderless.id,
                case when worst.is_flapping then $6 || worst.title else worst.title end as title,
                worst.severity,
                worst.integration_id || ':' || worst.dedup_key as key
            from unnest($1::bigint[], $2::int[], $3::int[]) as leaderless (id, low, high)
            cross join lateral (
                select title, severity, integration_id, dedup_key, coalesce(flap ? 'since', false) as is_flapping
                from alert
                where group_id = leaderless.id
                    and {LISTED} between leaderless.low and leaderless.high
                order by coalesce(array_position($4::text[], coalesce(severity, '')), $5), id
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
        [0 if g.firing > 0 else NOT_FIRING for g in groups],
        [NOT_FIRING - 1 if g.firing > 0 else NOT_FIRING for g in groups],
        SEVERITIES,
        len(SEVERITIES) + 1,
        FLAPPING_PREFIX,
    )
    groups_by_id = {group.id: group for group in groups}
    for row in rows:
        group = groups_by_id[row["id"]]
        group.title, group.lead_key, group.severity = row["title"], row["lead_key"], row["lead_severity"]


async def close_groups(tx: Tx, group_ids: Sequence[int], now: datetime) -> None:
    """Close groups and resolve their firing alerts, as a person asked; idempotent.

    The order of the alerts' events stays, so a repeated firing event opens a new group.
    """
    await tx.execute(
        f"""
        update alert
        set status = 'resolved',
            flap = case when flap is not null then jsonb_build_object('changes', flap -> 'changes') end,
            ends_at = $2,
            ended_by = 'human'
        where group_id = any($1::bigint[])
            and {LISTED} < {NOT_FIRING}
        """,
        list(group_ids),
        now,
    )
    await tx.execute(
        """
        update alert_group
        set closed_at = $2,
            firing = 0
        where id = any($1::bigint[])
            and closed_at is null
        """,
        list(group_ids),
        now,
    )
