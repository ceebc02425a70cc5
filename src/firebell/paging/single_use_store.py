"""The SQL of used acknowledgment links and of the keys of offline actions."""

from datetime import datetime

from firebell.kit.db.database import Tx


async def use(tx: Tx, link: str, now: datetime) -> bool:
    """Mark a link as used; return False if it was used before."""
    inserted = await tx.fetch(
        """
        insert into used_link (id, used_at)
        values ($1, $2)
        on conflict do nothing
        returning id
        """,
        link,
        now,
    )
    return bool(inserted)


async def is_used(tx: Tx, link: str) -> bool:
    """Return True if a link was used."""
    return bool(await tx.value("select exists (select from used_link where id = $1)", link))
