"""The SQL that reads the audit log."""

from firebell.kit.db.database import Row, Tx


async def audit_entries(tx: Tx, before: int | None, limit: int) -> list[Row]:
    """Return audit entries with an id lower than `before`, newest first."""
    return await tx.fetch(
        """
        select id, at, actor_label, action, subject, detail
        from audit
        where $1::bigint is null or id < $1
        order by id desc
        limit $2
        """,
        before,
        limit,
    )
