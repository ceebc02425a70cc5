"""The SQL that reads what was recorded around incidents."""

from collections.abc import Collection, Sequence
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


async def recorded_from_start(
    tx: Tx, postmortem_ids: Sequence[int], hidden_kinds: Collection[str]
) -> set[int]:
    """Return the documents for which something was recorded by the time at which the impact began.

    Entries of `hidden_kinds` and struck ones do not count; a change of a service counts for an hour.
    """
    rows = await tx.fetch(
        """
        select postmortem.id
        from postmortem
        join incident on incident.id = postmortem.incident_id
        join postmortem_incident about on about.postmortem_id = postmortem.id
        where postmortem.id = any($1::bigint[])
            and (
                exists (
                    select
                    from timeline_entry entry
                    where entry.incident_id = about.incident_id
                        and entry.effective_at <= incident.impact_start
                        and entry.kind <> all($2::text[])
                        and (
                            select change.kind
                            from timeline_change change
                            where change.incident_id = entry.incident_id
                                and change.entry_id = entry.id
                                and change.kind in ('strike', 'restore')
                            order by change.id desc
                            limit 1
                        ) is distinct from 'strike'
                )
                or exists (
                    select
                    from incident_page
                    join page on page.id = incident_page.page_id
                    where incident_page.incident_id = about.incident_id
                        and page.triggered_at <= incident.impact_start
                )
                or exists (
                    select
                    from runbook_run run
                    where run.incident_id = about.incident_id
                        and not run.is_dry
                        and run.started_at <= incident.impact_start
                )
                or exists (
                    select
                    from incident_service
                    join change_event on change_event.service_id = incident_service.service_id
                    where incident_service.incident_id = about.incident_id
                        and change_event.at <= incident.impact_start
                        and change_event.at >= incident.impact_start - interval '1 hour'
                )
            )
        """,
        list(postmortem_ids),
        sorted(hidden_kinds),
    )
    return {row["id"] for row in rows}


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
