"""The SQL of the incidents of past alerts, and of how often rules matched."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.model import TEST_KEY_PREFIX
from firebell.kit.db.database import Reads

MOST_COUNTED = 1_000
"""The most alerts of a rule that are counted."""


@dataclass(frozen=True, slots=True)
class RuleUse:
    """How many alerts a rule decided about since some instant, at most `MOST_COUNTED`, and their pages."""

    alerts: int
    pages: int


async def groups_with_incidents(tx: Reads, lowest_group_id: int) -> list[tuple[int, int]]:
    """Return the groups with this id or a higher one whose page led to an incident, each with that page."""
    rows = await tx.fetch(
        """
        select distinct group_page.group_id, group_page.page_id
        from page_incident
        join group_page on group_page.page_id = page_incident.page_id
        where group_page.group_id >= $1
        order by group_page.group_id, group_page.page_id
        """,
        lowest_group_id,
    )
    return [(row["group_id"], row["page_id"]) for row in rows]


async def uses(tx: Reads, rule_ids: Sequence[int], since: datetime) -> dict[int, RuleUse]:
    """Return how often each rule matched since an instant; test alerts do not count."""
    rows = await tx.fetch(
        """
        select rule.id as rule_id, matched.alerts, matched.pages
        from unnest($1::int[]) as rule (id)
        cross join lateral (
            select count(*)::int as alerts, count(distinct group_page.page_id)::int as pages
            from (
                select group_id, starts_at, dedup_key
                from alert
                where rule_id = rule.id
                order by id desc
                limit $3
            ) newest
            left join group_page on group_page.group_id = newest.group_id
            where newest.starts_at >= $2
                and not starts_with(newest.dedup_key, $4)
        ) matched
        """,
        list(rule_ids),
        since,
        MOST_COUNTED,
        TEST_KEY_PREFIX,
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
