"""The SQL of what runs say about their runbooks: when it was last exercised, and what was done by machine."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Reads
from firebell.runbooks.model import RunSummary
from firebell.runbooks.runs.model import RunKind, RunMode, RunState

RUNS_EACH = 20
"""Number of runs of a runbook that are looked at, newest first."""


async def last_exercised(tx: Reads, slugs: Sequence[str]) -> dict[str, datetime]:
    """Return when runbooks were last exercised, by slug; those that never were are absent."""
    rows = await tx.fetch(
        """
        select wanted.slug, run.ended_at
        from unnest($1::text[]) as wanted (slug)
        cross join lateral (
            select ended_at
            from runbook_run
            where runbook_run.slug = wanted.slug
                and is_exercise
            order by ended_at desc
            limit 1
        ) run
        """,
        list(slugs),
    )
    return {row["slug"]: row["ended_at"] for row in rows}


async def summaries(tx: Reads, slugs: Sequence[str] | None = None) -> dict[str, list[RunSummary]]:
    """Return the latest ended runs of these runbooks, or of each, by slug; steps of a rollback do not count."""
    every_slug = """
            -- one lookup in the index for each runbook: `distinct` would read all runs
            select min(slug)
            from runbook_run
            union all
            select (
                select min(runbook_run.slug)
                from runbook_run
                where runbook_run.slug > exercised.slug
            )
            from exercised
            where exercised.slug is not null"""
    wanted = every_slug if slugs is None else "select unnest($2::text[])"
    rows = await tx.fetch(
        f"""
        with recursive exercised (slug) as (
            {wanted}
        )
        select exercised.slug, run.ended_at, run.state, run.is_dry, run.kind, run.mode, step.steps, step.steps_done,
            step.steps_by_machine
        from exercised
        cross join lateral (
            select id, ended_at, state, is_dry, kind, mode
            from runbook_run
            where runbook_run.slug = exercised.slug
                and ended_at is not null
            order by id desc
            limit $1
        ) run
        cross join lateral (
            select count(*) as steps,
                count(*) filter (where state = 'done') as steps_done,
                count(*) filter (where state = 'done' and exit is not null) as steps_by_machine
            from runbook_step
            where run_id = run.id
                and part <> 'Rollback'
        ) step
        """,
        RUNS_EACH,
        *(() if slugs is None else (list(slugs),)),
    )
    by_slug: dict[str, list[RunSummary]] = defaultdict(list)
    for row in rows:
        by_slug[row["slug"]].append(
            RunSummary(
                ended_at=row["ended_at"],
                has_succeeded=row["state"] == RunState.SUCCEEDED,
                is_rolled_back=row["state"] == RunState.ROLLED_BACK,
                is_dry=row["is_dry"],
                is_cli=row["kind"] == RunKind.CLI,
                is_unattended=row["mode"] == RunMode.UNATTENDED,
                steps=row["steps"],
                steps_done=row["steps_done"],
                steps_by_machine=row["steps_by_machine"],
            )
        )
    return dict(by_slug)
