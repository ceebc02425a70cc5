"""A runbook of the demo organization with two finished runs and two that are under way."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from firebell.demo.history import Past
from firebell.kit.db.events import Actor
from firebell.runbooks import actions as library
from firebell.runbooks.runs import actions
from firebell.runbooks.runs.model import RunEvent, RunEventKind, StepKey, StepOutput
from firebell.runbooks.runs.steps_from_text import sha256_of

SLUG = "ledger-failover"
_CLIENT = "firebell runbook run on tomas-laptop"
_VARIABLES = {"CLUSTER": "eu-north-1", "NEW_PRIMARY": "ledger-db-2", "NEW_DSN": None}
_PROMOTED = "waiting for server to promote.... done\nserver promoted\n"
_TOO_SLOW = """\
deployment.apps/card-tokenizer-1c restarted
waiting for rollout: 1 of 4 updated
error: deployment "card-tokenizer-1c" exceeded its progress deadline
DATABASE_URL=postgres://[redacted:password in address]@ledger-db-1/ledger
"""
TEXT = """\
# Ledger failover

Move the ledger to its standby, and the tokenizer with it.

## Trigger

The alert `ledger-db: replication lag` or `checkout-api: 5xx` fires and the ledger refuses connections.

## Severity

SEV1 if customers can't pay by card, SEV2 otherwise.

## Prerequisites

- You can reach the cluster with `kubectl`.

Confirm that ledger-db-1 is at its limit:

```bash
psql "$OLD_DSN" -w -X -A -t -c 'select count(*) from pg_stat_activity'
```

Expected: a number near 400.

## Steps

### 1. Freeze deploys to payments

```bash
kubectl -n payments annotate deploy --all firebell.example/freeze=yes --overwrite
```

### 2. Promote ledger-db-2

Writes since the last received position are lost. Say the number aloud first.

```bash undo=demote
pg_ctl promote -D "$NEW_PGDATA" -w -t 60
```

Expected: `server promoted`.

### 3. Recycle the tokenizer pool, zone 1c

Old connections still point at ledger-db-1. Recycle one zone at a time and wait until each reports ready.

```bash
kubectl -n payments rollout restart deploy/card-tokenizer-1c
```

### 4. Unfreeze deploys and tell #payments

```bash
kubectl -n payments annotate deploy --all firebell.example/freeze-
```

## Verification

- Failed card payments stay under 1% for 10 minutes.

## Rollback

Make ledger-db-1 primary again. Writes to ledger-db-2 are lost:

```bash id=demote
patronictl switchover "$CLUSTER" --leader ledger-db-2 --candidate ledger-db-1
```

## Owner

Payments

## Last updated

2026-11-20
"""
_PREPARE, _CONFIRM, _FREEZE = ("Prerequisites", 1), ("Prerequisites", 2), ("Steps", 1)
_PROMOTE, _RECYCLE, _UNFREEZE, _VERIFY = ("Steps", 2), ("Steps", 3), ("Steps", 4), ("Verification", 1)
_Line = tuple[float, RunEventKind, StepKey, int | None, str, str]
"""Minutes after the start, what happened, the step, the exit code, the reason and the output."""
_DONE, _FAILED, _STARTED = RunEventKind.STEP_DONE, RunEventKind.STEP_FAILED, RunEventKind.STEP_STARTED
_BEGINNING: Sequence[_Line] = (
    (0.2, _DONE, _PREPARE, None, "", ""),
    (0.9, _DONE, _CONFIRM, 0, "", "max_connections  400\nin use           400\nwaiting           61\n"),
    (1.6, RunEventKind.STEP_SKIPPED, _FREEZE, None, "frozen already, the change freeze began before", ""),
    (6.8, _DONE, _PROMOTE, 0, "", _PROMOTED),
)


async def write(past: Past) -> None:
    """Write the runbook, and run it twice as a rehearsal."""
    mara, tomas = past.kestrel.actor("Mara"), past.kestrel.actor("Tomás")
    async with past.ctx.db.tx() as tx:
        await library.save(tx, mara, SLUG, TEXT, past.clock.now())
    for number, minutes in ((1, 24.0), (2, 31.0)):
        lines = (
            *_BEGINNING,
            (minutes * 0.6, _DONE, _RECYCLE, 0, "", "deployment.apps/card-tokenizer-1c restarted\n"),
            (minutes * 0.7, _DONE, _UNFREEZE, 0, "", ""),
            (minutes, _DONE, _VERIFY, None, "", ""),
            (minutes, RunEventKind.RUN_SUCCEEDED, ("", 0), None, "", ""),
        )
        await _report(past, tomas, number, minutes, lines, ago=(3 - number) * 50)


async def fail_over(past: Past, incident_id: int, minutes: float) -> None:
    """Simulate a terminal that runs it for an incident since some minutes, and a step that failed twice."""
    tomas = past.kestrel.actor("Tomás")
    lines = (
        *_BEGINNING,
        (minutes - 6, _STARTED, _RECYCLE, None, "", ""),
        (minutes - 4, _FAILED, _RECYCLE, 1, "", ""),
        (minutes - 3, _STARTED, _RECYCLE, None, "", ""),
        (minutes - 1.5, _FAILED, _RECYCLE, 1, "", _TOO_SLOW),
    )
    await _report(past, tomas, 3, minutes, lines, incident_id)


async def invalidate_cache(past: Past, incident_id: int) -> None:
    """Simulate two people who work through a runbook in the browser."""
    jun, mara = past.kestrel.actor("Jun"), past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        run = await actions.start(tx, jun, "cache-invalidation", past.clock.now(), incident_id=incident_id)
    for position in range(1, 7):
        await past.wait(0.3)
        who = jun if position % 2 else mara
        async with past.ctx.db.tx() as tx:
            key = ("Prerequisites", position)
            await actions.change_step(tx, who, run.id, key, _DONE, 0, past.clock.now())
    async with past.ctx.db.tx() as tx:
        await actions.change_step(tx, jun, run.id, ("Steps", 1), _STARTED, 0, past.clock.now())


async def _report(
    past: Past,
    actor: Actor,
    number: int,
    minutes: float,
    lines: Sequence[_Line],
    incident_id: int | None = None,
    ago: float = 0,
) -> None:
    """Report a run of a terminal that took some minutes until `ago` minutes ago, with its journal."""
    now = past.clock.now()
    began = now - timedelta(minutes=minutes + ago)
    reported = actions.ReportedRun(
        client_id=str(UUID(int=number)),
        slug=SLUG,
        sha256=sha256_of(TEXT.rstrip() + "\n"),
        incident_id=incident_id,
        variables=_VARIABLES,
        client=_CLIENT,
        started_at=began,
    )
    events = [_event(seq, line, began) for seq, line in enumerate(lines, 1)]
    outputs = {seq: StepOutput(line[5]) for seq, line in enumerate(lines, 1) if line[5]}
    async with past.ctx.db.tx() as tx:
        run = await actions.report_run(tx, actor, reported, now)
        await actions.report_events(tx, actor, run.id, events, outputs, now)
    await past.settle()


def _event(seq: int, line: _Line, began: datetime) -> RunEvent:
    minute, kind, key, exit_code, reason, _ = line
    return RunEvent(
        seq=seq,
        at=began + timedelta(minutes=minute),
        kind=kind,
        by="",
        part=key[0],
        position=key[1],
        exit=exit_code,
        ms=None if exit_code is None else 90_000 if exit_code else 4_000,
        reason=reason,
    )
