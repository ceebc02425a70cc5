"""The SQL of who writes in which section of a document."""

from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.postmortems.model import Presence


async def note(tx: Tx, postmortem_id: int, person_id: int, section: str, now: datetime) -> bool:
    """Note where a person writes; return True if that is another section than a minute ago, or the first."""
    moved: bool = await tx.value(
        """
        with earlier as (
            select section
            from postmortem_presence
            where postmortem_id = $1
                and person_id = $2
                and at > $4::timestamptz - interval '1 minute'
        ),
        stored as (
            insert into postmortem_presence (postmortem_id, person_id, section, at)
            values ($1, $2, $3, $4)
            on conflict (postmortem_id, person_id) do update
            set section = excluded.section,
                at = excluded.at
        )
        select coalesce((select section <> $3 from earlier), true)
        """,
        postmortem_id,
        person_id,
        section,
        now,
    )
    return moved


async def leave(tx: Tx, postmortem_id: int, person_id: int) -> bool:
    """Remove a person from a document and return True; return False if the person was not there."""
    removed = await tx.changed(
        """
        delete from postmortem_presence
        where postmortem_id = $1
            and person_id = $2
        """,
        postmortem_id,
        person_id,
    )
    return removed == 1


async def present(tx: Tx, postmortem_id: int, since: datetime) -> list[Presence]:
    """Return who wrote in a document after an instant, in the order of their names."""
    rows = await tx.fetch(
        """
        select presence.person_id, person.name, presence.section, presence.at
        from postmortem_presence presence
        join person on person.id = presence.person_id
        where presence.postmortem_id = $1
            and presence.at > $2
        order by person.name, person.id
        """,
        postmortem_id,
        since,
    )
    return [Presence(**dict(row)) for row in rows]


async def delete_before(tx: Tx, before: datetime, limit: int) -> int:
    """Delete what was noted before an instant; return the number of rows."""
    return await tx.changed(
        """
        delete from postmortem_presence
        where (postmortem_id, person_id) in (
            select postmortem_id, person_id
            from postmortem_presence
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


count_before = count_rows(
    """
    select
    from postmortem_presence
    where at < $1
    limit $2
    """
)

RETENTION = Retention(
    "postmortem_presence",
    1,
    by_index(delete_before),
    label="Who wrote in a post-mortem",
    count=count_before,
)
