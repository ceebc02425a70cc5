"""The SQL of the tasks of incidents."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.incident_tasks.model import Task, TaskFilter, TaskState
from firebell.kit.db.database import Row, Tx

_COLUMNS = (
    "id, incident_id, text, owner_id, due_at, is_required, state, entry_id, created_at, created_by,"
    " changed_at, changed_by, version, is_response"
)
COUNTED = 1000
"""Number up to which a list is counted."""
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
    *,
    is_response: bool = False,
) -> Task:
    """Insert an open task and return it."""
    row = await tx.row(
        f"""
        insert into incident_task (
            incident_id, text, owner_id, due_at, is_required, entry_id, created_at, created_by, changed_at,
            changed_by, is_response
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $7, $8, $9)
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
        is_response,
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


async def of_response(tx: Tx, incident_id: int) -> Task | None:
    """Lock and return the task that the response of an incident added, or None."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from incident_task
        where incident_id = $1
            and is_response
        for update
        """,
        incident_id,
    )
    return _task(row) if row else None


async def move_unfinished(tx: Tx, incident_id: int, into_id: int) -> None:
    """Move the unfinished tasks of an incident to the one that it was merged into."""
    await tx.execute(
        """
        update incident_task
        set incident_id = $2,
            version = version + 1
        where incident_id = $1
            and state <> 'done'
            and not is_response
        """,
        incident_id,
        into_id,
    )


class _Conditions:
    """The conditions of a list of unfinished tasks, with their values."""

    def __init__(self, wanted: TaskFilter, hidden_ids: Sequence[int]) -> None:
        self.values: list[object] = []
        self.parts = ["state <> 'done'"]
        if hidden_ids:
            self.parts.append(f"incident_id <> all({self.add(list(hidden_ids))}::bigint[])")
        if wanted.owner_id is not None:
            self.parts.append(f"owner_id = {self.add(wanted.owner_id)}")
        if wanted.incident_id is not None:
            self.parts.append(f"incident_id = {self.add(wanted.incident_id)}")
        if wanted.due_before is not None:
            self.parts.append(f"due_at < {self.add(wanted.due_before)}")
        if wanted.team_of is not None:
            member = self.add(wanted.team_of)
            self.parts.append(
                f"""(
                    owner_id in (
                        select colleague.person_id
                        from team_member own
                        join team_member colleague on colleague.team_id = own.team_id
                        where own.person_id = {member}
                    )
                    or owner_id is null
                    and incident_id in (
                        select incident_service.incident_id
                        from team_member own
                        join service on service.team_id = own.team_id
                        join incident_service on incident_service.service_id = service.id
                        where own.person_id = {member}
                    )
                )"""
            )

    def add(self, value: object) -> str:
        """Add a value and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"

    @property
    def text(self) -> str:
        """The conditions, joined."""
        return "\n                and ".join(self.parts)


async def unfinished(
    tx: Tx, wanted: TaskFilter, hidden_ids: Sequence[int], limit: int, before: int | None = None
) -> list[Task]:
    """Return unfinished tasks, newest first, without those of the incidents in `hidden_ids`."""
    conditions = _Conditions(wanted, hidden_ids)
    if before is not None:
        conditions.parts.append(f"id < {conditions.add(before)}")
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from incident_task
        where {conditions.text}
        order by id desc
        limit {conditions.add(limit)}
        """,
        *conditions.values,
    )
    return [_task(row) for row in rows]


async def due_next(
    tx: Tx, wanted: TaskFilter, hidden_ids: Sequence[int], limit: int, after: int | None = None
) -> list[Task]:
    """Return unfinished tasks by due time, those without one last, from the one after the task `after`."""
    conditions = _Conditions(wanted, hidden_ids)
    if after is not None:
        conditions.parts.append(
            f"""(coalesce(due_at, timestamptz 'infinity'), id) > (
                    select coalesce(due_at, timestamptz 'infinity'), id
                    from incident_task
                    where id = {conditions.add(after)}
                )"""
        )
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from incident_task
        where {conditions.text}
        order by coalesce(due_at, timestamptz 'infinity'), id
        limit {conditions.add(limit)}
        """,
        *conditions.values,
    )
    return [_task(row) for row in rows]


async def count(tx: Tx, wanted: TaskFilter, hidden_ids: Sequence[int]) -> int:
    """Return how many unfinished tasks a list has, at most `COUNTED`."""
    conditions = _Conditions(wanted, hidden_ids)
    number: int = await tx.value(
        f"""
        select count(*)
        from (
            select
            from incident_task
            where {conditions.text}
            limit {COUNTED}
        ) counted
        """,
        *conditions.values,
    )
    return number


async def count_waiting(tx: Tx, severity: int, phases: Sequence[str], hidden_ids: Sequence[int]) -> int:
    """Return how many incidents of a severity in these phases have no one with a role, at most `COUNTED`."""
    number: int = await tx.value(
        """
        select count(*)
        from (
            select
            from incident
            where phase = any($2::text[])
                and severity = $1
                and not drill
                and id <> all($3::bigint[])
                and not exists (
                    select
                    from incident_role
                    where incident_role.incident_id = incident.id
                        and until_at is null
                )
            limit $4
        ) counted
        """,
        severity,
        list(phases),
        list(hidden_ids),
        COUNTED,
    )
    return number


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
