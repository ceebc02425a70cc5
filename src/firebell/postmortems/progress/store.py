"""The SQL of what the guided steps of documents follow from."""

from collections.abc import Sequence

from firebell.kit.db.database import Row, Tx


async def unpublished(tx: Tx, postmortem_ids: Sequence[int]) -> list[Row]:
    """Return the text and the times of those documents about incidents that are not published, by id."""
    return await tx.fetch(
        """
        select
            postmortem.id,
            postmortem.body,
            postmortem.state,
            postmortem.due_at,
            incident.max_severity,
            incident.impact_start,
            coalesce(incident.closed_at, postmortem.created_at) as began_at,
            (
                select min(version.at)
                from postmortem_version version
                where version.postmortem_id = postmortem.id
                    and version.by_id is not null
            ) as first_saved_at
        from postmortem
        join incident on incident.id = postmortem.incident_id
        where postmortem.id = any($1::bigint[])
            and postmortem.state in ('draft', 'review', 'approved')
        order by postmortem.id
        """,
        list(postmortem_ids),
    )
