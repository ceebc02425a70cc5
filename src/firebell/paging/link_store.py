"""The SQL of the links in messages that were used."""

from datetime import datetime

from firebell.kit.db import Tx


async def use(tx: Tx, link: str, now: datetime) -> bool:
    """Mark a link as used; return False if it was used before."""
    status = await tx.execute(
        """
        insert into used_link (id, used_at)
        values ($1, $2)
        on conflict do nothing
        """,
        link,
        now,
    )
    return status.endswith("1")


async def is_used(tx: Tx, link: str) -> bool:
    """Return True if a link was used."""
    return bool(await tx.value("select exists (select from used_link where id = $1)", link))
