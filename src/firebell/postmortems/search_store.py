"""The SQL that searches post-mortems."""

from firebell.kit.db.database import Reads


async def states(tx: Reads, tsquery: str, limit: int) -> dict[int, str]:
    """Return the state of each post-mortem that matches, by the id of its incident, newest first.

    `+ 0` keeps the planner from reading all post-mortems in the order of incidents.
    """
    rows = await tx.fetch(
        """
        select incident_id, state
        from postmortem
        where search_vector(body) @@ to_tsquery('simple', $1)
        order by incident_id + 0 desc
        limit $2
        """,
        tsquery,
        limit,
    )
    return {row["incident_id"]: row["state"] for row in rows}
