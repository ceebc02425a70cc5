"""Keep what incidents are compared by: after a change at most once a minute, and every night for all."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.incidents.model import EntryAdded
from firebell.kit.db.database import Tx
from firebell.kit.jobs import timers
from firebell.people.action_permissions import internal
from firebell.postmortems.model import ComparedEntryAdded
from firebell.postmortems.similar import scoring, store

PROFILE_TIMER = "postmortems.profile"
FREQUENCY_TIMER = "postmortems.frequencies"
PROFILED_EVERY = timedelta(minutes=1)
BATCH = 50
"""Number of incidents that one run of the nightly timer weighs."""
FINDINGS_READ = 200
_COMPARED_KINDS = frozenset(
    {"backfilled", "canvas", "declared", "finding", "linked", "merged", "paged", "phase", "reported"}
)
"""The kinds of timeline entries that change what an incident is compared by."""


async def report_compared_entry(tx: Tx, event: EntryAdded, now: datetime) -> None:
    """Report an entry that changes what its incident is compared by; the others cost no row of the outbox."""
    if event.kind in _COMPARED_KINDS:
        await tx.emit(ComparedEntryAdded(event.incident_id), now)


async def profile_after_entry(tx: Tx, payload: Mapping[str, Any], now: datetime) -> None:
    """Let an incident be profiled within a minute of an entry that changes what it is compared by. Idempotent."""
    await timers.schedule_once(tx, PROFILE_TIMER, str(payload["incident_id"]), now + PROFILED_EVERY)


@internal("Called by the timers of profiles.")
async def profile(tx: Tx, incident_ids: Sequence[int]) -> None:
    """Store what incidents are compared by, and the weights of their terms. Idempotent."""
    compared = await store.count_compared(tx)
    for incident_id in incident_ids:
        read = await store.texts(tx, incident_id)
        if read is None:
            continue
        findings = (await incidents.timelines(tx, [incident_id], ["finding"]))[incident_id][-FINDINGS_READ:]
        counts = scoring.count_terms([*read.texts, *(entry.text for entry in findings)])
        await store.save_profile(tx, incident_id, read, counts)
        known = await store.frequencies(tx, list(counts))
        await store.save_terms(tx, incident_id, scoring.weigh(counts, known, compared))


@internal("Called by the timer of a profile.")
async def profile_changed(tx: Tx, incident_ids: Sequence[int]) -> None:
    """Profile incidents that changed, and refresh the rooms that show them."""
    await profile(tx, incident_ids)
    for incident_id in incident_ids:
        await tx.live(f"inc-{incident_id}")


@internal("Called by the nightly timer.")
async def weigh_all(tx: Tx, after: int) -> int | None:
    """Profile a batch of closed incidents after an id; return the last one if more are left, else None.

    Before the first batch, it is counted in how many documents each term occurs.
    """
    if after == 0:
        await store.count_terms(tx)
    batch = await store.incidents_after(tx, after, BATCH)
    await profile(tx, batch)
    return batch[-1] if len(batch) == BATCH else None
