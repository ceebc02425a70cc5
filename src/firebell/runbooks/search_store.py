"""The SQL that searches an organization's own runbooks."""

from firebell.kit.db.database import Reads


async def bodies(tx: Reads, tsquery: str, limit: int) -> dict[str, str]:
    """Return the text of each own runbook that matches, by slug."""
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
    """Return the slugs of default runbooks that the organization replaced or hid, and of its own."""
    return {row["slug"] for row in await tx.fetch("select slug from runbook")}
