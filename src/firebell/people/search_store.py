"""The SQL that searches people and teams."""

from firebell.kit.db.database import Reads


async def person_ids(tx: Reads, tsquery: str, limit: int) -> list[int]:
    """Return the active people whose name or email matches, by name."""
    rows = await tx.fetch(
        """
        select id
        from person
        where search_vector(name || ' ' || email) @@ to_tsquery('simple', $1)
            and active
        order by name, id
        limit $2
        """,
        tsquery,
        limit,
    )
    return [row["id"] for row in rows]


async def team_ids(tx: Reads, tsquery: str, limit: int) -> list[int]:
    """Return the teams whose name matches, by name."""
    rows = await tx.fetch(
        """
        select id
        from team
        where search_vector(name) @@ to_tsquery('simple', $1)
        order by name, id
        limit $2
        """,
        tsquery,
        limit,
    )
    return [row["id"] for row in rows]


async def team_names(tx: Reads, person_ids: list[int]) -> dict[int, list[str]]:
    """Return the names of the teams of each person."""
    rows = await tx.fetch(
        """
        select member.person_id, team.name
        from team_member member
        join team on team.id = member.team_id
        where member.person_id = any($1::bigint[])
        order by team.name, team.id
        """,
        person_ids,
    )
    names: dict[int, list[str]] = {i: [] for i in person_ids}
    for row in rows:
        names[row["person_id"]].append(row["name"])
    return names
