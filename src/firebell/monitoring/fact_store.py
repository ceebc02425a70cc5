"""The SQL of what metrics know, for Prometheus; it reads all facts, so that it runs once in a minute at most."""

from datetime import UTC, datetime

from firebell.incidents.model import POSTMORTEM_WITHIN
from firebell.kit.db.database import Reads, Row
from firebell.monitoring.model import ACKNOWLEDGE_BOUNDS_S, DURATION_BOUNDS_S
from firebell.paging.model import UNANSWERED


async def teams(tx: Reads) -> list[tuple[int, str]]:
    """Return the (id, slug) of all teams by name."""
    rows = await tx.fetch("select id, slug from team order by name, id")
    return [(row["id"], row["slug"]) for row in rows]


async def pages(tx: Reads) -> list[Row]:
    """Return all pages by team, urgency, severity and the number of the bucket of their acknowledgment."""
    return await tx.fetch(
        """
        select
            team_id,
            urgency,
            severity,
            -- the bounds of a bucket of Prometheus are inclusive
            width_bucket(ack_s - 1, $1::int[]) as bucket,
            count(*) as pages,
            count(night) as nights,
            count(ack_s) as acknowledged,
            coalesce(sum(ack_s), 0)::bigint as total_s
        from page_fact
        where excluded is null
        group by 1, 2, 3, 4
        """,
        list(ACKNOWLEDGE_BOUNDS_S),
    )


async def waiting_pages(tx: Reads) -> list[Row]:
    """Return the urgent pages of each team that no one has acknowledged."""
    return await tx.fetch(
        """
        select team_id, count(*) as pages, count(*) filter (where state = 'exhausted') as exhausted
        from page
        where state = any($1::text[])
            and urgency = 'high'
            and not plan ? 'is_drill'
        group by team_id
        """,
        list(UNANSWERED),
    )


_OPEN_TO_ALL = """incident_fact
        join incident on incident.id = incident_fact.id
            and incident.visibility = 'open'"""
_TEAM = """left join lateral (
            select service.team_id
            from incident_fact_service affected
            join service on service.id = affected.service_id
            where affected.incident_id = incident_fact.id
            order by affected.service_id
            limit 1
        ) owner on true"""


async def incidents(tx: Reads) -> list[Row]:
    """Return the declared incidents by severity and team, and how often they were reopened."""
    return await tx.fetch(
        f"""
        select
            incident_fact.severity_max as severity,
            owner.team_id,
            count(*) as declared,
            sum(incident_fact.reopens)::bigint as reopened
        from {_OPEN_TO_ALL}
        {_TEAM}
        where incident_fact.excluded is null
        group by 1, 2
        """
    )


async def durations(tx: Reads) -> list[Row]:
    """Return the durations of closed incidents by metric, severity and bucket."""
    return await tx.fetch(
        f"""
        select
            duration.metric,
            incident_fact.severity_max as severity,
            width_bucket(duration.seconds - 1, $1::int[]) as bucket,
            count(*) as incidents,
            sum(duration.seconds)::bigint as total_s
        from {_OPEN_TO_ALL}
        cross join lateral (
            values
                ('detect', incident_fact.detect_s),
                ('mitigate', incident_fact.mitigate_s),
                ('resolve', incident_fact.resolve_s)
        ) duration (metric, seconds)
        where incident_fact.excluded is null
            and incident_fact.closed_at is not null
            and duration.seconds >= 0
        group by 1, 2, 3
        """,
        list(DURATION_BOUNDS_S),
    )


async def overdue_postmortems(tx: Reads, now: datetime) -> list[Row]:
    """Return how many required post-mortems of each team are overdue."""
    return await tx.fetch(
        f"""
        select owner.team_id, count(*) as overdue
        from {_OPEN_TO_ALL}
        {_TEAM}
        where incident_fact.excluded is null
            and incident_fact.postmortem_required
            and incident_fact.postmortem_published_at is null
            and incident_fact.closed_at <= $1
        group by 1
        """,
        now - POSTMORTEM_WITHIN,
    )


async def items(tx: Reads, now: datetime) -> list[Row]:
    """Return the unfinished action items by team, state and priority, and how many of them are overdue."""
    return await tx.fetch(
        """
        select
            action_item.team_id,
            action_item.state,
            action_item.priority,
            count(*) as items,
            count(*) filter (where action_item.due < $1) as overdue
        from action_item
        left join incident on incident.id = action_item.incident_id
        where action_item.state in ('open', 'in_progress')
            and coalesce(incident.visibility, 'open') = 'open'
        group by 1, 2, 3
        """,
        now.astimezone(UTC).date(),
    )


async def readiness(tx: Reads) -> float | None:
    """Return the last recorded score of readiness from 0 to 1, or None."""
    score = await tx.value("select score from readiness_day order by day desc limit 1")
    return None if score is None else score / 100


async def runbook_runs(tx: Reads) -> list[Row]:
    """Return the runs of runbooks that ended, by how they ended."""
    return await tx.fetch(
        """
        select runbook_run.state, count(*) as runs
        from runbook_run
        left join incident on incident.id = runbook_run.incident_id
        where runbook_run.ended_at is not null
            and not runbook_run.is_dry
            and coalesce(incident.visibility, 'open') = 'open'
            and not coalesce(incident.drill, false)
        group by 1
        """
    )
