"""The SQL that deletes old pages, used links, and mail threads of ended pages."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, WaitingRows, by_index, next_cursor
from firebell.kit.jobs.retention_store import count_rows
from firebell.notify import actions as notify

USED_LINK_DAYS = 7
"""Longer than a link or an action that a browser kept can be used: 24 hours and 30 minutes."""
MAIL_THREAD_DAYS = 30
"""Age of a page's end from which no email joins its conversation."""
PAGES_PER_BATCH = 200
"""Number of pages that a transaction reads at most: each has a log and messages, which are deleted with it."""


async def delete_used_links(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the links that were used before an instant; return their number."""
    return await tx.changed(
        """
        delete from used_link
        where id in (
            select id
            from used_link
            where used_at < $1
            order by used_at
            limit $2
        )
        """,
        before,
        limit,
    )


async def delete_mail_threads(tx: Tx, resolved_before: datetime, limit: int) -> int:
    """Delete mail threads of pages that were resolved before an instant; return their number."""
    rows = await tx.fetch(
        """
        select thread
        from mail_thread
        join page on page.id = substring(thread from '^PG-([0-9]+)')::bigint
        where page.resolved_at < $1
        limit $2
        """,
        resolved_before,
        limit,
    )
    await notify.forget_mail_threads(tx, [row["thread"] for row in rows])
    return len(rows)


async def prune_pages(tx: Tx, before: datetime, cursor: int) -> int | None:
    """Delete a batch of resolved pages with their log, owners and messages; those of an incident stay."""
    rows = await tx.fetch(
        """
        with oldest as materialized (
            select id, triggered_at, resolved_at
            from page
            where id > $2
            order by id
            limit $3
        ),
        unneeded as (
            select page.id
            from page
            join oldest on oldest.id = page.id
            where oldest.resolved_at < $1
                and page.state = 'resolved'
                and not exists (
                    select
                    from page_incident
                    where page_incident.page_id = oldest.id
                )
            for update of page skip locked
        ),
        deleted as (
            delete from page
            where id in (select id from unneeded)
        )
        select id, triggered_at >= $1 as is_kept
        from oldest
        order by id
        """,
        before,
        cursor,
        PAGES_PER_BATCH,
    )
    return next_cursor(rows, PAGES_PER_BATCH)


count_used_links = count_rows(
    """
    select
    from used_link
    where used_at < $1
    limit $2
    """
)


count_mail_threads = count_rows(
    """
    select
    from mail_thread
    join page on page.id = substring(thread from '^PG-([0-9]+)')::bigint
    where page.resolved_at < $1
    limit $2
    """
)


async def count_pages(tx: Tx, before: datetime, limit: int) -> WaitingRows:
    """Count the pages among the oldest ones that `prune_pages` would delete."""
    row = await tx.row(
        """
        select
            count(*) filter (
                where oldest.resolved_at < $1
                    and oldest.state = 'resolved'
                    and not exists (
                        select
                        from page_incident
                        where page_incident.page_id = oldest.id
                    )
            ) as rows,
            count(*) = $2 and max(triggered_at) < $1 as has_more
        from (
            select triggered_at, id, state, resolved_at
            from page
            order by id
            limit $2
        ) oldest
        """,
        before,
        limit,
    )
    assert row
    return WaitingRows(*row)


RETENTIONS = (
    Retention(
        "page",
        400,
        prune_pages,
        setting="pages",
        # a month is reported once it is over, and emails of a page join its conversation for 30 days
        least_days=62,
        with_tables=("page_log", "page_owner", "page_vote", "manual_page"),
        label="Resolved pages",
        count=count_pages,
    ),
    Retention(
        "used_link",
        USED_LINK_DAYS,
        by_index(delete_used_links),
        label="Used acknowledgment links",
        count=count_used_links,
    ),
    Retention(
        "mail_thread",
        MAIL_THREAD_DAYS,
        by_index(delete_mail_threads),
        label="Email conversations of pages",
        count=count_mail_threads,
    ),
)
