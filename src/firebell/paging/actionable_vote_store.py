"""The SQL of what people say about pages: whether they were actionable."""

from datetime import datetime

from firebell.kit.db.database import Tx


async def save(tx: Tx, page_id: int, person_id: int, is_actionable: bool, now: datetime) -> None:
    """Store the answer of a person, instead of an earlier one."""
    await tx.execute(
        """
        insert into page_vote (page_id, person_id, is_actionable, at)
        values ($1, $2, $3, $4)
        on conflict (page_id, person_id) do update
        set is_actionable = excluded.is_actionable,
            at = excluded.at
        """,
        page_id,
        person_id,
        is_actionable,
        now,
    )


async def votes(tx: Tx, page_id: int) -> dict[int, bool]:
    """Return the answers about a page by person."""
    rows = await tx.fetch(
        """
        select person_id, is_actionable
        from page_vote
        where page_id = $1
        """,
        page_id,
    )
    return {row["person_id"]: row["is_actionable"] for row in rows}
