"""The SQL of runs. Statements that find runs for someone leave out those of private incidents of others."""

from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg

from firebell.kit import private_reader
from firebell.kit.db.arrays import transpose
from firebell.kit.db.database import Reads, Row, Tx
from firebell.runbooks.automation import exercises
from firebell.runbooks.runs.durations import COMPARED_RUNS
from firebell.runbooks.runs.model import (
    RunbookRun,
    RunKind,
    RunMode,
    RunProgress,
    RunState,
    RunStep,
    RunStepState,
    Stream,
)
from firebell.runbooks.runs.progress import summary

_RUN_COLUMNS = """
    id, slug, title, version, sha256, incident_id, page_id, kind, mode, is_dry, state, is_rolling_back,
    is_taken_over, started_by, started_by_id, started_at, ended_at, reason, variables, client, last_seq,
    heartbeat_at
"""
_STEP_COLUMNS = """
    part, position, title, label, line, fence_sha, fence_id, undo, state, version, attempts, from_at, to_at, exit,
    ms, reason, changed_by, changed_at, execution_order, output_stream, output_seq
"""
_READABLE = """
    (
        {reader}::bigint is null
        or not exists (
            select
            from private_incident
            where private_incident.incident_id = runbook_run.incident_id
                and {reader}::bigint <> all(private_incident.readers)
        )
    )
"""


def _run(row: Row) -> RunbookRun:
    values = dict(row)
    return RunbookRun(
        **{
            **values,
            "kind": RunKind(values["kind"]),
            "mode": RunMode(values["mode"]),
            "state": RunState(values["state"]),
        }
    )


def _step(row: Row) -> RunStep:
    values = dict(row)
    stream, seq, order = (values.pop(n) for n in ("output_stream", "output_seq", "execution_order"))
    return RunStep(
        **{
            **values,
            "undo": tuple(values["undo"]),
            "state": RunStepState(values["state"]),
            "order": order,
            "output_event": (Stream(stream), seq) if stream else None,
        }
    )


async def put_text(tx: Tx, sha256: str, body: str) -> None:
    """Keep a text that a run is pinned to. Idempotent."""
    await tx.execute(
        """
        insert into runbook_text (sha256, body)
        values ($1, $2)
        on conflict do nothing
        """,
        sha256,
        body,
    )


async def text(tx: Tx, sha256: str) -> str | None:
    """Return a text that a run was pinned to, None if there is none with this hash."""
    body: str | None = await tx.value("select body from runbook_text where sha256 = $1", sha256)
    return body


async def insert(
    tx: Tx,
    client_id: str | None,
    run: RunbookRun,
    owner: str,
    now: datetime,
) -> RunbookRun | None:
    """Insert a run and return it, None if its incident or page does not exist."""
    try:
        async with tx.savepoint():
            row = await tx.row(
                f"""
                insert into runbook_run (
                    client_id, slug, title, owner, version, sha256, incident_id, page_id, kind, mode, is_dry, state,
                    started_by, started_by_id, started_at, variables, client, heartbeat_at
                )
                values ($1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
                returning {_RUN_COLUMNS}
                """,
                client_id,
                run.slug,
                run.title,
                owner,
                run.version,
                run.sha256,
                run.incident_id,
                run.page_id,
                run.kind,
                run.mode,
                run.is_dry,
                run.state,
                run.started_by,
                run.started_by_id,
                run.started_at,
                dict(run.variables),
                run.client,
                now,
            )
    except asyncpg.ForeignKeyViolationError:
        return None
    assert row
    return _run(row)


async def of_client(tx: Tx, client_id: str) -> RunbookRun | None:
    """Return the run that a terminal created, None if it created none."""
    row = await tx.row(
        f"""
        select {_RUN_COLUMNS}
        from runbook_run
        where client_id = $1::uuid
        """,
        client_id,
    )
    return _run(row) if row else None


async def lock_client(tx: Tx, client_id: str) -> None:
    """Wait for another request that creates the same run."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 58))", client_id)


async def run(tx: Reads, run_id: int, *, lock: bool = False) -> RunbookRun | None:
    """Return a run that the reader may read, optionally locked; None if there is none."""
    row = await tx.row(
        f"""
        select {_RUN_COLUMNS}
        from runbook_run
        where id = $1
            and {_READABLE.format(reader="$2")}
        {"for update of runbook_run" if lock else ""}
        """,
        run_id,
        private_reader.reader(),
    )
    return _run(row) if row else None


async def lock_runbook(tx: Tx, slug: str) -> None:
    """Wait for another request that starts a run of the same runbook."""
    await tx.execute("select pg_advisory_xact_lock(hashtextextended($1, 59))", slug)


async def open_twin(
    tx: Tx, slug: str, incident_id: int | None, page_id: int | None, person_id: int | None
) -> RunbookRun | None:
    """Return the open run in the browser of a runbook in an incident.

    Outside an incident, the one that this person started for the same page and has not begun.
    """
    row = await tx.row(
        f"""
        select {_RUN_COLUMNS}
        from runbook_run
        where slug = $1
            and kind = 'web'
            and state in ('running', 'lost')
            and incident_id is not distinct from $2::bigint
            and (
                incident_id is not null
                or started_by_id = $4::bigint
                and page_id is not distinct from $3::bigint
                and not exists (select from runbook_run_event where run_id = runbook_run.id)
            )
        order by id desc
        limit 1
        """,
        slug,
        incident_id,
        page_id,
        person_id,
    )
    return _run(row) if row else None


async def is_hidden(tx: Tx, incident_id: int) -> bool:
    """Return True for a private incident that the reader may not read."""
    reader = private_reader.reader()
    return reader is not None and bool(
        await tx.value(
            """
            select exists (
                select
                from private_incident
                where incident_id = $1
                    and $2::bigint <> all(readers)
            )
            """,
            incident_id,
            reader,
        )
    )


async def incidents_of_page(tx: Tx, page_id: int) -> list[int]:
    """Return the ids of the incidents of a page."""
    rows = await tx.fetch(
        """
        select incident_id
        from page_incident
        where page_id = $1
        order by incident_id
        """,
        page_id,
    )
    return [row["incident_id"] for row in rows]


async def owner_of(tx: Tx, run_id: int) -> str:
    """Return the owner that the text of a run names."""
    owner: str = await tx.value("select owner from runbook_run where id = $1", run_id)
    return owner


async def runs(
    tx: Reads,
    *,
    slug: str | None = None,
    incident_id: int | None = None,
    before: int | None = None,
    limit: int,
) -> list[RunbookRun]:
    """Return runs that the reader may read, newest first."""
    rows = await tx.fetch(
        f"""
        select {_RUN_COLUMNS}
        from runbook_run
        where ($1::text is null or slug = $1)
            and ($2::bigint is null or incident_id = $2)
            and ($3::bigint is null or id < $3)
            and {_READABLE.format(reader="$4")}
        order by id desc
        limit $5
        """,
        slug,
        incident_id,
        before,
        private_reader.reader(),
        limit,
    )
    return [_run(row) for row in rows]


async def lock_free(tx: Tx, run_ids: Collection[int]) -> list[RunbookRun]:
    """Lock and return those of these runs that no one else has locked."""
    rows = await tx.fetch(
        f"""
        select {_RUN_COLUMNS}
        from runbook_run
        where id = any($1::bigint[])
        order by id
        for update skip locked
        """,
        list(run_ids),
    )
    return [_run(row) for row in rows]


async def existing(tx: Tx, run_ids: Collection[int]) -> set[int]:
    """Return which of these runs exist."""
    rows = await tx.fetch("select id from runbook_run where id = any($1::bigint[])", list(run_ids))
    return {row["id"] for row in rows}


async def move_to_incident(tx: Tx, incident_id: int, into_id: int) -> list[int]:
    """Move the runs of an incident to the one that it was merged into, and return their ids."""
    rows = await tx.fetch(
        """
        update runbook_run
        set incident_id = $2
        where incident_id = $1
        returning id
        """,
        incident_id,
        into_id,
    )
    return sorted(row["id"] for row in rows)


async def durations(tx: Reads, slug: str, before_id: int) -> list[int]:
    """Return the seconds of the runs of a runbook before one that succeeded, the latest ones."""
    rows = await tx.fetch(
        """
        select greatest(0, extract(epoch from ended_at - started_at))::int as seconds
        from runbook_run
        where slug = $1
            and id < $2
            and state = 'succeeded'
            and not is_dry
        order by id desc
        limit $3
        """,
        slug,
        before_id,
        COMPARED_RUNS,
    )
    return [row["seconds"] for row in rows]


async def beat(tx: Tx, run_id: int, now: datetime) -> None:
    """Record that a run was heard of."""
    await tx.execute("update runbook_run set heartbeat_at = $2 where id = $1", run_id, now)


async def save_progress(
    tx: Tx, run: RunbookRun, progress: RunProgress, old_steps: Sequence[RunStep], last_seq: int
) -> None:
    """Store what the events of a run make of it, whether it exercised its runbook, and those steps that changed."""
    run_id = run.id
    await tx.execute(
        """
        update runbook_run
        set state = $2,
            is_rolling_back = $3,
            is_taken_over = $4,
            ended_at = $5,
            reason = $6,
            last_seq = $7,
            is_exercise = $8
        where id = $1
        """,
        run_id,
        progress.state,
        progress.is_rolling_back,
        progress.is_taken_over,
        progress.ended_at,
        progress.reason,
        last_seq,
        exercises(summary(run, progress)),
    )
    changed = [(place, step) for place, step in enumerate(progress.steps) if step not in old_steps]
    if changed:
        await _save_steps(tx, run_id, changed)


async def _save_steps(tx: Tx, run_id: int, steps: Sequence[tuple[int, RunStep]]) -> None:
    """Insert or update steps of a run with their places in it, in one statement."""
    columns = transpose(
        (
            (
                *(s.part, s.position, place, s.title, s.label, s.line, s.fence_sha, s.fence_id),
                *(",".join(s.undo), s.state, s.version, s.attempts, s.from_at, s.to_at, s.exit, s.ms),
                *(s.reason, s.changed_by, s.changed_at, s.order),
                *(s.output_event or (None, None)),
            )
            for place, s in steps
        ),
        22,
    )
    await tx.execute(
        """
        insert into runbook_step (
            run_id, part, position, place, title, label, line, fence_sha, fence_id, undo, state, version, attempts,
            from_at, to_at, exit, ms, reason, changed_by, changed_at, execution_order, output_stream, output_seq
        )
        select
            $1, part, position, place, title, label, line, fence_sha, fence_id,
            array_remove(string_to_array(undo, ','), ''), state, version, attempts, from_at, to_at, exit, ms, reason,
            changed_by, changed_at, execution_order, output_stream, output_seq
        from unnest(
            $2::text[], $3::int[], $4::int[], $5::text[], $6::text[], $7::int[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::int[], $13::int[], $14::timestamptz[], $15::timestamptz[], $16::int[], $17::bigint[],
            $18::text[], $19::text[], $20::timestamptz[], $21::int[], $22::text[], $23::int[]
        ) as step (
            part, position, place, title, label, line, fence_sha, fence_id, undo, state, version, attempts, from_at,
            to_at, exit, ms, reason, changed_by, changed_at, execution_order, output_stream, output_seq
        )
        on conflict (run_id, part, position) do update
        set state = excluded.state,
            version = excluded.version,
            attempts = excluded.attempts,
            from_at = excluded.from_at,
            to_at = excluded.to_at,
            exit = excluded.exit,
            ms = excluded.ms,
            reason = excluded.reason,
            changed_by = excluded.changed_by,
            changed_at = excluded.changed_at,
            execution_order = excluded.execution_order,
            output_stream = excluded.output_stream,
            output_seq = excluded.output_seq
        """,
        run_id,
        *columns,
    )


async def steps(tx: Reads, run_id: int) -> tuple[RunStep, ...]:
    """Return the steps of a run in the order of the parts."""
    rows = await tx.fetch(
        f"""
        select {_STEP_COLUMNS}
        from runbook_step
        where run_id = $1
        order by place
        """,
        run_id,
    )
    return tuple(_step(row) for row in rows)
