"""Store events of a run with what follows from them, and tell others."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM, Actor
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.jobs import timers
from firebell.people import actions as people
from firebell.runbooks.model import RunbookStepped
from firebell.runbooks.runs import event_store, store
from firebell.runbooks.runs.durations import seconds_between, usual
from firebell.runbooks.runs.lost_runs import TIMER, lost_at
from firebell.runbooks.runs.model import (
    EVENTS_PER_RUN,
    RunbookRun,
    RunEvent,
    RunEventKind,
    RunKind,
    RunProgress,
    RunState,
    RunStep,
    StepKey,
    StepOutput,
    Stream,
)
from firebell.runbooks.runs.progress import begun, contiguous, replay
from firebell.runbooks.text_checks import owning_team

_RECORDED = frozenset(
    {
        *(RunEventKind.STEP_DONE, RunEventKind.STEP_FAILED, RunEventKind.STEP_SKIPPED),
        *(RunEventKind.RUN_ROLLING_BACK, RunEventKind.RUN_LOST, RunEventKind.RUN_TAKEN_OVER),
    }
)
"""The events that others hear of as they happen; of an end they hear once the run has ended."""


def about(run: RunbookRun) -> dict[str, Any]:
    """Return what every event about a run says of it."""
    return {
        "run_id": run.id,
        "incident_id": run.incident_id,
        "slug": run.slug,
        "runbook": run.title,
        "is_dry": run.is_dry,
    }


async def announce(tx: Tx, run: RunbookRun) -> None:
    """Refresh the open screens that show a run."""
    await tx.live(f"run-{run.id}")
    await tx.live("runs")
    if run.incident_id is not None:
        await tx.live(f"inc-{run.incident_id}")


async def locked(tx: Tx, run_id: int) -> RunbookRun:
    """Lock and return a run that the reader may read; raise `NotFound`."""
    run = await store.run(tx, run_id, lock=True)
    if run is None:
        raise NotFound(f"There is no RUN-{run_id}.")
    return run


def server_event(
    stored: Sequence[RunEvent],
    kind: RunEventKind,
    now: datetime,
    actor: Actor = SYSTEM,
    key: StepKey = ("", 0),
    reason: str = "",
) -> RunEvent:
    """Return the next event that the server numbers; raise `Conflict` after too many."""
    seq = max((e.seq for e in stored if e.stream is Stream.SERVER), default=0) + 1
    if seq > EVENTS_PER_RUN:
        raise Conflict("The run has too many events.", hint="Stop it and start another run.")
    return RunEvent(
        seq=seq,
        at=now,
        kind=kind,
        by=actor.label,
        by_id=actor.person_id,
        part=key[0],
        position=key[1],
        reason=reason,
    )


async def record(
    tx: Tx,
    run: RunbookRun,
    stored: Sequence[RunEvent],
    new: Sequence[RunEvent],
    outputs: Mapping[int, StepOutput],
    now: datetime,
) -> RunbookRun:
    """Add events to a locked run, and store and announce what they change."""
    old_steps = await store.steps(tx, run.id)
    progress = replay(begun(old_steps), [*stored, *new])
    unknown = next((e for e in new if e.kind.is_of_step and progress.step(e.key) is None), None)
    if unknown is not None:
        raise Invalid(
            f"{run.ref} has no step {unknown.position} in {unknown.part}.",
            fields={"position": "Use part and position of a step of the run."},
        )
    last_seq = contiguous([e.seq for e in (*stored, *new) if e.stream is Stream.CLIENT])
    await event_store.add_events(tx, run.id, new, outputs, now)
    await store.save_progress(tx, run.id, progress, old_steps, last_seq)
    changed = replace(
        run,
        state=progress.state,
        is_rolling_back=progress.is_rolling_back,
        is_taken_over=progress.is_taken_over,
        ended_at=progress.ended_at,
        reason=progress.reason,
        last_seq=last_seq,
    )
    if not changed.is_open:
        await timers.cancel(tx, TIMER, str(run.id))
    elif run.state is RunState.LOST and changed.state is RunState.RUNNING:
        kind = RunKind.WEB if changed.is_taken_over else run.kind
        await timers.schedule(tx, TIMER, str(run.id), lost_at(kind, now))
    await announce(tx, changed)
    await _emit(tx, run, changed, progress, new, now)
    return changed


async def _emit(
    tx: Tx,
    old: RunbookRun,
    run: RunbookRun,
    progress: RunProgress,
    new: Sequence[RunEvent],
    now: datetime,
) -> None:
    """Tell other slices of events, and of the end of a run once."""
    subject = about(run)
    for event in new:
        if event.kind in _RECORDED:
            step = progress.step(event.key)
            await tx.emit(_stepped(subject, event, step), now)
    if old.is_open and not run.is_open and run.ended_at is not None:
        by = new[-1]
        ended = RunbookStepped(
            **subject,
            kind=f"run.{run.state}",
            at=run.ended_at.isoformat(),
            by=by.by,
            by_id=by.by_id,
            reason=run.reason,
            team_id=await _owning_team(tx, run.id),
            duration_s=seconds_between(run.started_at, run.ended_at),
            usual_s=usual(await store.durations(tx, run.slug, run.id)),
        )
        await tx.emit(ended, now)
        actor = Actor("person" if by.by_id else "system", by.by, by.by_id)
        await tx.audit(actor, "runbook.run_ended", run.ref, now, state=run.state, runbook=run.slug)


def _stepped(subject: Mapping[str, Any], event: RunEvent, step: RunStep | None) -> RunbookStepped:
    return RunbookStepped(
        **subject,
        kind=event.kind,
        at=event.at.isoformat(),
        by=event.by,
        by_id=event.by_id,
        part=event.part,
        label=step.label if step else "",
        step=step.title if step else "",
        reason=event.reason,
        exit=event.exit,
    )


async def _owning_team(tx: Tx, run_id: int) -> int | None:
    """Return the team that owns the runbook of a run, None if its owner is no team."""
    teams = {team.name: team.id for team in await people.teams(tx)}
    name = owning_team(await store.owner_of(tx, run_id), teams)
    return teams[name] if name else None
