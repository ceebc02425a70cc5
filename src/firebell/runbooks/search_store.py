"""The SQL that searches the organization's own runbooks."""

from firebell.kit.db import Reads


async def bodies(tx: Reads, tsquery: str, limit: int) -> dict[str, str]:
    """Return the slug and the text of each own runbook that matches."""
    rows = await tx.fetch(
        """
        select slug, body
        from runbook
        where search_vector(body) @@ to_tsquery('simple', $1)
        order by slug
        limit $2
        """,
        tsquery,
        limit,
    )
    return {row["slug"]: row["body"] for row in rows}


async def replaced_slugs(tx: Reads) -> set[str]:
    """Return the slugs under which the organization replaced or removed what is shipped."""
    return {row["slug"] for row in await tx.fetch("select slug from runbook")}
