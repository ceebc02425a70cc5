"""The SQL that deletes the outcome of old mails."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

RECEIPT_DAYS = 30


async def delete_receipts(tx: Tx, before: datetime, limit: int) -> int:
    """Delete the oldest receipts; return their number."""
    return await tx.changed(
        """
        delete from mail_receipt
        where id in (
            select id
            from mail_receipt
            where received_at < $1
            order by received_at
            limit $2
        )
        """,
        before,
        limit,
    )


count_receipts = count_rows(
    """
    select
    from mail_receipt
    where received_at < $1
    limit $2
    """
)

RETENTIONS = (
    # a server delivers a mail again for days, and then it must still be known
    Retention(
        "mail_receipt",
        RECEIPT_DAYS,
        by_index(delete_receipts),
        setting="messages",
        least_days=7,
        label="Received mails",
        count=count_receipts,
    ),
)
