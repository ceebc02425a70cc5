"""The SQL that reads what was recorded around incidents."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.postmortems.drafting.facts import PageLogRow, RunStepRow, StatusPostRow

_LOG_ROWS_MAX = 2_000
_RUN_STEPS_MAX = 2_000


async def page_log(tx: Tx, incident_ids: Sequence[int]) -> list[PageLogRow]:
    """Return when the pages of incidents were triggered, acknowledged, escalated and exhausted, oldest first."""
    rows = await tx.fetch(
        """
        select
            log.id,
            log.page_id,
            log.at,
            log.kind,
            log.actor,
            log.actor_id,
            log.text,
            coalesce((log.data ->> 'level')::int, 0) as level
        from incident_page
        join page_log log on log.page_id = incident_page.page_id
        where incident_page.incident_id = any($1::bigint[])
            and log.kind in ('triggered', 'acked', 'level', 'exhausted')
        order by log.at, log.id
        limit $2
        """,
        list(incident_ids),
        _LOG_ROWS_MAX,
    )
    return [PageLogRow(**dict(row)) for row in rows]


async def status_posts(tx: Tx, incident_ids: Sequence[int]) -> list[StatusPostRow]:
    """Return what was posted on status pages about incidents, oldest first."""
    rows = await tx.fetch(
        """
        select id, incident_id, at, stage, page_name
        from incident_status_post
        where incident_id = any($1::bigint[])
        order by at, id
        """,
        list(incident_ids),
    )
    return [StatusPostRow(**dict(row)) for row in rows]


async def run_steps(tx: Tx, incident_ids: Sequence[int]) -> list[RunStepRow]:
    """Return when steps of the runs of incidents were done, failed or skipped, each try; dry runs are left out."""
    rows = await tx.fetch(
        """
        select
            run.id as run_id,
            step.place + 1 as number,
            run.incident_id,
            event.at,
            split_part(event.kind, '.', 2) as state,
            run.title as runbook,
            step.part,
            step.label,
            step.title,
            event.by as who,
            event.exit
        from runbook_run run
        join runbook_run_event event on event.run_id = run.id
        join runbook_step step on step.run_id = run.id
            and step.part = event.part
            and step.position = event.position
        where run.incident_id = any($1::bigint[])
            and not run.is_dry
            and event.kind in ('step.done', 'step.failed', 'step.skipped')
        order by event.at, run.id, event.stream, event.seq
        limit $2
        """,
        list(incident_ids),
        _RUN_STEPS_MAX,
    )
    return [RunStepRow(**dict(row)) for row in rows]


async def commanders_from(tx: Tx, incident_ids: Sequence[int]) -> dict[int, datetime]:
    """Return when each incident had its first commander; those that never had one are absent."""
    rows = await tx.fetch(
        """
        select incident_id, min(from_at) as from_at
        from incident_role
        where incident_id = any($1::bigint[])
            and role = 'commander'
        group by incident_id
        """,
        list(incident_ids),
    )
    return {row["incident_id"]: row["from_at"] for row in rows}
