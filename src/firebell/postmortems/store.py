"""The SQL of post-mortems."""

from datetime import datetime

from firebell.kit.db import Tx
from firebell.postmortems.model import Postmortem

_COLUMNS = "id, incident_id, body, state, due_at, author_id, created_at, updated_at, published_at, version"


async def insert(
    tx: Tx, incident_id: int, body: str, due_at: datetime, author_id: int | None, now: datetime
) -> bool:
    """Insert a draft unless the incident has one; say whether it was inserted."""
    done = await tx.execute(
        "insert into postmortem (incident_id, body, state, due_at, author_id, created_at, updated_at)"
        " values ($1, $2, 'draft', $3, $4, $5, $5) on conflict (incident_id) do nothing",
        incident_id,
        body,
        due_at,
        author_id,
        now,
    )
    return done.endswith("1")


async def of_incident(tx: Tx, incident_id: int) -> Postmortem | None:
    row = await tx.row(f"select {_COLUMNS} from postmortem where incident_id = $1", incident_id)
    return Postmortem(*row.values()) if row else None


async def postmortems(tx: Tx) -> list[Postmortem]:
    """Return the documents, those that are owed first, by due time."""
    rows = await tx.fetch(
        f"select {_COLUMNS} from postmortem order by state = 'published', due_at desc limit 500"
    )
    return [Postmortem(*row.values()) for row in rows]


async def newest(tx: Tx, before: int | None, limit: int) -> list[Postmortem]:
    """Return the documents of incidents with a lower number than `before`, the newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from postmortem
        where $1::bigint is null or incident_id < $1
        order by incident_id desc
        limit $2
        """,
        before,
        limit,
    )
    return [Postmortem(*row.values()) for row in rows]


async def save(tx: Tx, incident_id: int, body: str, version: int, now: datetime) -> bool:
    """Write the body if nobody wrote since `version`."""
    done = await tx.execute(
        "update postmortem set body = $2, updated_at = $4, version = version + 1"
        " where incident_id = $1 and version = $3",
        incident_id,
        body,
        version,
        now,
    )
    return done == "UPDATE 1"


async def unpublish(tx: Tx, incident_id: int, version: int) -> bool:
    """Make a published document a draft again; return False if it is not this version, published."""
    done = await tx.execute(
        """
        update postmortem
        set state = 'draft',
            published_at = null,
            version = version + 1
        where incident_id = $1
          and state = 'published'
          and version = $2
        """,
        incident_id,
        version,
    )
    return done == "UPDATE 1"


async def publish(tx: Tx, incident_id: int, now: datetime) -> bool:
    """Mark a document as published; say whether it was not before."""
    done = await tx.execute(
        "update postmortem set state = 'published', published_at = $2, version = version + 1"
        " where incident_id = $1 and state <> 'published'",
        incident_id,
        now,
    )
    return done == "UPDATE 1"
