"""The SQL that reads past alerts for a replay, and how often rules matched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from firebell.kit.db.database import Reads
from firebell.routing.replay import ReplayedAlert

MOST_COUNTED = 1_000
"""The most alerts of a rule that are counted."""


@dataclass(frozen=True, slots=True)
class RuleUse:
    """How many alerts a rule decided about since some instant, at most `MOST_COUNTED`, and their pages."""

    alerts: int
    pages: int


class AlertWithPages(NamedTuple):
    """An alert of the past, and the ids of the pages of its group."""

    alert: ReplayedAlert
    page_ids: tuple[int, ...]


async def past_alerts(tx: Reads, since: datetime, limit: int) -> list[AlertWithPages]:
    """Return those of the newest `limit` alerts that began since an instant, in the order in which they began.

    Rules that watch Firebell itself, and what was not read, are replayed too; rules never match them.
    """
    rows = await tx.fetch(
        """
        select newest.*, integration.service_id, pages.ids as page_ids
        from (
            select
                id, integration_id, dedup_key, title, severity, labels, starts_at, ends_at, count, group_id
            from alert
            order by id desc
            limit $2
        ) newest
        join integration on integration.id = newest.integration_id
        left join lateral (
            select array_agg(group_page.page_id) as ids
            from group_page
            where group_page.group_id = newest.group_id
        ) pages on newest.group_id is not null
        where newest.starts_at >= $1
        order by newest.starts_at, newest.id
        """,
        since,
        limit,
    )
    return [
        AlertWithPages(
            ReplayedAlert(
                row["id"],
                row["integration_id"],
                row["service_id"],
                row["dedup_key"],
                row["title"],
                row["severity"],
                row["labels"],
                row["starts_at"],
                row["ends_at"],
                row["count"],
            ),
            tuple(row["page_ids"] or ()),
        )
        for row in rows
    ]


async def uses(tx: Reads, rule_ids: Sequence[int], since: datetime) -> dict[int, RuleUse]:
    """Return how often each rule matched since an instant."""
    rows = await tx.fetch(
        """
        select rule.id as rule_id, matched.alerts, matched.pages
        from unnest($1::int[]) as rule (id)
        cross join lateral (
            select count(*)::int as alerts, count(distinct group_page.page_id)::int as pages
            from (
                select group_id, starts_at
                from alert
                where rule_id = rule.id
                order by id desc
                limit $3
            ) newest
            left join group_page on group_page.group_id = newest.group_id
            where newest.starts_at >= $2
        ) matched
        """,
        list(rule_ids),
        since,
        MOST_COUNTED,
    )
    return {row["rule_id"]: RuleUse(row["alerts"], row["pages"]) for row in rows}


async def earlier_alert(tx: Reads, integration_id: int, dedup_key: str, before: int) -> int | None:
    """Return the newest alert of a key before another one, None if there is none."""
    earlier: int | None = await tx.value(
        """
        select id
        from alert
        where integration_id = $1
            and dedup_key = $2
            and id < $3
        order by id desc
        limit 1
        """,
        integration_id,
        dedup_key,
        before,
    )
    return earlier
