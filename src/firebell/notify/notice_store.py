"""The SQL of notices."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Tx
from firebell.notify.model import Notice


async def insert_notices(tx: Tx, notices: Sequence[Notice], now: datetime) -> list[tuple[int, Notice]]:
    """Insert the notices whose key is new and return them with their ids."""
    rows = await tx.fetch(
        """
        insert into notice (key, person_id, kind, urgency, title, note, link, incident_id, created_at)
        select key, person_id, kind, urgency, title, note, link, incident_id, $1
        from unnest(
            $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[]
        ) new_notice (key, person_id, kind, urgency, title, note, link, incident_id)
        on conflict (key) do nothing
        returning id, key
        """,
        now,
        *transpose(
            (
                (n.key, n.person_id, n.kind, n.urgency, n.title, n.note, n.link, n.incident_id)
                for n in notices
            ),
            8,
        ),
    )
    ids = {row["key"]: row["id"] for row in rows}
    return [(ids[notice.key], notice) for notice in notices if notice.key in ids]


async def notices_by_id(tx: Tx, notice_ids: Sequence[int]) -> dict[int, Notice]:
    """Return the notices by id."""
    rows = await tx.fetch(
        """
        select id, key, person_id, kind, title, note, link, urgency
        from notice
        where id = any($1::bigint[])
        """,
        list(notice_ids),
    )
    columns = ("key", "person_id", "kind", "title", "note", "link", "urgency")
    return {row["id"]: Notice(**{name: row[name] for name in columns}) for row in rows}


async def incidents_of(tx: Tx, notice_ids: Sequence[int]) -> dict[int, int]:
    """Return the incident that each notice names, without those that name none."""
    rows = await tx.fetch(
        """
        select id, incident_id
        from notice
        where id = any($1::bigint[])
            and incident_id <> 0
        """,
        list(notice_ids),
    )
    return {row["id"]: row["incident_id"] for row in rows}


async def readers_of_private(tx: Tx, incident_ids: Sequence[int]) -> dict[int, set[int]]:
    """Return who is involved in each of the incidents that is private; managers may read it too."""
    if not incident_ids:
        return {}
    rows = await tx.fetch(
        """
        select incident_id, readers
        from private_incident
        where incident_id = any($1::bigint[])
        """,
        list(incident_ids),
    )
    return {row["incident_id"]: set(row["readers"]) for row in rows}
