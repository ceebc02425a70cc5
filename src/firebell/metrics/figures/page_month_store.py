"""The SQL of monthly totals, which the worker computes, and of the facts outside whole months."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

from firebell.kit.calendar_periods import next_month
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx
from firebell.metrics.figures import page_totals
from firebell.metrics.figures.page_totals import PageGroup, PageMonth, PageTotals, month_start

_COUNTED = "page_fact.urgency = 'high' and page_fact.excluded is null"
_PARTS = """unnest($1::timestamptz[], $2::timestamptz[]) part (low, high)
        join page_fact on page_fact.triggered_at >= part.low and page_fact.triggered_at < part.high"""

GROUP_COLUMNS = """
            page_fact.hour,
            page_fact.rule,
            count(*) as pages,
            count(page_fact.night) as nights,
            count(*) filter (where page_fact.is_noise) as noise"""
"""The columns of a `PageGroup`."""
GROUPED = "group by grouping sets ((page_fact.hour), (page_fact.rule))"


async def next_missing(tx: Tx, now: datetime) -> date | None:
    """Return the latest month that is over, has facts and no totals; None if there is none."""
    month: date | None = await tx.value(
        """
        select series.month::date
        from (select min(triggered_at) at time zone 'UTC' as first from page_fact) oldest
        cross join generate_series(
            date_trunc('month', oldest.first),
            date_trunc('month', $1::timestamptz at time zone 'UTC') - interval '1 month',
            interval '1 month'
        ) series (month)
        left join page_month on page_month.month = series.month::date
        where page_month.month is null
        order by series.month desc
        limit 1
        """,
        now,
    )
    return month


async def save(tx: Tx, month: date) -> None:
    """Compute and store the totals of a month; a deletion of its facts waits, and deletes the totals again."""
    await tx.execute("lock table page_month in row exclusive mode")
    await tx.execute(
        f"""
        with fact as materialized (
            select hour, rule, night, is_noise, woken
            from page_fact
            where {_COUNTED}
                and triggered_at >= $2
                and triggered_at < $3
        ),
        later_night as (
            select distinct night
            from page_fact
            where night > (triggered_at at time zone 'UTC')::date
                and night >= $1
        ),
        by_hour as (
            select hour, count(*) as pages, count(night) as nights
            from fact
            group by hour
        ),
        by_rule as (
            select rule, count(*) as pages, count(night) as nights, count(*) filter (where is_noise) as noise
            from fact
            where rule <> ''
            group by rule
        ),
        by_night as (
            select
                woken.person_id,
                fact.night,
                count(*) as pages,
                fact.night = any($4::date[]) or fact.night in (select night from later_night) as is_shared
            from fact
            cross join unnest(fact.woken) woken (person_id)
            where fact.night is not null
            group by woken.person_id, fact.night
        ),
        by_pages as (
            select pages, count(*) as nights
            from by_night
            where not is_shared
            group by pages
        )
        insert into page_month (month, hours, rules, noise, nights, shared_nights)
        select
            $1,
            coalesce((select jsonb_object_agg(hour, jsonb_build_array(pages, nights)) from by_hour), '{{}}'),
            coalesce(
                (select jsonb_object_agg(rule, jsonb_build_array(pages, nights, noise)) from by_rule), '{{}}'
            ),
            (select count(*) from fact where is_noise),
            coalesce((select jsonb_object_agg(pages, nights) from by_pages), '{{}}'),
            coalesce(
                (
                    select jsonb_agg(jsonb_build_array(person_id, night, pages))
                    from by_night
                    where is_shared
                ),
                '[]'
            )
        on conflict (month) do nothing
        """,
        month,
        month_start(month),
        month_start(next_month(month)),
        [month - timedelta(days=1), next_month(month) - timedelta(days=1)],
    )


async def forget(tx: Tx, changed: Iterable[tuple[datetime, date | None]]) -> None:
    """Delete the totals of the months whose pages changed, by when these were triggered and their nights."""
    await tx.execute(
        "delete from page_month where month = any($1::date[])", list(page_totals.months_of(changed))
    )


async def forget_before(tx: Tx, before: datetime) -> None:
    """Delete the totals of months that began before an instant, whose facts are deleted next."""
    await tx.execute("lock table page_month in exclusive mode")
    await tx.execute("delete from page_month where month < ($1::timestamptz at time zone 'UTC')", before)


async def months(tx: Tx, start: datetime, end: datetime) -> list[PageMonth]:
    """Return the totals of the whole months of a period, in order; months without totals are missing."""
    rows = await tx.fetch(
        """
        select month, hours, rules, noise, nights, shared_nights
        from page_month
        where month >= ($1::timestamptz at time zone 'UTC')
            and month + interval '1 month' <= ($2::timestamptz at time zone 'UTC')
        order by month
        """,
        start,
        end,
    )
    return [PageMonth(**dict(row)) for row in rows]


async def by_hour_and_rule(tx: Tx, start: datetime, end: datetime) -> PageTotals:
    """Return all urgent pages of a period by hour of the week and by rule."""
    whole = await months(tx, start, end)
    rows = await tx.fetch(
        f"""
        select {GROUP_COLUMNS}
        from {_PARTS}
        where {_COUNTED}
        {GROUPED}
        """,
        *_around(start, end, whole),
    )
    return page_totals.by_hour_and_rule(whole, [PageGroup(**dict(row)) for row in rows])


async def nights(tx: Tx, start: datetime, end: datetime) -> dict[int, int]:
    """Return how many nights of a person had each number of urgent pages that woke them."""
    whole = await months(tx, start, end)
    rows = await tx.fetch(
        f"""
        select woken.person_id, page_fact.night, count(*) as pages
        from {_PARTS}
        cross join unnest(page_fact.woken) woken (person_id)
        where {_COUNTED}
            and page_fact.night is not null
        group by woken.person_id, page_fact.night
        """,
        *_around(start, end, whole),
    )
    return page_totals.by_night(whole, [(r["person_id"], r["night"], r["pages"]) for r in rows])


def _around(start: datetime, end: datetime, whole: Sequence[PageMonth]) -> list[list[datetime]]:
    return transpose(page_totals.gaps(start, end, [each.month for each in whole]), 2)
