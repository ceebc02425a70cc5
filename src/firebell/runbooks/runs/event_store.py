"""The SQL of the events of runs, and of the outputs that came with them."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from firebell.kit.db.database import Reads, Row, Tx
from firebell.kit.jobs.pruning import Retention, by_index
from firebell.kit.jobs.retention_store import count_rows
from firebell.runbooks.runs.model import RunEvent, RunEventKind, StepKey, StepOutput, Stream

OUTPUT_DAYS = 90
_EVENT_COLUMNS = "seq, at, kind, by, by_id, stream, part, position, exit, ms, reason"


def _event(row: Row) -> RunEvent:
    values = dict(row)
    return RunEvent(
        **{**values, "kind": RunEventKind(values["kind"]), "stream": Stream(values["stream"])},
    )


async def events(tx: Reads, run_id: int) -> list[RunEvent]:
    """Return the events of a run."""
    rows = await tx.fetch(
        f"""
        select {_EVENT_COLUMNS}
        from runbook_run_event
        where run_id = $1
        order by stream, seq
        """,
        run_id,
    )
    return [_event(row) for row in rows]


async def add_events(
    tx: Tx,
    run_id: int,
    new: Sequence[RunEvent],
    outputs: Mapping[int, StepOutput],
    now: datetime,
) -> None:
    """Add events, whose numbers are free, and the outputs of those with one, by their number."""
    await tx.many(
        """
        insert into runbook_run_event (
            run_id, stream, seq, at, received_at, kind, part, position, exit, ms, reason, by, by_id
        )
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        """,
        [
            (
                *(run_id, e.stream, e.seq, e.at, now, e.kind, e.part, e.position, e.exit, e.ms, e.reason),
                *(e.by, e.by_id),
            )
            for e in new
        ],
    )
    await tx.many(
        """
        insert into runbook_run_output (run_id, stream, seq, at, head, tail, redacted)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        [
            (run_id, e.stream, e.seq, now, outputs[e.seq].head, outputs[e.seq].tail, outputs[e.seq].redacted)
            for e in new
            if e.seq in outputs
        ],
    )


async def outputs_of(tx: Reads, run_id: int) -> dict[StepKey, StepOutput]:
    """Return the kept output of the last event of each step of a run, by part and position."""
    rows = await tx.fetch(
        """
        select part, position, head, tail, redacted
        from runbook_step
        join runbook_run_output on runbook_run_output.run_id = runbook_step.run_id
            and runbook_run_output.stream = runbook_step.output_stream
            and runbook_run_output.seq = runbook_step.output_seq
        where runbook_step.run_id = $1
        """,
        run_id,
    )
    return {
        (row["part"], row["position"]): StepOutput(row["head"], row["tail"], row["redacted"]) for row in rows
    }


async def delete_outputs(tx: Tx, before: datetime, limit: int) -> int:
    """Delete outputs that were received before an instant; return their number."""
    return await tx.changed(
        """
        delete from runbook_run_output
        where (run_id, stream, seq) in (
            select run_id, stream, seq
            from runbook_run_output
            where at < $1
            order by at
            limit $2
        )
        """,
        before,
        limit,
    )


RETENTIONS: Sequence[Retention] = (
    Retention(
        "runbook_run_output",
        OUTPUT_DAYS,
        by_index(delete_outputs),
        setting="runbook_outputs",
        label="Outputs of the steps of runbook runs",
        count=count_rows(
            """
            select
            from runbook_run_output
            where at < $1
            limit $2
            """
        ),
    ),
)
