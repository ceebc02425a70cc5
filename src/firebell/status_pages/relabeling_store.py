"""The SQL of relabelings."""

from collections.abc import Sequence
from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.db.events import Actor
from firebell.status_pages.model import ComponentStatus
from firebell.status_pages.relabeling_model import (
    LOG_KIND,
    LOG_STAGE,
    AppliedRelabeling,
    Relabeling,
    RelabelingRequest,
    RelabelingState,
)

_COLUMNS = """
    r.id, r.public_id, r.component_id, c.name as component, r.starts_at, r.ends_at, r.status, r.reason,
    r.uptime_before, r.uptime_after, r.requested_by, r.requested_label, r.requested_at, r.state,
    r.answered_by, r.answered_label, r.answered_at
"""


def _relabeling(row: Row) -> Relabeling:
    return Relabeling(
        row["id"],
        row["public_id"],
        row["component_id"],
        row["component"],
        row["starts_at"],
        row["ends_at"],
        ComponentStatus.of(row["status"]),
        row["reason"],
        row["uptime_before"],
        row["uptime_after"],
        row["requested_by"],
        row["requested_label"],
        row["requested_at"],
        RelabelingState(row["state"]),
        row["answered_by"],
        row["answered_label"],
        row["answered_at"],
    )


async def in_effect(tx: Reads, page_id: int, since: datetime) -> list[AppliedRelabeling]:
    """Return the relabelings of a page that are in effect and end after `since`, in the order of taking effect."""
    rows = await tx.fetch(
        """
        select component_id, starts_at, ends_at, status, reason, uptime_before, uptime_after, answered_at
        from status_relabeling
        where status_page_id = $1
            and state = 'accepted'
            and ends_at > $2
        order by answered_at, public_incident_id
        """,
        page_id,
        since,
    )
    return [
        AppliedRelabeling(
            row["component_id"],
            row["starts_at"],
            row["ends_at"],
            ComponentStatus.of(row["status"]),
            row["reason"],
            row["uptime_before"],
            row["uptime_after"],
            row["answered_at"],
        )
        for row in rows
    ]


async def latest(tx: Reads, page_id: int, limit: int, before: int | None = None) -> list[Relabeling]:
    """Return relabelings of a page, the last requested first, with ids below `before`."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from status_relabeling r
        join status_component c on c.id = r.component_id
        where r.status_page_id = $1
            and ($3::bigint is null or r.id < $3)
        order by r.id desc
        limit $2
        """,
        page_id,
        limit,
        before,
    )
    return [_relabeling(row) for row in rows]


async def by_id(tx: Reads, page_id: int, relabeling_id: int) -> Relabeling | None:
    """Return a relabeling of a page, None if it has no such one."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from status_relabeling r
        join status_component c on c.id = r.component_id
        where r.status_page_id = $1
            and r.id = $2
        """,
        page_id,
        relabeling_id,
    )
    return _relabeling(row) if row else None


async def count_waiting(tx: Reads, page_id: int) -> int:
    """Return how many relabelings of a page wait for a second person."""
    count = await tx.value(
        """
        select count(*)
        from status_relabeling
        where status_page_id = $1
            and state = 'waiting'
        """,
        page_id,
    )
    assert isinstance(count, int)
    return count


async def insert(
    tx: Tx,
    page_id: int,
    public_id: str,
    request: RelabelingRequest,
    uptimes: tuple[int | None, int | None],
    actor: Actor,
    now: datetime,
) -> int:
    """Insert a relabeling that waits, and return its id."""
    new_id = await tx.value(
        """
        insert into status_relabeling (
            public_id, status_page_id, component_id, starts_at, ends_at, status, reason, uptime_before,
            uptime_after, requested_by, requested_label, requested_at, state
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'waiting')
        returning id
        """,
        public_id,
        page_id,
        request.component_id,
        request.start,
        request.end,
        request.status.code,
        request.reason,
        *uptimes,
        actor.person_id,
        actor.label,
        now,
    )
    assert isinstance(new_id, int)
    return new_id


async def answer(
    tx: Tx,
    relabeling_id: int,
    state: RelabelingState,
    actor: Actor,
    now: datetime,
    *,
    public_incident_id: int | None = None,
    uptimes: tuple[int | None, int | None] | None = None,
) -> None:
    """Record the outcome of a relabeling, with the uptimes at that time if they are given."""
    await tx.execute(
        """
        update status_relabeling
        set state = $2,
            answered_by = $3,
            answered_label = $4,
            answered_at = $5,
            public_incident_id = $6,
            uptime_before = case when $7 then $8 else uptime_before end,
            uptime_after = case when $7 then $9 else uptime_after end
        where id = $1
        """,
        relabeling_id,
        state,
        actor.person_id,
        actor.label,
        now,
        public_incident_id,
        uptimes is not None,
        *(uptimes or (None, None)),
    )


async def insert_log_entry(
    tx: Tx,
    page_id: int,
    public_id: str,
    name: str,
    effects: Sequence[dict[str, object]],
    update_public_id: str,
    display_at: datetime,
    actor: Actor,
    now: datetime,
) -> tuple[int, int]:
    """Insert the public incident and the update of a relabeling; return their ids. `log_writer` inserts the text."""
    row = await tx.row(
        """
        with incident as (
            insert into public_incident (public_id, status_page_id, name, kind, published_at, resolved_at)
            values ($1, $2, $3, $4, $5, $5)
            returning id
        )
        insert into public_update (
            public_id, public_incident_id, seq, stage, kind, effects, display_at, created_at, actor, actor_id
        )
        select $6, incident.id, 1, $7, $4, $8, $9, $5, $10, $11
        from incident
        returning public_incident_id, id
        """,
        public_id,
        page_id,
        name,
        LOG_KIND,
        now,
        update_public_id,
        LOG_STAGE,
        effects,
        display_at,
        actor.label,
        actor.person_id,
    )
    assert row is not None
    return row["public_incident_id"], row["id"]
