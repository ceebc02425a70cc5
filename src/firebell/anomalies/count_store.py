"""The SQL of counts: folded from the rows of alerts by their ids, in batches, behind the back of ingest.

What is not folded yet, the alerts of the last minutes, is counted when it is read. An alert can be committed after one
with a higher id, so alerts are folded up to an id that was the newest one long before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.alerts.model import TEST_KEY_PREFIX
from firebell.anomalies.bins import BinSize, bin_of, start_of
from firebell.anomalies.model import ALERT_RULE
from firebell.kit.db.database import Reads, Tx
from firebell.kit.intervals import Interval
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.metrics.model import RULE_MAX_CHARS

KEPT_DAYS = 100
"""Eight weeks before the 30 days of a back-test, and a margin."""
RULES_MAX = 50
"""Number of rules of a service that one batch counts for a quarter, the most frequent ones."""
UNFOLDED_MAX = 200_000
"""Number of alerts that are not folded yet and counted at most, the newest ones."""
_RULE = f"left(coalesce(nullif(labels ->> 'alertname', ''), title), {RULE_MAX_CHARS})"
_QUARTER = "date_bin('15 minutes', starts_at, timestamptz '1970-01-01 00:00:00+00')"
_COUNTED = f"""
            select
                service_id,
                coalesce(rule, '') as rule,
                quarter,
                count(*)::int as alerts,
                grouping(rule) = 1 as is_total
            from (
                select
                    coalesce(batch.routed_service_id, integration.service_id) as service_id,
                    {_RULE} as rule,
                    {_QUARTER} as quarter
                from batch
                join integration on integration.id = batch.integration_id
                where count > 0
                    and not starts_with(dedup_key, '{TEST_KEY_PREFIX}')
            ) started
            where rule <> '{ALERT_RULE}'
            group by grouping sets ((service_id, quarter), (service_id, quarter, rule))
"""

Quarters = dict[int, int]
"""Alerts by number of the quarter of an hour."""
SeriesKey = tuple[int, str]
"""A service, and a rule of it; an empty one stands for all its alerts."""


@dataclass(frozen=True, slots=True)
class CountProgress:
    """Up to which alert all are folded, when the mark was set, and until when quarters were judged."""

    settled_id: int
    mark_at: datetime | None
    judged_until: datetime | None


async def progress(tx: Reads) -> CountProgress:
    row = await tx.row("select settled_id, mark_at, judged_until from anomaly_progress")
    assert row
    return CountProgress(*row)


async def newest_id(tx: Reads) -> int:
    """Return the id of the newest alert, 0 if there is none."""
    newest: int = await tx.value("select coalesce(max(id), 0) from alert")
    return newest


async def save_mark(tx: Tx, mark_id: int, mark_at: datetime) -> None:
    """Remember the newest alert at an instant."""
    await tx.execute("update anomaly_progress set mark_id = $1, mark_at = $2", mark_id, mark_at)


async def save_judged(tx: Tx, until: datetime | None) -> None:
    """Remember until when quarters were judged."""
    await tx.execute("update anomaly_progress set judged_until = $1", until)


async def fold(tx: Tx, since: datetime, limit: int) -> bool:
    """Fold a batch of the alerts up to the mark, those that began since an instant; return True if more are left."""
    folded: int = await tx.value(
        f"""
        with batch as materialized (
            select id, integration_id, dedup_key, routed_service_id, labels, title, starts_at, count
            from alert
            where id > (select settled_id from anomaly_progress)
                and id <= (select mark_id from anomaly_progress)
            order by id
            limit $2
        ),
        counted as (
            {_COUNTED}
        ),
        ranked as (
            select
                *,
                row_number() over (
                    partition by service_id, quarter, is_total
                    order by alerts desc, rule
                ) as place
            from counted
            where quarter >= $1
        ),
        saved as (
            insert into anomaly_count as stored (service_id, rule, quarter, alerts)
            select service_id, rule, quarter, alerts
            from ranked
            where is_total
                or (place <= {RULES_MAX} and rule <> '')
            on conflict (service_id, rule, quarter) do update
            set alerts = stored.alerts + excluded.alerts
        ),
        advanced as (
            update anomaly_progress
            set settled_id = case
                when (select count(*) from batch) < $2 then greatest(mark_id, settled_id)
                else (select max(id) from batch)
            end
        )
        select count(*) from batch
        """,
        since,
        limit,
    )
    return folded == limit


async def add_counts(tx: Tx, key: SeriesKey, counts: Quarters) -> None:
    """Add to the folded counts of one series, for a demo whose alerts are not stored."""
    await tx.execute(
        """
        insert into anomaly_count as stored (service_id, rule, quarter, alerts)
        select $1, $2, added.quarter, added.alerts
        from unnest($3::timestamptz[], $4::int[]) as added (quarter, alerts)
        where added.alerts > 0
        on conflict (service_id, rule, quarter) do update
        set alerts = stored.alerts + excluded.alerts
        """,
        *key,
        [start_of(quarter, BinSize.QUARTER) for quarter in counts],
        list(counts.values()),
    )


async def unfolded(tx: Reads, settled_id: int) -> dict[SeriesKey, Quarters]:
    """Return the counts of the alerts after an id."""
    rows = await tx.fetch(
        f"""
        with batch as materialized (
            select integration_id, dedup_key, routed_service_id, labels, title, starts_at, count
            from alert
            where id > $1
            order by id desc
            limit {UNFOLDED_MAX}
        )
        {_COUNTED}
        """,
        settled_id,
    )
    counts: dict[SeriesKey, Quarters] = {}
    for row in rows:
        if row["is_total"] or row["rule"]:
            quarter = bin_of(row["quarter"], BinSize.QUARTER)
            counts.setdefault((row["service_id"], row["rule"]), {})[quarter] = row["alerts"]
    return counts


def add(into: Quarters, more: Mapping[int, int]) -> Quarters:
    """Return the sum of two series of counts."""
    return {**into, **{quarter: into.get(quarter, 0) + alerts for quarter, alerts in more.items()}}


async def quarters(tx: Reads, key: SeriesKey, since: datetime) -> Quarters:
    """Return the folded counts of one series since an instant."""
    rows = await tx.fetch(
        """
        select quarter, alerts
        from anomaly_count
        where service_id = $1
            and rule = $2
            and quarter >= $3
        """,
        *key,
        since,
    )
    return {bin_of(row["quarter"], BinSize.QUARTER): row["alerts"] for row in rows}


async def at_quarters(
    tx: Reads, keys: Sequence[SeriesKey], starts: Sequence[datetime]
) -> dict[SeriesKey, Quarters]:
    """Return the folded counts of many series in some quarters."""
    rows = await tx.fetch(
        """
        select counted.service_id, counted.rule, counted.quarter, counted.alerts
        from unnest($1::bigint[], $2::text[]) as wanted (service_id, rule)
        join anomaly_count counted on counted.service_id = wanted.service_id
            and counted.rule = wanted.rule
            and counted.quarter = any($3::timestamptz[])
        """,
        [service_id for service_id, _ in keys],
        [rule for _, rule in keys],
        list(starts),
    )
    counts: dict[SeriesKey, Quarters] = {key: {} for key in keys}
    for row in rows:
        counts[row["service_id"], row["rule"]][bin_of(row["quarter"], BinSize.QUARTER)] = row["alerts"]
    return counts


async def begin_times(tx: Reads, keys: Sequence[SeriesKey]) -> dict[SeriesKey, datetime]:
    """Return when the folded counts of each series begin; a series without any has no entry."""
    rows = await tx.fetch(
        """
        select wanted.service_id, wanted.rule, earliest.quarter
        from unnest($1::bigint[], $2::text[]) as wanted (service_id, rule)
        cross join lateral (
            select quarter
            from anomaly_count
            where anomaly_count.service_id = wanted.service_id
                and anomaly_count.rule = wanted.rule
            order by quarter
            limit 1
        ) earliest
        """,
        [service_id for service_id, _ in keys],
        [rule for _, rule in keys],
    )
    return {(row["service_id"], row["rule"]): row["quarter"] for row in rows}


async def totals(tx: Reads, since: datetime) -> dict[int, int]:
    """Return the number of folded alerts of each service since an instant."""
    rows = await tx.fetch(
        """
        select service_id, sum(alerts)::int as alerts
        from anomaly_count
        where rule = ''
            and quarter >= $1
        group by service_id
        """,
        since,
    )
    return {row["service_id"]: row["alerts"] for row in rows}


async def rules(tx: Reads, service_id: int, since: datetime, limit: int) -> list[tuple[str, int]]:
    """Return the rules of a service that fired most often since an instant, with the numbers of their alerts."""
    rows = await tx.fetch(
        """
        select rule, sum(alerts)::int as alerts
        from anomaly_count
        where service_id = $1
            and rule <> ''
            and quarter >= $2
        group by rule
        order by alerts desc, rule
        limit $3
        """,
        service_id,
        since,
        limit,
    )
    return [(row["rule"], row["alerts"]) for row in rows]


async def insert_gap(tx: Tx, gap: Interval) -> None:
    """Store an interval in which counts are missing."""
    await tx.execute(
        """
        insert into anomaly_gap (starts_at, ends_at)
        values ($1, $2)
        on conflict do nothing
        """,
        *gap,
    )


async def gaps(tx: Reads, since: datetime) -> list[Interval]:
    """Return the intervals without counts that end after an instant."""
    rows = await tx.fetch(
        """
        select starts_at, ends_at
        from anomaly_gap
        where ends_at > $1
        order by starts_at
        """,
        since,
    )
    return [Interval(*row) for row in rows]


async def delete_counts(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest counts; return their number."""
    return await tx.changed(
        """
        delete from anomaly_count
        where (service_id, rule, quarter) in (
            select service_id, rule, quarter
            from anomaly_count
            where quarter < $1
            order by quarter
            limit $2
        )
        """,
        before,
        limit,
    )


async def delete_gaps(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest gaps; return their number."""
    return await tx.changed(
        """
        delete from anomaly_gap
        where starts_at in (
            select starts_at
            from anomaly_gap
            where starts_at < $1
            order by starts_at
            limit $2
        )
        """,
        before,
        limit,
    )


RETENTIONS = (
    Retention(
        "anomaly_count",
        KEPT_DAYS,
        by_index(delete_counts),
        label="Alert counts for anomalies",
        count=count_rows(
            """
            select
            from anomaly_count
            where quarter < $1
            limit $2
            """
        ),
    ),
    Retention(
        "anomaly_gap",
        KEPT_DAYS,
        by_index(delete_gaps),
        label="Gaps in alert counts",
        count=count_rows(
            """
            select
            from anomaly_gap
            where starts_at < $1
            limit $2
            """
        ),
    ),
)
