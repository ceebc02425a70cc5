"""The SQL of what is different on copies."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Reads, Row, Tx
from firebell.status_copies.difference_rules import ObservedDifference
from firebell.status_copies.model import Difference, DifferenceKind, DifferenceState

_COLUMNS = "d.id, d.copy_id, d.kind, d.subject, d.label, d.ours, d.theirs, d.since_at, d.state, d.error"
_CHANGEABLE = {"state", "error"}


def _difference(row: Row) -> Difference:
    fields = {name: row[name] for name in Difference.__slots__}
    return Difference(
        **{**fields, "kind": DifferenceKind(row["kind"]), "state": DifferenceState(row["state"])}
    )


async def differences(tx: Reads, copy_ids: Sequence[int]) -> list[Difference]:
    """Return what is different on these copies, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from status_copy_difference d
        where d.copy_id = any($1::bigint[])
        order by d.since_at, d.id
        """,
        list(copy_ids),
    )
    return [_difference(row) for row in rows]


async def lock_difference(tx: Tx, copy_id: int, difference_id: int) -> Difference | None:
    """Lock a difference of a copy and return it, None if it is gone."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from status_copy_difference d
        where d.copy_id = $1
            and d.id = $2
        for update
        """,
        copy_id,
        difference_id,
    )
    return _difference(row) if row else None


async def replace(
    tx: Tx, copy_id: int, observed: Sequence[ObservedDifference], kept_subjects: Sequence[str], now: datetime
) -> bool:
    """Store what is different now; return True if that changed.

    What a person decided stays until it changes there. Nothing changes about `kept_subjects`, which were not compared.
    """
    keys = [[d.kind, d.subject, d.label, d.ours, d.theirs] for d in observed]
    columns = [list(column) for column in zip(*keys, strict=True)] if keys else [[], [], [], [], []]
    removed = await tx.changed(
        """
        delete from status_copy_difference d
        where d.copy_id = $1
            and d.subject <> all($4::text[])
            and not exists (
                select
                from unnest($2::text[], $3::text[]) as now (kind, subject)
                where now.kind = d.kind
                    and now.subject = d.subject
            )
        """,
        copy_id,
        columns[0],
        columns[1],
        list(kept_subjects),
    )
    stored = await tx.changed(
        """
        insert into status_copy_difference as d (
            copy_id, kind, subject, label, ours, theirs, since_at, state
        )
        select $1, kind, subject, label, ours, theirs, $7, 'open'
        from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[])
            as now (kind, subject, label, ours, theirs)
        on conflict (copy_id, kind, subject) do update
        set label = excluded.label,
            ours = excluded.ours,
            theirs = excluded.theirs,
            state = case when d.theirs = excluded.theirs then d.state else 'open' end
        where (d.label, d.ours, d.theirs) <> (excluded.label, excluded.ours, excluded.theirs)
        """,
        copy_id,
        *columns,
        now,
    )
    return bool(removed or stored)


async def change_difference(tx: Tx, difference_id: int, **changes: Any) -> None:
    """Update the named columns of a difference."""
    assert set(changes) <= _CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 2))
    await tx.execute(
        f"""
        update status_copy_difference
        set {assignments}
        where id = $1
        """,
        difference_id,
        *changes.values(),
    )


async def delete_difference(tx: Tx, difference_id: int) -> None:
    """Forget a difference."""
    await tx.execute("delete from status_copy_difference where id = $1", difference_id)


async def delete_stage_and_text(tx: Tx, copy_id: int, subject: str) -> None:
    """Forget that the stage and text of an incident are different."""
    await tx.execute(
        """
        delete from status_copy_difference
        where copy_id = $1
            and subject = $2
            and kind in ('stage', 'text')
        """,
        copy_id,
        subject,
    )


async def open_of_incidents(tx: Reads, incident_ids: Sequence[int]) -> list[tuple[int, Difference]]:
    """Return what is different about these incidents of Firebell, with the id of each, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}, i.incident_id
        from public_incident i
        join status_copy_difference d on d.subject = i.public_id
        where i.incident_id = any($1::bigint[])
            and d.state = 'open'
        order by d.since_at, d.id
        """,
        list(incident_ids),
    )
    return [(row["incident_id"], _difference(row)) for row in rows]
