"""The SQL of timelines with their changes and attachments."""

from collections.abc import Sequence
from datetime import datetime

from firebell.incidents.model import TimelineEntry
from firebell.incidents.timeline.entry_history import (
    Attachment,
    ChangeKind,
    EntryChange,
    EntryView,
    in_force,
    views,
)
from firebell.kit.db.database import Row, Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows

_ENTRY = "id, at, effective_at, kind, actor, actor_id, text, data"
_CHANGE = "id, entry_id, kind, text, at, actor, actor_id"
_ATTACHMENT = "id, entry_id, name, media_type, size, sha256, at"


async def _entries(tx: Tx, incident_id: int) -> list[TimelineEntry]:
    rows = await tx.fetch(
        f"""
        select {_ENTRY}
        from timeline_entry
        where incident_id = $1
        order by effective_at, id
        """,
        incident_id,
    )
    return [TimelineEntry(**dict(row)) for row in rows]


async def _changes(tx: Tx, incident_id: int) -> list[EntryChange]:
    rows = await tx.fetch(
        f"""
        select {_CHANGE}
        from timeline_change
        where incident_id = $1
        order by id
        """,
        incident_id,
    )
    return [_change(row) for row in rows]


def _change(row: Row) -> EntryChange:
    values = dict(row)
    return EntryChange(**{**values, "kind": ChangeKind(values["kind"])})


async def timeline(tx: Tx, incident_id: int) -> list[TimelineEntry]:
    """Return the timeline in force, oldest entry first: latest texts, without struck entries."""
    return in_force(await _entries(tx, incident_id), await _changes(tx, incident_id))


async def timelines(
    tx: Tx, ids: Sequence[int], kinds: Sequence[str] | None = None
) -> dict[int, list[TimelineEntry]]:
    """Return the timelines in force of several incidents, oldest entry first; with `kinds` only those entries."""
    rows = await tx.fetch(
        f"""
        select incident_id, {_ENTRY}
        from timeline_entry
        where incident_id = any($1::bigint[])
            and ($2::text[] is null or kind = any($2))
        order by effective_at, id
        """,
        list(ids),
        kinds,
    )
    changes = await tx.fetch(
        f"""
        select {_CHANGE}
        from timeline_change
        where incident_id = any($1::bigint[])
        order by id
        """,
        list(ids),
    )
    entries: dict[int, list[TimelineEntry]] = {i: [] for i in ids}
    for row in rows:
        values = dict(row)
        entries[values.pop("incident_id")].append(TimelineEntry(**values))
    all_changes = [_change(row) for row in changes]
    return {i: in_force(listed, all_changes) for i, listed in entries.items()}


async def entry_views(tx: Tx, incident_id: int) -> list[EntryView]:
    """Return all entries with their changes and attachments, oldest first, struck ones included."""
    return views(
        await _entries(tx, incident_id), await _changes(tx, incident_id), await attachments(tx, incident_id)
    )


async def entry_view(tx: Tx, incident_id: int, entry_id: int) -> EntryView | None:
    """Return an entry of an incident, None if it has no such entry."""
    row = await tx.row(
        f"""
        select {_ENTRY}
        from timeline_entry
        where id = $2
            and incident_id = $1
        """,
        incident_id,
        entry_id,
    )
    if row is None:
        return None
    changes = await tx.fetch(
        f"""
        select {_CHANGE}
        from timeline_change
        where entry_id = $1
        order by id
        """,
        entry_id,
    )
    files = await tx.fetch(
        f"""
        select {_ATTACHMENT}
        from attachment
        where entry_id = $1
        order by id
        """,
        entry_id,
    )
    (view,) = views(
        [TimelineEntry(**dict(row))], map(_change, changes), [Attachment(**dict(file)) for file in files]
    )
    return view


async def add_change(
    tx: Tx,
    incident_id: int,
    entry_id: int,
    kind: ChangeKind,
    text: str,
    actor: str,
    actor_id: int | None,
    now: datetime,
) -> None:
    """Record a change of an entry."""
    await tx.execute(
        """
        insert into timeline_change (incident_id, entry_id, kind, text, at, actor, actor_id)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        incident_id,
        entry_id,
        kind,
        text,
        now,
        actor,
        actor_id,
    )


async def add_attachment(
    tx: Tx,
    incident_id: int,
    entry_id: int,
    name: str,
    media_type: str,
    sha256: bytes,
    content: bytes,
    now: datetime,
) -> None:
    """Store a file of an entry."""
    await tx.execute(
        """
        insert into attachment (incident_id, entry_id, name, media_type, size, sha256, content, at)
        values ($1, $2, $3, $4, $5, $6, $7, $8)
        """,
        incident_id,
        entry_id,
        name,
        media_type,
        len(content),
        sha256,
        content,
        now,
    )


async def attachments(tx: Tx, incident_id: int) -> list[Attachment]:
    """Return the attachments of an incident without their content, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_ATTACHMENT}
        from attachment
        where incident_id = $1
        order by id
        """,
        incident_id,
    )
    return [Attachment(**dict(row)) for row in rows]


async def attachment(tx: Tx, incident_id: int, attachment_id: int) -> tuple[Attachment, bytes] | None:
    """Return an attachment of an incident with its content, None if it has no such attachment."""
    row = await tx.row(
        f"""
        select {_ATTACHMENT}, content
        from attachment
        where id = $2
            and incident_id = $1
        """,
        incident_id,
        attachment_id,
    )
    if row is None:
        return None
    values = dict(row)
    content = values.pop("content")
    return Attachment(**values), content


async def delete_attachments(tx: Tx, before: datetime, limit: int) -> int:
    """Delete attachments that were added before an instant; return their number."""
    return await tx.changed(
        """
        delete from attachment
        where id in (
            select id
            from attachment
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


count_attachments = count_rows(
    """
    select
    from attachment
    where at < $1
    limit $2
    """
)


RETENTIONS: Sequence[Retention] = (
    Retention(
        "attachment",
        730,
        by_index(delete_attachments),
        setting="attachments",
        label="Attachments of timeline entries",
        count=count_attachments,
    ),
)
