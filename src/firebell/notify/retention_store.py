"""The SQL that deletes old notices and messages; messages about pages are deleted with their page."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import (
    BATCH_ROWS,
    Retention,
    WaitingRows,
    by_index,
    next_cursor,
)
from firebell.kit.jobs.retention_store import count_rows
from firebell.notify.model import BUNDLE_KIND, SubjectKind

NOTICE_DAYS = 90
REPLY_CODE_DAYS = 7
"""How long a reply code means the page that it was given to after its last message, and longer if that is open."""
_IS_OPEN = f"""
    (
        exists (
            select
            from subject_plan plan
            where plan.subject_kind = reply_code.subject_kind
                and plan.subject_id = reply_code.subject_id
                and plan.is_open
        )
        or (
            reply_code.subject_kind = '{BUNDLE_KIND}'
            and exists (
                select
                from delivery
                join subject_plan plan on plan.subject_kind = delivery.subject_kind
                    and plan.subject_id = delivery.subject_id
                where delivery.bundle_id = reply_code.subject_id
                    and plan.is_open
            )
        )
    )
"""
"""True while a page of the code is open: it would acknowledge another one."""
_HAS_NEWER = """
    exists (
        select
        from reply_code newer
        where newer.person_id = reply_code.person_id
            and (newer.added_at, newer.code) > (reply_code.added_at, reply_code.code)
    )
"""
"""True unless it is the latest code of its person, from which the next ones continue."""


async def prune_notices(tx: Tx, before: datetime, cursor: int) -> int | None:
    """Delete a batch of notices, whose ids are in the order of their time."""
    rows = await tx.fetch(
        """
        with oldest as materialized (
            select id, created_at
            from notice
            where id > $2
            order by id
            limit $3
        ),
        deleted as (
            delete from notice
            where id in (select id from oldest where created_at < $1)
                and not exists (
                    select
                    from delivery
                    where delivery.subject_kind = $4
                        and delivery.subject_id = notice.id
                )
        )
        select id, created_at >= $1 as is_kept
        from oldest
        order by id
        """,
        before,
        cursor,
        BATCH_ROWS,
        SubjectKind.NOTICE,
    )
    return next_cursor(rows, BATCH_ROWS)


async def delete_deliveries(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest messages that are not about pages and have an outcome; return their number."""
    return await tx.changed(
        """
        delete from delivery
        where id in (
            select id
            from delivery
            where subject_kind <> 'page'
                and state in ('accepted', 'failed', 'void')
                and created_at < $1
            order by created_at
            limit $2
        )
        """,
        before,
        limit,
    )


async def delete_reply_codes(tx: Tx, before: datetime, limit: int) -> int:
    """Delete reply codes that no message has had since an instant; return their number.

    Codes of what is open stay, and so does the latest code of each person.
    """
    return await tx.changed(
        f"""
        delete from reply_code
        where (person_id, code) in (
            select person_id, code
            from reply_code
            where given_at < $1
                and {_HAS_NEWER}
                and not {_IS_OPEN}
            order by given_at
            limit $2
        )
        """,
        before,
        limit,
    )


async def count_notices(tx: Tx, before: datetime, limit: int) -> WaitingRows:
    """Count the notices among the oldest ones that `prune_notices` would delete."""
    row = await tx.row(
        """
        select
            count(*) filter (
                where created_at < $1
                    and not exists (
                        select
                        from delivery
                        where delivery.subject_kind = $3
                            and delivery.subject_id = oldest.id
                    )
            ) as rows,
            count(*) = $2 and max(created_at) < $1 as has_more
        from (
            select id, created_at
            from notice
            order by id
            limit $2
        ) oldest
        """,
        before,
        limit,
        SubjectKind.NOTICE,
    )
    assert row
    return WaitingRows(*row)


count_deliveries = count_rows(
    """
    select
    from delivery
    where subject_kind <> 'page'
        and state in ('accepted', 'failed', 'void')
        and created_at < $1
    limit $2
    """
)

count_reply_codes = count_rows(
    f"""
    select
    from reply_code
    where given_at < $1
        and {_HAS_NEWER}
        and not {_IS_OPEN}
    limit $2
    """
)


RETENTIONS = (
    Retention(
        "delivery",
        NOTICE_DAYS,
        by_index(delete_deliveries),
        setting="notices",
        with_tables=("delivery_receipt", "retraction"),
        label="Messages that are not about a page",
        count=count_deliveries,
    ),
    Retention(
        "reply_code",
        REPLY_CODE_DAYS,
        by_index(delete_reply_codes),
        label="Codes of replies",
        count=count_reply_codes,
    ),
    Retention("notice", NOTICE_DAYS, prune_notices, setting="notices", label="Notices", count=count_notices),
)
