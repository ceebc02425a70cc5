"""The SQL of the queue: what was published, and how far it is on its way to each copy."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from firebell.kit.db.database import Reads, Row, Tx
from firebell.status_copies.model import OfferedPostmortem, QueuedStep, Step, StepState

LOST_EVENTS_KEPT = timedelta(days=30)
"""How long after its end an incident is looked at for texts whose event was lost."""
REPEATED_WINDOWS_AHEAD = timedelta(days=35)
"""How long before its start a window of maintenance that repeats is copied."""
_COLUMNS = (
    "s.copy_id, s.update_id, s.version, s.public_incident_id, s.chain_seq, s.state, s.created_at,"
    " s.attempts, s.begun_at, s.retry_at, s.error, s.remote_update_id"
)
_CHANGEABLE = {"state", "attempts", "begun_at", "retry_at", "done_at", "error", "remote_update_id"}


def _step(row: Row) -> Step:
    fields = {name: row[name] for name in Step.__slots__}
    return Step(**{**fields, "state": StepState(row["state"])})


async def enqueue(tx: Tx, page_id: int, now: datetime, public_incident_id: int | None = None) -> int:
    """Queue what was published since each copy was connected and is not queued yet; return the number. Idempotent.

    Without an incident, those that are open or were resolved in the last 30 days. Nothing of a private page is queued.
    Of windows that repeat only what is near is queued, and a post-mortem only after a person sent it.
    """
    return await tx.changed(
        """
        insert into status_copy_step (
            copy_id, update_id, version, public_incident_id, chain_seq, state, created_at, retry_at
        )
        select c.id, v.update_id, v.version, i.id, v.chain_seq, 'pending', v.at, $2
        from status_copy c
        join status_page p on p.id = c.status_page_id
        join public_incident i on i.status_page_id = c.status_page_id
        join public_update u on u.public_incident_id = i.id
        join public_update_version v on v.update_id = u.id
        left join maintenance m on m.public_incident_id = i.id
        where c.status_page_id = $1
            and p.visibility in ('public', 'unlisted')
            and (
                u.kind <> 'postmortem'
                or exists (
                    select
                    from status_copy_step s
                    where s.copy_id = c.id
                        and s.update_id = u.id
                )
            )
            and case i.kind
                when 'incident' then true
                when 'maintenance' then m.series_id is null or m.scheduled_for <= $5
                else false
            end
            and i.published_at >= c.created_at
            and case
                when $3::bigint is null then i.resolved_at is null or i.resolved_at >= $4
                else i.id = $3
            end
        on conflict do nothing
        """,
        page_id,
        now,
        public_incident_id,
        now - LOST_EVENTS_KEPT,
        now + REPEATED_WINDOWS_AHEAD,
    )


async def offered_postmortems(tx: Reads, copy_id: int, limit: int) -> list[OfferedPostmortem]:
    """Return the post-mortems that were published after a copy was connected and not sent to it, newest first."""
    rows = await tx.fetch(
        """
        select u.id, i.public_id, i.name
        from status_copy_incident there
        join public_incident i on i.id = there.public_incident_id
        join public_update u on u.public_incident_id = i.id
        where there.copy_id = $1
            and not there.is_imported
            and u.kind = 'postmortem'
            and not exists (
                select
                from status_copy_step s
                where s.copy_id = there.copy_id
                    and s.update_id = u.id
            )
        order by u.id desc
        limit $2
        """,
        copy_id,
        limit,
    )
    return [OfferedPostmortem(row["id"], row["public_id"], row["name"]) for row in rows]


async def enqueue_postmortem(tx: Tx, copy_id: int, update_id: int, now: datetime) -> None:
    """Queue a post-mortem for a copy, as it reads now. Idempotent."""
    await tx.execute(
        """
        insert into status_copy_step (
            copy_id, update_id, version, public_incident_id, chain_seq, state, created_at, retry_at
        )
        select $1, v.update_id, v.version, u.public_incident_id, v.chain_seq, 'pending', $3, $3
        from public_update_version v
        join public_update u on u.id = v.update_id
        where v.update_id = $2
            and v.version = 1
        on conflict do nothing
        """,
        copy_id,
        update_id,
        now,
    )


async def next_step(tx: Reads, copy_id: int, now: datetime) -> Step | None:
    """Return the step to try now: the first of an incident that is not finished, the oldest that is due."""
    row = await tx.row(
        f"""
        select {_COLUMNS}
        from (
            select distinct on (o.public_incident_id) o.*
            from status_copy_step o
            where o.copy_id = $1
                and o.state not in ('done', 'skipped')
            order by o.public_incident_id, o.chain_seq
        ) s
        where s.state in ('pending', 'sending', 'unknown')
            and s.retry_at <= $2
        order by s.chain_seq
        limit 1
        """,
        copy_id,
        now,
    )
    return _step(row) if row else None


async def steps_of_incident(tx: Reads, copy_id: int, public_incident_id: int) -> list[Step]:
    """Return the steps of one incident, in the order in which they are sent."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}
        from status_copy_step s
        where s.copy_id = $1
            and s.public_incident_id = $2
        order by s.chain_seq
        """,
        copy_id,
        public_incident_id,
    )
    return [_step(row) for row in rows]


async def change_step(tx: Tx, step: Step, **changes: Any) -> None:
    """Update the named columns of a step."""
    assert set(changes) <= _CHANGEABLE
    assignments = ", ".join(f"{name} = ${i}" for i, name in enumerate(changes, 4))
    await tx.execute(
        f"""
        update status_copy_step
        set {assignments}
        where copy_id = $1
            and update_id = $2
            and version = $3
        """,
        step.copy_id,
        step.update_id,
        step.version,
        *changes.values(),
    )


async def restart(tx: Tx, copy_id: int, now: datetime, public_incident_id: int | None = None) -> None:
    """Give all unfinished steps of a copy a new day; with an incident, send all of its steps again."""
    await tx.execute(
        """
        update status_copy_step
        set state = 'pending', attempts = 0, begun_at = null, retry_at = $2, error = '', done_at = null
        where copy_id = $1
            and case
                when $3::bigint is null then state in ('pending', 'sending', 'unknown', 'dead')
                else public_incident_id = $3
            end
        """,
        copy_id,
        now,
        public_incident_id,
    )


async def unfinished(tx: Reads, copy_ids: Sequence[int], limit: int) -> list[QueuedStep]:
    """Return the steps that are not finished with what they are about, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}, i.public_id, i.name, i.incident_id, u.seq
        from status_copy_step s
        join public_incident i on i.id = s.public_incident_id
        join public_update u on u.id = s.update_id
        where s.copy_id = any($1::bigint[])
            and s.state not in ('done', 'skipped')
        order by s.copy_id, s.chain_seq
        limit $2
        """,
        list(copy_ids),
        limit,
    )
    return [_queued(row) for row in rows]


def _queued(row: Row) -> QueuedStep:
    return QueuedStep(_step(row), row["public_id"], row["name"], row["incident_id"], row["seq"])


async def of_incidents(tx: Reads, incident_ids: Sequence[int]) -> list[QueuedStep]:
    """Return the unfinished steps about these incidents of Firebell, oldest first."""
    rows = await tx.fetch(
        f"""
        select {_COLUMNS}, i.public_id, i.name, i.incident_id, u.seq
        from public_incident i
        join status_copy_step s on s.public_incident_id = i.id
        join public_update u on u.id = s.update_id
        where i.incident_id = any($1::bigint[])
            and s.state not in ('done', 'skipped')
        order by s.chain_seq
        """,
        list(incident_ids),
    )
    return [_queued(row) for row in rows]


async def incidents_with_steps(tx: Reads, copy_id: int) -> dict[int, bool]:
    """Return the incidents of a copy, and whether each has unfinished steps."""
    rows = await tx.fetch(
        """
        select s.public_incident_id, bool_or(s.state not in ('done', 'skipped')) as is_waiting
        from status_copy_step s
        where s.copy_id = $1
        group by s.public_incident_id
        """,
        copy_id,
    )
    return {row["public_incident_id"]: row["is_waiting"] for row in rows}


async def remote_ids(tx: Reads, copy_id: int) -> dict[int, str]:
    """Return the ids of the incidents there that are copies of ours, by public incident; no imported ones."""
    rows = await tx.fetch(
        """
        select public_incident_id, remote_id
        from status_copy_incident
        where copy_id = $1
            and not is_imported
        """,
        copy_id,
    )
    return {row["public_incident_id"]: row["remote_id"] for row in rows}


async def ids_of_others(tx: Reads, copy_id: int, public_incident_id: int) -> frozenset[str]:
    """Return the ids of the incidents there that belong to other incidents of ours, copied or imported."""
    rows = await tx.fetch(
        """
        select remote_id
        from status_copy_incident
        where copy_id = $1
            and public_incident_id <> $2
        """,
        copy_id,
        public_incident_id,
    )
    return frozenset(row["remote_id"] for row in rows)


async def known_remote_ids(tx: Reads, copy_id: int, remote_ids: Sequence[str]) -> set[str]:
    """Return which of these incidents there are copies of ours or were imported."""
    rows = await tx.fetch(
        """
        select remote_id
        from status_copy_incident
        where copy_id = $1
            and remote_id = any($2::text[])
        """,
        copy_id,
        list(remote_ids),
    )
    return {row["remote_id"] for row in rows}


async def set_remote_id(
    tx: Tx, copy_id: int, public_incident_id: int, remote_id: str, *, is_imported: bool
) -> None:
    """Store which incident there is the same as one of ours. Idempotent."""
    await tx.execute(
        """
        insert into status_copy_incident (copy_id, public_incident_id, remote_id, is_imported)
        values ($1, $2, $3, $4)
        on conflict (copy_id, public_incident_id) do update
        set remote_id = excluded.remote_id
        """,
        copy_id,
        public_incident_id,
        remote_id,
        is_imported,
    )


async def forget_remote_id(tx: Tx, copy_id: int, public_incident_id: int) -> None:
    """Forget an incident there that was deleted."""
    await tx.execute(
        """
        delete from status_copy_incident
        where copy_id = $1
            and public_incident_id = $2
        """,
        copy_id,
        public_incident_id,
    )


async def public_ids(tx: Reads, public_incident_ids: Sequence[int]) -> dict[int, str]:
    """Return the public ids of these public incidents."""
    rows = await tx.fetch(
        """
        select id, public_id
        from public_incident
        where id = any($1::bigint[])
        """,
        list(public_incident_ids),
    )
    return {row["id"]: row["public_id"] for row in rows}


async def public_incident_id(tx: Reads, copy_id: int, public_id: str) -> int | None:
    """Return the public incident of a copied status page with this public id, None if there is none."""
    value = await tx.value(
        """
        select i.id
        from public_incident i
        join status_copy c on c.status_page_id = i.status_page_id
        where c.id = $1
            and i.public_id = $2
        """,
        copy_id,
        public_id,
    )
    return value if isinstance(value, int) else None


async def copied_incidents(tx: Reads, incident_ids: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return (incident, public incident, copy) of what was queued about these incidents of Firebell."""
    rows = await tx.fetch(
        """
        select distinct i.incident_id, s.public_incident_id, s.copy_id
        from public_incident i
        join status_copy_step s on s.public_incident_id = i.id
        where i.incident_id = any($1::bigint[])
        order by i.incident_id, s.public_incident_id, s.copy_id
        """,
        list(incident_ids),
    )
    return [(row["incident_id"], row["public_incident_id"], row["copy_id"]) for row in rows]
