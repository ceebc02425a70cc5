"""Store what a terminal reports of its run."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Conflict, Invalid
from firebell.kit.text import clean_text
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.runbooks.runs import event_store, recording, store
from firebell.runbooks.runs.model import (
    NEEDS_REASON,
    REASON_MAX_CHARS,
    REASON_MIN_CHARS,
    SERVER_KINDS,
    RunbookRun,
    RunEvent,
    RunEventKind,
    RunKind,
    RunState,
    StepOutput,
    Stream,
)


@permits(Verb.RUNBOOK_RUN)
async def report_events(
    tx: Tx,
    actor: Actor,
    run_id: int,
    events: Sequence[RunEvent],
    outputs: Mapping[int, StepOutput],
    now: datetime,
) -> RunbookRun:
    """Store events of a terminal's journal, in any order; those that are stored already change nothing.

    Without events it is a heartbeat. Raise `Conflict` if another terminal has used one of the numbers.
    """
    run = await recording.locked(tx, run_id)
    if run.kind is not RunKind.CLI:
        raise Conflict(f"{run.ref} is worked through in the browser.", hint=f"Open /runbooks/runs/{run.ref}.")
    stored = await event_store.events(tx, run_id)
    by_seq = {e.seq: e for e in stored if e.stream is Stream.CLIENT}
    new: dict[int, RunEvent] = {}
    for event in events:
        _check_reported(event)
        known = by_seq.get(event.seq) or new.get(event.seq)
        if known is None:
            at = min(event.at, now)
            reason = clean_text(event.reason, REASON_MAX_CHARS, "reason")
            new[event.seq] = replace(
                event,
                at=at,
                reason=reason,
                by=actor.label,
                by_id=actor.person_id,
                stream=Stream.CLIENT,
            )
        elif (known.kind, known.key, known.exit) != (event.kind, event.key, event.exit):
            raise Conflict(
                f"Event {event.seq} of {run.ref} differs: another terminal continues this run.",
                hint="Stop one of the two.",
            )
    await store.beat(tx, run_id, now)
    server = (
        [recording.server_event(stored, RunEventKind.RUN_RETURNED, now)] if run.state is RunState.LOST else []
    )
    if not new and not server:
        return run
    return await recording.record(tx, run, stored, [*new.values(), *server], outputs, now)


def _check_reported(event: RunEvent) -> None:
    if event.kind in SERVER_KINDS:
        raise Invalid(f"Only the server records {event.kind}.", fields={"kind": "Leave it out."})
    if event.kind.is_of_step is not bool(event.part and event.position):
        hint = "Send part and position." if event.kind.is_of_step else "Leave out part and position."
        raise Invalid(f"{event.kind} at the wrong place.", fields={"part": hint})
    if event.kind in NEEDS_REASON and len(event.reason.strip()) < REASON_MIN_CHARS:
        raise Invalid("A skipped step has no reason.", fields={"reason": "Enter at least 3 characters."})
