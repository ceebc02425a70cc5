"""The SQL of public incidents and their updates."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db.database import Reads, Row, Tx
from firebell.status_pages import stages
from firebell.status_pages.model import (
    Continuation,
    Impact,
    PublicIncident,
    PublicUpdate,
    Stage,
    UpdateKind,
)
from firebell.status_pages.published_log import translation_store
from firebell.status_pages.stored_effects import effects_json, read_effects

EDIT_GRACE = timedelta(minutes=5)
"""How long an edit leaves no mark, because it mends a typo."""
_STATE_CHANGEABLE = {
    *("name", "impact_override", "monitoring_at", "resolved_at", "regressions"),
    *("continued_by", "incident_id"),
}


def _update(row: Row, translations: Mapping[str, str]) -> PublicUpdate:
    is_edited = row["version"] > 1 and row["edited_at"] - row["created_at"] > EDIT_GRACE
    return PublicUpdate(
        row["id"],
        row["public_id"],
        row["seq"],
        Stage(row["stage"]),
        UpdateKind(row["kind"]),
        row["body"],
        read_effects(row["effects"]),
        row["display_at"],
        row["next_update_at"],
        row["created_at"],
        row["actor"],
        row["edited_at"] if is_edited else None,
        row["version"],
        row["eta_at"],
        translations,
        row["is_quiet"],
    )


async def _with_updates(tx: Reads, rows: Sequence[Row]) -> list[PublicIncident]:
    updates: dict[int, list[PublicUpdate]] = {row["id"]: [] for row in rows}
    translations = await translation_store.of_incidents(tx, list(updates))
    for row in await tx.fetch(
        """
        select
            u.id, u.public_id, u.public_incident_id, u.seq, u.stage, u.kind, u.effects, u.display_at,
            u.next_update_at, u.eta_at, u.created_at, u.actor, u.is_quiet, v.body, v.version, v.at as edited_at
        from public_update u
        join lateral (
            select body, version, at
            from public_update_version
            where update_id = u.id
            order by version desc
            limit 1
        ) v on true
        where u.public_incident_id = any($1::bigint[])
        order by u.public_incident_id, u.seq
        """,
        list(updates),
    ):
        updates[row["public_incident_id"]].append(_update(row, translations.get(row["id"], {})))
    return [
        PublicIncident(
            row["id"],
            row["public_id"],
            row["incident_id"],
            row["name"],
            None if row["impact_override"] is None else Impact[row["impact_override"].upper()],
            row["published_at"],
            row["monitoring_at"],
            row["resolved_at"],
            row["regressions"],
            tuple(updates[row["id"]]),
            Continuation(*row["continued_at"]) if row["continued_at"] else None,
        )
        for row in rows
    ]


_COLUMNS = (
    "id, public_id, incident_id, name, impact_override, published_at, monitoring_at, resolved_at, regressions,"
    " (select array[later.public_id, later.name] from public_incident later"
    " where later.id = public_incident.continued_by) as continued_at"
)


async def incidents_since(tx: Reads, page_id: int, since: datetime, limit: int) -> list[PublicIncident]:
    """Return the public incidents of a status page that are open or were resolved after `since`, newest first.

    At most `limit` of each, so that no open one is missing behind many that are over.
    """
    rows = await tx.fetch(
        f"""
        (
            select {_COLUMNS}
            from public_incident
            where status_page_id = $1
                and kind = 'incident'
                and resolved_at is null
            order by published_at desc, id desc
            limit $3
        )
        union all
        (
            select {_COLUMNS}
            from public_incident
            where status_page_id = $1
                and kind = 'incident'
                and resolved_at >= $2
            order by published_at desc, id desc
            limit $3
        )
        order by published_at desc, id desc
        """,
        page_id,
        since,
        limit,
    )
    return await _with_updates(tx, rows)


async def history_start(tx: Reads, page_id: int) -> datetime | None:
    """Return when a status page published its first incident or maintenance, None if it has published neither."""
    start: datetime | None = await tx.value(
        """
        select published_at
        from public_incident
        where status_page_id = $1
            and kind in ('incident', 'maintenance')
        order by published_at
        limit 1
        """,
        page_id,
    )
    return start


async def published_in(
    tx: Reads, page_id: int, start: datetime, end: datetime, limit: int
) -> list[PublicIncident]:
    """Return the public incidents of a status page that were published in [start, end), newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from public_incident
        where status_page_id = $1
            and kind = 'incident'
            and published_at >= $2
            and published_at < $3
        order by published_at desc, id desc
        limit $4
        """,
        page_id,
        start,
        end,
        limit,
    )
    return await _with_updates(tx, rows)


async def resolved_before(tx: Reads, page_id: int, end: datetime, limit: int) -> list[PublicIncident]:
    """Return the public incidents of a status page that were resolved before `end`, newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from public_incident
        where status_page_id = $1
            and kind = 'incident'
            and resolved_at < $2
        order by published_at desc, id desc
        limit $3
        """,
        page_id,
        end,
        limit,
    )
    return await _with_updates(tx, rows)


async def latest_incidents(
    tx: Reads, page_id: int, limit: int, before: int | None = None
) -> list[PublicIncident]:
    """Return public incidents of a status page, newest first, with ids below `before`."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from public_incident
        where status_page_id = $1
            and kind = 'incident'
            and ($3::bigint is null or id < $3)
        order by id desc
        limit $2
        """,
        page_id,
        limit,
        before,
    )
    return await _with_updates(tx, rows)


async def by_public_id(tx: Reads, page_id: int, public_id: str) -> PublicIncident | None:
    """Return a public incident of a status page, None if it has no such incident."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from public_incident
        where status_page_id = $1
            and kind = 'incident'
            and public_id = $2
        """,
        page_id,
        public_id,
    )
    listed = await _with_updates(tx, rows)
    return listed[0] if listed else None


async def by_ids(tx: Reads, page_id: int, public_incident_ids: Sequence[int]) -> list[PublicIncident]:
    """Return these public incidents of a status page, in the order of their ids."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from public_incident
        where status_page_id = $1
            and kind = 'incident'
            and id = any($2::bigint[])
        order by id
        """,
        page_id,
        list(public_incident_ids),
    )
    return await _with_updates(tx, rows)


async def of_incident(tx: Reads, incident_id: int) -> dict[int, PublicIncident]:
    """Return the current public incident about an incident, by status page, in the order in which pages are locked."""
    return {page_id: shown[-1] for page_id, shown in (await every_of_incident(tx, incident_id)).items()}


async def every_of_incident(tx: Reads, incident_id: int) -> dict[int, list[PublicIncident]]:
    """Return the public incidents about an incident as `of_incident` does, the current one of each page last."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}, status_page_id
        from public_incident
        where incident_id = $1
        order by status_page_id, id
        """,
        incident_id,
    )
    by_page: dict[int, list[PublicIncident]] = {}
    for row, incident in zip(rows, await _with_updates(tx, rows), strict=True):
        by_page.setdefault(row["status_page_id"], []).append(incident)
    return {page_id: stages.in_order(shown) for page_id, shown in by_page.items()}


async def left_open(tx: Reads, incident_id: int) -> list[tuple[int, PublicIncident]]:
    """Return the open public incidents that go on at one about this incident, each with its status page."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}, status_page_id
        from public_incident
        where resolved_at is null
            and continued_by in (
                select later.id
                from public_incident later
                where later.incident_id = $1
            )
        order by status_page_id, id
        """,
        incident_id,
    )
    listed = await _with_updates(tx, rows)
    return [(row["status_page_id"], incident) for row, incident in zip(rows, listed, strict=True)]


async def overlapping(
    tx: Reads, incident_ids: Sequence[int], start: datetime, end: datetime, limit: int
) -> list[tuple[int, PublicIncident]]:
    """Return the public incidents about these incidents, and those open in [start, end], each with its status page."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}, status_page_id
        from public_incident
        where id in (
            select id
            from public_incident
            where incident_id = any($1::bigint[])
            union
            select id
            from public_incident
            where kind = 'incident'
                and resolved_at is null
                and published_at <= $3
            union
            select id
            from public_incident
            where kind = 'incident'
                and resolved_at >= $2
                and published_at <= $3
        )
        order by incident_id = any($1::bigint[]) desc nulls last, id desc
        limit $4
        """,
        list(incident_ids),
        start,
        end,
        limit,
    )
    listed = await _with_updates(tx, rows)
    return [(row["status_page_id"], incident) for row, incident in zip(rows, listed, strict=True)]


async def insert_incident(
    tx: Tx,
    page_id: int,
    public_id: str,
    incident_id: int | None,
    name: str,
    impact: Impact | None,
    now: datetime,
) -> int:
    """Insert a public incident and return its id."""
    new_id = await tx.value(
        """
        insert into public_incident (
            public_id, status_page_id, incident_id, name, impact_override, published_at
        )
        values ($1, $2, $3, $4, $5, $6)
        returning id
        """,
        public_id,
        page_id,
        incident_id,
        name,
        None if impact is None else impact.code,
        now,
    )
    assert isinstance(new_id, int)
    return new_id


async def change_incident(tx: Tx, public_incident_id: int, **changes: Any) -> None:
    """Update the named columns of a public incident."""
    assert set(changes) <= _STATE_CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(
        f"""
        update public_incident
        set {assignments}
        where id = $1
        """,
        public_incident_id,
        *changes.values(),
    )


async def note_mailed(tx: Tx, page_id: int, public_id: str, seq: int, now: datetime) -> None:
    """Record when the first mail about an update was queued; idempotent."""
    await tx.execute(
        """
        update public_update
        set mailed_at = $4
        from public_incident
        where public_incident.id = public_update.public_incident_id
            and public_incident.status_page_id = $1
            and public_incident.public_id = $2
            and public_update.seq = $3
            and public_update.mailed_at is null
        """,
        page_id,
        public_id,
        seq,
        now,
    )


async def insert_update(
    tx: Tx, public_incident_id: int, update: PublicUpdate, actor_id: int | None
) -> PublicUpdate:
    """Insert an update of a public incident and return it with its id; `insert_version` inserts its text."""
    new_id = await tx.value(
        """
        insert into public_update (
            public_id, public_incident_id, seq, stage, kind, effects, display_at, next_update_at, created_at,
            actor, actor_id, eta_at, is_quiet
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        returning id
        """,
        update.public_id,
        public_incident_id,
        update.seq,
        update.stage,
        update.kind,
        effects_json(update.effects),
        update.display_at,
        update.next_update_at,
        update.created_at,
        update.actor,
        actor_id,
        update.eta_at,
        update.is_quiet,
    )
    assert isinstance(new_id, int)
    return replace(update, id=new_id)
