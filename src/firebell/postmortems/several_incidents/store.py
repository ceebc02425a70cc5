"""The SQL of documents about several incidents."""

from firebell.kit.db.database import Tx
from firebell.postmortems.model import PostmortemKind


async def add(tx: Tx, postmortem_id: int, incident_id: int) -> None:
    """Let a locked document be about one more incident. Idempotent."""
    await tx.execute(
        """
        insert into postmortem_incident (postmortem_id, incident_id, is_main)
        values ($1, $2, false)
        on conflict (postmortem_id, incident_id) do nothing
        """,
        postmortem_id,
        incident_id,
    )


async def remove(tx: Tx, postmortem_id: int, incident_id: int) -> bool:
    """Remove an incident that is not the main one and return True; return False if there is none."""
    removed = await tx.changed(
        """
        delete from postmortem_incident
        where postmortem_id = $1
            and incident_id = $2
            and not is_main
        """,
        postmortem_id,
        incident_id,
    )
    return removed == 1


async def set_kind(tx: Tx, postmortem_id: int, kind: PostmortemKind) -> None:
    """Change what a locked document is about."""
    await tx.execute("update postmortem set kind = $2 where id = $1", postmortem_id, kind)


async def is_untouched(tx: Tx, postmortem_id: int) -> bool:
    """Return True for a document that was never published and about which no person wrote or decided anything.

    What they wrote or decided, such as its version for customers, would be deleted with it.
    """
    untouched: bool = await tx.value(
        """
        select published_version is null
            and asked_version is null
            and not exists (
                select
                from postmortem_version
                where postmortem_id = postmortem.id
                    and by_id is not null
            )
            and not exists (select from postmortem_comment where postmortem_id = postmortem.id)
            and not exists (select from postmortem_review where postmortem_id = postmortem.id)
            and not exists (select from postmortem_acknowledgment where postmortem_id = postmortem.id)
            and not exists (select from postmortem_distribution where postmortem_id = postmortem.id)
            and not exists (select from postmortem_external where postmortem_id = postmortem.id)
            and not exists (select from postmortem_meeting where postmortem_id = postmortem.id)
        from postmortem
        where id = $1
        """,
        postmortem_id,
    )
    return untouched


async def delete(tx: Tx, postmortem_id: int) -> None:
    """Delete a locked document that no person has worked on."""
    await tx.execute("delete from postmortem where id = $1", postmortem_id)
