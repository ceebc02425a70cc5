"""Actions on runs in the browser: change a step, roll back, stop, take over."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.durations import duration
from firebell.kit.errors import Conflict, Invalid, NotFound
from firebell.kit.text import clean_text
from firebell.people.action_permissions import internal, permits
from firebell.people.permissions import Verb
from firebell.runbooks.runs import event_store, store, summary_store
from firebell.runbooks.runs.model import (
    REASON_MAX_CHARS,
    RunbookRun,
    RunEvent,
    RunEventKind,
    RunKind,
    RunState,
    RunStep,
    StepKey,
)
from firebell.runbooks.runs.progress import (
    advance,
    begun,
    consequence,
    end_of_stopped,
    needs_reason,
    replay,
    waits_for,
)
from firebell.runbooks.runs.recording import locked, record, server_event
from firebell.runbooks.runs.reporting import report_events
from firebell.runbooks.runs.starting import ReportedRun, parse_ahead, report_run, start, text_of

__all__ = [
    "ReportedRun",
    "change_step",
    "find",
    "lose",
    "parse_ahead",
    "report_events",
    "report_run",
    "roll_back",
    "run_of",
    "start",
    "stop",
    "summaries",
    "take_over",
    "text_of",
]

find = store.run
summaries = summary_store.summaries


def _check_open(run: RunbookRun) -> None:
    if not run.is_open:
        raise Conflict(f"{run.ref} has ended.", hint="Start another run of the runbook.")
    if run.kind is RunKind.CLI and not run.is_taken_over:
        raise Conflict(
            f"{run.started_by} works through {run.ref} in a terminal.",
            hint="Ask them, or take the run over once the terminal is lost.",
        )


@permits(Verb.RUNBOOK_RUN)
async def change_step(
    tx: Tx,
    actor: Actor,
    run_id: int,
    key: StepKey,
    kind: RunEventKind,
    version: int,
    now: datetime,
    *,
    reason: str = "",
) -> RunbookRun:
    """Start, finish, fail or skip a step at the version at which the actor saw it.

    Raise `Conflict` with who changed it and when if its version is another one, or if a step of an earlier part is
    open, and `Invalid` without a reason that is required.
    """
    run = await locked(tx, run_id)
    _check_open(run)
    stored = await event_store.events(tx, run_id)
    progress = replay(begun(await store.steps(tx, run_id)), stored)
    step = progress.step(key)
    if step is None:
        raise NotFound(f"{run.ref} has no step {key[1]} in {key[0][:40]}.")
    if step.version != version:
        raise _changed_since(step, now)
    if first := waits_for(progress, key):
        raise Conflict(
            f"“{first.title}” comes first.", hint=f"Finish {first.part} before {step.part}, or skip it."
        )
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    if needs_reason(step.state, kind, None) > len(reason):
        raise Invalid("The reason is missing.", fields={"reason": "Enter at least 3 characters."})
    events = [*await _returned(run, stored, now)]
    event = server_event([*stored, *events], kind, now, actor, key, reason)
    changed = replay(begun(progress.steps), [*stored, *events])
    if advance(changed, event) is None:
        raise Conflict(f"“{step.title}” is {step.state}.", hint="Reload it to see its current state.")
    await tx.audit(actor, "runbook.step_changed", run.ref, now, step=f"{key[0]} {key[1]}", change=kind)
    return await _record_in_browser(tx, run, stored, [*events, event], now)


async def _returned(run: RunbookRun, stored: Sequence[RunEvent], now: datetime) -> list[RunEvent]:
    """Return the event of a lost run that someone continues."""
    return [server_event(stored, RunEventKind.RUN_RETURNED, now)] if run.state is RunState.LOST else []


def _changed_since(step: RunStep, now: datetime) -> Conflict:
    since = duration(now - (step.changed_at or now))
    return Conflict(
        f"{step.changed_by} changed this step {since} ago: it is {step.state}.",
        hint="Nothing was changed. Look at the step as it is now.",
        fields={"version": f"The step has version {step.version}."},
    )


async def _record_in_browser(
    tx: Tx, run: RunbookRun, stored: Sequence[RunEvent], new: Sequence[RunEvent], now: datetime
) -> RunbookRun:
    """Add events of the browser, and the end of the run that follows from them."""
    progress = replay(begun(await store.steps(tx, run.id)), [*stored, *new])
    end = consequence(progress)
    ends = [server_event([*stored, *new], end, now)] if end else []
    ends = [replace(each, by=new[-1].by, by_id=new[-1].by_id) for each in ends]
    await store.beat(tx, run.id, now)
    return await record(tx, run, stored, [*new, *ends], {}, now)


@permits(Verb.RUNBOOK_RUN)
async def roll_back(tx: Tx, actor: Actor, run_id: int, now: datetime, *, reason: str = "") -> RunbookRun:
    """Begin to roll a run back; its rollback then has steps of its own. Idempotent."""
    run = await locked(tx, run_id)
    _check_open(run)
    if run.is_rolling_back:
        return run
    stored = await event_store.events(tx, run_id)
    returned = await _returned(run, stored, now)
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    kind = RunEventKind.RUN_ROLLING_BACK
    event = server_event([*stored, *returned], kind, now, actor, reason=reason)
    await tx.audit(actor, "runbook.run_rolling_back", run.ref, now, runbook=run.slug)
    return await _record_in_browser(tx, run, stored, [*returned, event], now)


@permits(Verb.RUNBOOK_RUN)
async def stop(tx: Tx, actor: Actor, run_id: int, now: datetime, *, reason: str = "") -> RunbookRun:
    """End a run before its last step; it has failed if a step failed. Idempotent."""
    run = await locked(tx, run_id)
    if not run.is_open:
        return run
    _check_open(run)
    stored = await event_store.events(tx, run_id)
    returned = await _returned(run, stored, now)
    progress = replay(begun(await store.steps(tx, run_id)), [*stored, *returned])
    reason = clean_text(reason, REASON_MAX_CHARS, "reason")
    event = server_event([*stored, *returned], end_of_stopped(progress), now, actor, reason=reason)
    return await record(tx, run, stored, [*returned, event], {}, now)


@permits(Verb.RUNBOOK_RUN)
async def take_over(tx: Tx, actor: Actor, run_id: int, now: datetime) -> RunbookRun:
    """Continue a lost terminal run in the browser. Idempotent.

    Steps that were running are unknown until someone says whether they happened.
    """
    run = await locked(tx, run_id)
    if run.is_taken_over:
        return run
    if run.state is not RunState.LOST or run.kind is not RunKind.CLI:
        raise Conflict(
            f"{run.ref} is not lost.", hint="A run can be taken over 15 minutes after its last sign."
        )
    stored = await event_store.events(tx, run_id)
    event = server_event(stored, RunEventKind.RUN_TAKEN_OVER, now, actor)
    await tx.audit(actor, "runbook.run_taken_over", run.ref, now, runbook=run.slug)
    await store.beat(tx, run_id, now)
    return await record(tx, run, stored, [event], {}, now)


@internal("Called by the timer of a silent run.")
async def lose(tx: Tx, run: RunbookRun, now: datetime) -> RunbookRun:
    """Mark a locked run as lost."""
    stored = await event_store.events(tx, run.id)
    return await record(tx, run, stored, [server_event(stored, RunEventKind.RUN_LOST, now)], {}, now)


async def run_of(tx: Tx, run_id: int) -> RunbookRun:
    """Return a run that the reader may read; raise `NotFound`."""
    run = await store.run(tx, run_id)
    if run is None:
        raise NotFound(f"There is no RUN-{run_id}.")
    return run
