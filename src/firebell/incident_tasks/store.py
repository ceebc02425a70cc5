"""The SQL of the tasks of incidents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.incident_tasks.model import Task, TaskState
from firebell.kit.db.database import Row, Tx

_COLUMNS = (
    "id, incident_id, text, owner_id, due_at, is_required, state, entry_id, created_at, created_by,"
    " changed_at, changed_by, version"
)
_CHANGEABLE = {"text", "owner_id", "due_at", "is_required", "state", "changed_at", "changed_by"}


def _task(row: Row) -> Task:
    values = dict(row)
    return Task(**{**values, "state": TaskState(values["state"])})


async def insert(
    tx: Tx,
    incident_id: int,
    text: str,
    owner_id: int | None,
    due_at: datetime | None,
    is_required: bool,
    entry_id: int | None,
    actor: str,
    now: datetime,
) -> Task:
    """Insert an open task and return it."""
    row = await tx.row(
        f"""
        insert into incident_task (
            incident_id, text, owner_id, due_at, is_required, entry_id, created_at, created_by, changed_at, changed_by
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $7, $8)
        returning {_COLUMNS}
        """,
        incident_id,
        text,
        owner_id,
        due_at,
        is_required,
        entry_id,
        now,
        actor,
    )
    assert row
    return _task(row)


async def lock(tx: Tx, incident_id: int, task_id: int) -> Task | None:
    """Lock a task of an incident and return it, None if it has no such task."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from incident_task
        where id = $2
            and incident_id = $1
        for update
        """,
        incident_id,
        task_id,
    )
    return _task(row) if row else None


async def change(tx: Tx, task_id: int, **changes: Any) -> Task:
    """Update the named columns, raise the version, and return the task."""
    assert set(changes) <= _CHANGEABLE
    assignments = "".join(f", {name} = ${i}" for i, name in enumerate(changes, 2))
    row = await tx.row(
        f"""
        update incident_task
        set version = version + 1{assignments}
        where id = $1
        returning {_COLUMNS}
        """,
        task_id,
        *changes.values(),
    )
    assert row
    return _task(row)


async def of_incident(tx: Tx, incident_id: int) -> list[Task]:
    """Return the tasks of an incident, in the order in which they were created."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from incident_task
        where incident_id = $1
        order by id
        """,
        incident_id,
    )
    return [_task(row) for row in rows]


async def of_owner(
    tx: Tx, owner_id: int, states: Sequence[TaskState], limit: int, before: int | None = None
) -> list[Task]:
    """Return a person's tasks in one of the states, newest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from incident_task
        where owner_id = $1
            and state = any($2::text[])
            and ($4::bigint is null or id < $4)
        order by id desc
        limit $3
        """,
        owner_id,
        [str(state) for state in states],
        limit,
        before,
    )
    return [_task(row) for row in rows]
