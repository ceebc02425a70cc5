"""The SQL that deletes what is known about the messages of old pages."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows


async def delete_page_objects(tx: Tx, before: datetime, limit: int) -> int:
    """Delete what is known of messages about pages that were last touched before an instant."""
    return await tx.changed(
        """
        delete from chat_object
        where (account_id, object_key) in (
            select account_id, object_key
            from chat_object
            where (target like 'pg-%' or target like 'storm@%')
                and attempt_at < $1
            limit $2
        )
        """,
        before,
        limit,
    )


async def delete_page_wants(tx: Tx, before: datetime, limit: int) -> int:
    """Delete comparisons of pages that were last changed before an instant."""
    return await tx.changed(
        """
        delete from chat_want
        where (account_id, target) in (
            select account_id, target
            from chat_want
            where (target like 'pg-%' or target like 'storm@%')
                and due_at is null
                and dirty_at < $1
            limit $2
        )
        """,
        before,
        limit,
    )


count_page_objects = count_rows(
    """
    select
    from chat_object
    where (target like 'pg-%' or target like 'storm@%')
        and attempt_at < $1
    limit $2
    """
)


count_page_wants = count_rows(
    """
    select
    from chat_want
    where (target like 'pg-%' or target like 'storm@%')
        and due_at is null
        and dirty_at < $1
    limit $2
    """
)


RETENTIONS = (
    Retention(
        "chat_object",
        90,
        by_index(delete_page_objects),
        label="Messages about pages in chats",
        count=count_page_objects,
    ),
    Retention(
        "chat_want",
        90,
        by_index(delete_page_wants),
        label="Comparisons of pages with chats",
        count=count_page_wants,
    ),
)
