"""The SQL of the readings: every count is of what is open or waiting, and read from an index."""

from datetime import datetime
from typing import Any

from firebell.incidents.model import OPEN as OPEN_PHASES
from firebell.kit.db.database import Reads
from firebell.kit.jobs import timers
from firebell.monitoring.model import Readings
from firebell.paging.actions import PAGE_LANE_KINDS
from firebell.paging.model import OPEN as OPEN_PAGES
from firebell.paging.model import UNANSWERED
from firebell.people.model import URGENCIES

QUEUE_LIMIT = 100_000
"""Queues are counted up to this length; a longer one is just as alarming."""
STATES = tuple(str(state) for state in OPEN_PAGES)
SEVERITIES = range(4)


async def readings(tx: Reads, now: datetime) -> Readings:
    """Return what is open and waiting at `now`."""
    pages = await tx.fetch(
        """
        select state, urgency, count(*) as pages
        from page
        where state = any($1::text[])
            and not plan ? 'is_drill'
        group by state, urgency
        """,
        list(STATES),
    )
    overdue = await timers.overdue(tx, now, PAGE_LANE_KINDS)
    incidents = await tx.fetch(
        """
        select severity, count(*) as incidents
        from incident
        where phase = any($1::text[])
            and not drill
            and visibility = 'open'
        group by severity
        """,
        list(OPEN_PHASES),
    )
    notifications = await tx.fetch(
        """
        select channel, rank <= 1 as is_urgent, count(*) as messages
        from (
            select channel, rank
            from delivery
            where state in ('queued', 'sending')
                and send_at <= $1
            limit $2
        ) waiting
        group by channel, rank <= 1
        """,
        now,
        QUEUE_LIMIT,
    )
    row = await _single_values(tx, now)
    numbers = {row["severity"]: row["incidents"] for row in incidents}
    return Readings(
        read_at=now,
        open_pages={
            **{(state, urgency): 0 for state in STATES for urgency in URGENCIES},
            **{(page["state"], page["urgency"]): page["pages"] for page in pages},
        },
        oldest_unacknowledged_s=_age_s(row["unacknowledged_since"], now),
        open_incidents={severity: numbers.get(severity, 0) for severity in SEVERITIES},
        overdue_timers={of_pages: each.timers for of_pages, each in overdue.items()},
        oldest_timer_s={of_pages: _age_s(each.since, now) for of_pages, each in overdue.items()},
        queues={
            "reactions": row["reactions"],
            "subscribers": row["subscribers"],
            "audiences": row["audiences"],
        },
        queued_notifications={
            (n["channel"], "high" if n["is_urgent"] else "low"): n["messages"] for n in notifications
        },
        failed_jobs=row["failed_jobs"],
        gaps={"now": row["gaps_now"], "ahead": row["gaps_ahead"]},
    )


async def _single_values(tx: Reads, now: datetime) -> Any:
    return await tx.row(
        """
        select
            (
                select min(triggered_at)
                from page
                where state = any($3::text[])
                    and urgency = 'high'
                    and not plan ? 'is_drill'
            ) as unacknowledged_since,
            (
                select count(*)
                from (select from outbox where dead_at is null and run_at <= $1 limit $2) waiting
            ) as reactions,
            (select count(*) from (select from outbox where dead_at is not null limit $2) dead) as failed_jobs,
            (
                select count(*)
                from (select from subscriber_delivery where state = 'queued' limit $2) waiting
            ) as subscribers,
            (
                select count(*)
                from (select from audience_delivery where state = 'queued' and send_at <= $1 limit $2) waiting
            ) as audiences,
            (
                select count(*)
                from finding_told
                where what like 'S-GAP:%'
                    and coalesce(starts_at, $1) <= $1
                    and coalesce(ends_at > $1, true)
            ) as gaps_now,
            (
                select count(*)
                from finding_told
                where what like 'S-GAP:%'
                    and starts_at > $1
            ) as gaps_ahead
        """,
        now,
        QUEUE_LIMIT,
        list(UNANSWERED),
    )


def _age_s(since: datetime | None, now: datetime) -> float:
    return max(0.0, (now - since).total_seconds()) if since else 0.0
