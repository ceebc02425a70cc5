"""The SQL that searches post-mortems."""

from collections.abc import Sequence

from firebell.kit.db.database import Reads


async def states(tx: Reads, tsquery: str, limit: int, hidden: Sequence[int]) -> dict[int, str]:
    """Return the state of each matching post-mortem by its incident's id, newest first.

    Skip documents about any incident in `hidden`.

    `+ 0` keeps the planner from reading all post-mortems in the order of incidents.
    """
    rows = await tx.fetch(
        """
        select incident_id, state
        from postmortem
        where search_vector(body) @@ to_tsquery('simple', $1)
            and incident_id is not null
            and not exists (
                select
                from postmortem_incident about
                where about.postmortem_id = postmortem.id
                    and about.incident_id = any($3::bigint[])
            )
        order by incident_id + 0 desc
        limit $2
        """,
        tsquery,
        limit,
        list(hidden),
    )
    return {row["incident_id"]: row["state"] for row in rows}
