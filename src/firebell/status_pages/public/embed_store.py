"""The SQL of the websites that may show a status page in a frame."""

from collections.abc import Sequence

from firebell.kit.db.database import Reads, Tx


async def origins(tx: Reads, page_id: int) -> list[str]:
    """Return the websites that may show a status page in a frame, by name."""
    rows = await tx.fetch(
        """
        select origin
        from status_page_embed_origin
        where status_page_id = $1
        order by origin
        """,
        page_id,
    )
    return [row["origin"] for row in rows]


async def set_origins(tx: Tx, page_id: int, origins: Sequence[str]) -> None:
    """Replace the websites that may show a status page in a frame."""
    await tx.execute(
        """
        delete from status_page_embed_origin
        where status_page_id = $1
            and origin <> all($2::text[])
        """,
        page_id,
        list(origins),
    )
    await tx.execute(
        """
        insert into status_page_embed_origin (status_page_id, origin)
        select $1, origin
        from unnest($2::text[]) as chosen (origin)
        on conflict do nothing
        """,
        page_id,
        list(origins),
    )
