"""The SQL that finds and deletes what nothing needs any more: used links, and mail threads of ended pages."""

from datetime import datetime

from firebell.kit.db.database import Tx

PRUNE_ROWS = 1000
"""Number of rows that one call deletes from a table at most, so that it holds locks only briefly."""


async def prune_used_links(tx: Tx, before: datetime) -> bool:
    """Delete a batch of links that were used before an instant; return True if more may be left."""
    deleted = await tx.changed(
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
        PRUNE_ROWS,
    )
    return deleted == PRUNE_ROWS


async def ended_mail_threads(tx: Tx, resolved_before: datetime) -> list[str]:
    """Return up to `PRUNE_ROWS` mail threads of pages that were resolved before an instant."""
    rows = await tx.fetch(
        """
        select thread
        from mail_thread
        join page on page.id = substring(thread from '^PG-([0-9]+)')::bigint
        where page.resolved_at < $1
        limit $2
        """,
        resolved_before,
        PRUNE_ROWS,
    )
    return [row["thread"] for row in rows]
