"""The SQL that reads past alerts for a replay, and how often rules matched."""

import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.cleaning import OVERFLOW_KEY
from firebell.alerts.model import HEARTBEAT_KEY_PREFIX, SOURCE_SILENT_KEY
from firebell.kit.db.database import Reads
from firebell.routing.replay import AlertKind, History

MOST_COUNTED = 1_000
"""The most alerts of a rule that are counted."""


@dataclass(frozen=True, slots=True)
class RuleUse:
    """How many alerts a rule decided about since some instant, at most `MOST_COUNTED`, and their pages."""

    alerts: int
    pages: int


async def past_alerts(tx: Reads, since: datetime, limit: int, labels: Sequence[str] | None) -> History:
    """Return those of the newest `limit` alerts that began since an instant.

    Alerts that differ in none of these labels, or in none at all, are of one kind. Rules that watch Firebell itself,
    and what was not read, are replayed too; rules never match them.
    """
    if labels is None:
        seen = "labels, title"
    else:
        seen = ", ".join(f"labels ->> ${number}::text" for number in range(5, 5 + len(labels)))
        seen += ", title" if "title" in labels else ""
    row = await tx.row(
        f"""
        select
            coalesce(sum(count), 0)::bigint as events,
            string_agg(int8send(id), ''::bytea order by id desc) as ids,
            string_agg(timestamptz_send(starts_at), ''::bytea order by id desc) as starts,
            string_agg(timestamptz_send(coalesce(ends_at, 'infinity')), ''::bytea order by id desc) as ends,
            string_agg(
                int8send(
                    hash_record_extended(
                        row(
                            integration_id,
                            severity,
                            case when dedup_key = any($3) or starts_with(dedup_key, $4) then dedup_key end,
                            {seen}
                        ),
                        0
                    )
                ),
                ''::bytea
                order by id desc
            ) as hashes
        from (
            select *
            from alert
            order by id desc
            limit $2
        ) newest
        where starts_at >= $1
        """,
        since,
        limit,
        [SOURCE_SILENT_KEY, OVERFLOW_KEY],
        HEARTBEAT_KEY_PREFIX,
        *(labels or ()),
    )
    assert row is not None
    ids, starts, ends, hashes = (_integers(row[name]) for name in ("ids", "starts", "ends", "hashes"))
    numbers: dict[int, int] = {}
    kind_of = array("q", [numbers.setdefault(each, len(numbers)) for each in hashes])
    first_ids = dict(zip(reversed(kind_of), reversed(ids), strict=True))
    kinds = await _kinds(tx, [first_ids[number] for number in range(len(numbers))])
    return History(kinds, ids, kind_of, starts, ends, row["events"])


def _integers(column: bytes | None) -> "array[int]":
    """Return a column of the database's 64-bit integers, newest alert first there, oldest first here."""
    integers = array("q", column or b"")
    if sys.byteorder == "little":
        integers.byteswap()
    integers.reverse()
    return integers


async def _kinds(tx: Reads, ids: Sequence[int]) -> list[AlertKind]:
    """Return the kinds of alerts, of each the one with an id."""
    rows = await tx.fetch(
        """
        select
            alert.id, alert.integration_id, integration.service_id, alert.dedup_key, alert.title, alert.severity,
            alert.labels
        from alert
        join integration on integration.id = alert.integration_id
        where alert.id = any($1::bigint[])
        """,
        list(ids),
    )
    fields = ("integration_id", "service_id", "dedup_key", "title", "severity", "labels")
    kinds = {row["id"]: AlertKind(**{name: row[name] for name in fields}) for row in rows}
    return [kinds[id_] for id_ in ids]


async def alerts_with_incidents(tx: Reads, lowest_id: int) -> list[tuple[int, int]]:
    """Return the alerts with this id or a higher one whose page led to an incident, each with the page's id."""
    rows = await tx.fetch(
        """
        select distinct alert.id, group_page.page_id
        from page_incident
        join group_page on group_page.page_id = page_incident.page_id
        join alert on alert.group_id = group_page.group_id
        where alert.id >= $1
        """,
        lowest_id,
    )
    return [(row["id"], row["page_id"]) for row in rows]


async def titles(tx: Reads, ids: Sequence[int]) -> dict[int, str]:
    """Return the titles of alerts."""
    rows = await tx.fetch("select id, title from alert where id = any($1::bigint[])", list(ids))
    return {row["id"]: row["title"] for row in rows}


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
