"""The SQL of what metrics know, for Prometheus; it reads all facts, so that it runs once in a minute at most."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from firebell.action_items import queries as action_items
from firebell.kit import private_reader
from firebell.kit.db.database import Reads, Row
from firebell.monitoring.model import (
    ACKNOWLEDGE_BOUNDS_S,
    DURATION_BOUNDS_S,
    BucketCounts,
    FactReadings,
)
from firebell.monitoring.team_labels import add_up, label, labels
from firebell.paging.model import UNANSWERED

POSTMORTEM_WITHIN = timedelta(hours=48)
K = TypeVar("K")


async def fact_readings(tx: Reads, now: datetime) -> FactReadings:
    """Return what metrics know at `now`."""
    teams = await tx.fetch("select id, slug from team order by name, id")
    of_team = labels([(row["id"], row["slug"]) for row in teams])
    pages = await _pages(tx)
    waiting = await _waiting_pages(tx)
    incidents = await _incidents(tx)
    items = await _items(tx, now)
    with private_reader.as_reader(private_reader.NO_ONE):
        completion = await action_items.completion_by_team(tx, now.astimezone(UTC).date())

    def team(row: Row) -> str:
        return label(of_team, row["team_id"])

    done = add_up((label(of_team, team_id), one.done) for team_id, one in completion.items())
    due = add_up((label(of_team, team_id), one.due) for team_id, one in completion.items())
    return FactReadings(
        teams=sorted({*of_team.values()}),
        pages=add_up(((team(p), p["urgency"], _severity(p["severity"])), p["pages"]) for p in pages),
        night_pages=add_up((team(p), p["nights"]) for p in pages),
        acknowledged=_histograms(
            (
                (_severity(p["severity"]), p["bucket"], p["acknowledged"], p["total_s"])
                for p in pages
                if p["urgency"] == "high" and p["bucket"] is not None
            ),
            ACKNOWLEDGE_BOUNDS_S,
        ),
        unacknowledged=add_up((team(p), p["pages"]) for p in waiting),
        exhausted=add_up((team(p), p["exhausted"]) for p in waiting),
        declared=add_up(((_severity(i["severity"]), team(i)), i["declared"]) for i in incidents),
        reopened=add_up(((_severity(i["severity"]), team(i)), i["reopened"]) for i in incidents),
        durations=_histograms(
            (
                ((d["metric"], _severity(d["severity"])), d["bucket"], d["incidents"], d["total_s"])
                for d in await _durations(tx)
            ),
            DURATION_BOUNDS_S,
        ),
        overdue_postmortems=add_up(
            (team(row), row["overdue"]) for row in await _overdue_postmortems(tx, now)
        ),
        items=add_up(((team(i), i["state"], str(i["priority"])), i["items"]) for i in items),
        overdue_items=add_up((team(i), i["overdue"]) for i in items),
        completion={name: done[name] / n for name, n in due.items() if n},
        readiness=await _readiness(tx),
        runbook_runs={row["state"]: row["runs"] for row in await _runbook_runs(tx)},
    )


def _severity(severity: int | None) -> str:
    return "none" if severity is None else f"SEV{severity}"


def _histograms(rows: Iterable[tuple[K, int, int, int]], bounds: Sequence[int]) -> dict[K, BucketCounts]:
    """Return the histogram of each key, given (key, number of the bucket, values in it, their sum)."""
    counts: dict[K, list[int]] = {}
    totals: dict[K, int] = {}
    for key, bucket, values, total in rows:
        counts.setdefault(key, [0] * (len(bounds) + 1))[bucket] += values
        totals[key] = totals.get(key, 0) + total
    return {key: BucketCounts(each, totals[key]) for key, each in counts.items()}


async def _pages(tx: Reads) -> list[Row]:
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


async def _waiting_pages(tx: Reads) -> list[Row]:
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


async def _incidents(tx: Reads) -> list[Row]:
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


async def _durations(tx: Reads) -> list[Row]:
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


async def _overdue_postmortems(tx: Reads, now: datetime) -> list[Row]:
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


async def _items(tx: Reads, now: datetime) -> list[Row]:
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


async def _readiness(tx: Reads) -> float | None:
    score = await tx.value("select score from readiness_day order by day desc limit 1")
    return None if score is None else score / 100


async def _runbook_runs(tx: Reads) -> list[Row]:
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
