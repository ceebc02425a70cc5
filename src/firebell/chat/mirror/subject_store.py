"""The SQL that reads what chats show of incidents and pages."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from firebell.chat.facts import EntryFact
from firebell.kit.db.database import Reads


async def entries(tx: Reads, account_id: int, incident_id: int, limit: int, latest: int) -> list[EntryFact]:
    """Return the entries of an incident that this chat does not have, oldest first, and the latest ones."""
    rows = await tx.fetch(
        """
        with wanted as (
            (
                select entry.id
                from timeline_entry entry
                left join chat_object
                    on chat_object.account_id = $1
                    and chat_object.object_key = 'inc-' || $2::bigint || '/e-' || entry.id
                where entry.incident_id = $2
                    and (chat_object.state is null or chat_object.state not in ('sent', 'dead'))
                order by entry.id
                limit $3
            )
            union
            (
                select id
                from timeline_entry
                where incident_id = $2
                order by id desc
                limit $4
            )
        )
        select id, at, kind, actor, text, coalesce(data -> 'origin' ->> 'channel', '') as origin
        from timeline_entry
        where id in (select id from wanted)
        order by id
        """,
        account_id,
        incident_id,
        limit,
        latest,
    )
    return [EntryFact(**dict(row)) for row in rows]


async def updates(tx: Reads, incident_id: int, limit: int) -> list[EntryFact]:
    """Return the newest updates of an incident, oldest first."""
    rows = await tx.fetch(
        """
        select id, at, kind, actor, text, '' as origin
        from timeline_entry
        where incident_id = $1 and kind = 'update'
        order by id desc
        limit $2
        """,
        incident_id,
        limit,
    )
    return [EntryFact(**dict(row)) for row in reversed(rows)]


class TimelineTimes(NamedTuple):
    """When an incident's timeline began, and when its phase and anything on it last changed; None for never."""

    began_at: datetime | None
    phase_at: datetime | None
    changed_at: datetime | None


async def timeline_times(tx: Reads, incident_id: int) -> TimelineTimes:
    """Return when the timeline of an incident began and last changed."""
    row = await tx.row(
        """
        select
            min(at) as began_at,
            max(at) filter (where kind = 'phase') as phase_at,
            max(at) as changed_at
        from timeline_entry
        where incident_id = $1
        """,
        incident_id,
    )
    assert row
    return TimelineTimes(**dict(row))


async def is_private(tx: Reads, incident_id: int) -> bool:
    """Return True if an incident may be seen only by its responders."""
    return bool(
        await tx.value(
            """
            select coalesce(to_jsonb(incident) ->> 'visibility', 'open') = 'private'
                or coalesce((to_jsonb(incident) ->> 'private')::boolean, false)
            from incident
            where id = $1
            """,
            incident_id,
        )
    )


async def private_pages(tx: Reads, page_ids: Sequence[int]) -> set[int]:
    """Return the pages that belong to a private incident."""
    rows = await tx.fetch(
        """
        select page_id
        from incident_page
        join incident on incident.id = incident_page.incident_id
        where page_id = any($1::bigint[])
            and (
                coalesce(to_jsonb(incident) ->> 'visibility', 'open') = 'private'
                or coalesce((to_jsonb(incident) ->> 'private')::boolean, false)
            )
        """,
        list(page_ids),
    )
    return {row["page_id"] for row in rows}
