"""What `firebell doctor` says about copies of status pages."""

from datetime import datetime, timedelta

from firebell.kit.db.database import Tx
from firebell.kit.findings import CheckResult
from firebell.kit.text import plural
from firebell.status_copies import difference_store, step_store, store
from firebell.status_copies.model import STUCK, CopyState, DifferenceState

NOT_COMPARED_FOR = timedelta(minutes=15)
COUNTED_STEPS = 1000


async def check(tx: Tx, now: datetime) -> list[CheckResult]:
    """Return a result for each copy; what does not work is a warning, because paging does not need it."""
    results = []
    for copy in await store.copies(tx):
        queue = await step_store.unfinished(tx, [copy.id], COUNTED_STEPS)
        stuck = sum(queued.step.state in STUCK for queued in queue)
        differences = await difference_store.differences(tx, [copy.id])
        open_ = sum(each.state is DifferenceState.OPEN for each in differences)
        problems = []
        if copy.state is CopyState.STOPPED:
            problems.append(f"T-SYNC: it is stopped ({copy.reason}). Enter a new key.")
        elif copy.state is CopyState.PAUSED:
            problems.append("It is paused.")
        elif now - (copy.checked_at or copy.created_at) > NOT_COMPARED_FOR:
            problems.append("T-SYNC: it was not compared for 15 minutes.")
        if stuck:
            problems.append(f"T-SYNC: {plural(stuck, 'update')} could not be sent.")
        if open_:
            problems.append(f"T-DRIFT: {plural(open_, 'difference')}.")
        text = " ".join(problems) or "It is the same as here."
        results.append(CheckResult("status page copy", "warn" if problems else "ok", f"{copy.label}: {text}"))
    return results
