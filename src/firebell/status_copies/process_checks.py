"""Process checks of copies: T-SYNC and T-DRIFT (spec 7.16); pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from firebell.kit.findings import Evidence, FindingLevel, FixButton, ProcessFinding, severest_first
from firebell.kit.text import plural
from firebell.status_copies.model import STUCK, CopyState, Difference, QueuedStep, StatusCopy

SENT_WITHIN = timedelta(minutes=2)
STRICT_SEVERITIES = (0, 1)
"""The severities whose findings keep their level; those of the others are one lower."""
_LOWER = {
    FindingLevel.ERROR: FindingLevel.WARNING,
    FindingLevel.WARNING: FindingLevel.INFO,
    FindingLevel.INFO: FindingLevel.INFO,
}
FIX = FixButton("Open status pages", href="/status-pages")


def _level(level: FindingLevel, severity: int) -> FindingLevel:
    return level if severity in STRICT_SEVERITIES else _LOWER[level]


def findings(
    ref: str,
    severity: int,
    queue: Sequence[tuple[StatusCopy, QueuedStep]],
    differences: Sequence[tuple[StatusCopy, Difference]],
    lacking: Sequence[tuple[StatusCopy, int]],
    now: datetime,
) -> list[ProcessFinding]:
    """Return the findings of the copies of one incident, errors first; a paused copy has none about its queue."""
    results = []
    for copy in dict.fromkeys(copy for copy, _ in queue):
        steps = [queued for each, queued in queue if each == copy]
        stuck = [queued for queued in steps if queued.step.state in STUCK]
        late = [queued for queued in steps if now - queued.step.created_at > SENT_WITHIN]
        if copy.state is CopyState.PAUSED or not (stuck or late):
            continue
        first = (stuck or late)[0]
        count = plural(len(steps), "update")
        reason = first.step.error or copy.reason or "It waits in the queue."
        results.append(
            ProcessFinding(
                f"{ref}:T-SYNC:{copy.id}",
                "T-SYNC",
                _level(FindingLevel.ERROR, severity),
                f"{copy.label} lacks {count}.",
                subject=ref,
                evidence=(Evidence(f"update-{first.step.update_id}", reason),),
                fix=FIX,
            )
        )
    for copy, number in lacking:
        results.append(
            ProcessFinding(
                f"{ref}:T-SYNC:{copy.id}:map",
                "T-SYNC",
                _level(FindingLevel.WARNING, severity),
                f"{plural(number, 'component')} of this incident {'is' if number == 1 else 'are'} not mapped"
                f" to {copy.label}.",
                subject=ref,
                fix=FIX,
            )
        )
    for copy, difference in differences:
        results.append(
            ProcessFinding(
                f"{ref}:T-DRIFT:{difference.id}",
                "T-DRIFT",
                _level(FindingLevel.WARNING, severity),
                f"{copy.label} differs from your status page: {difference.kind}.",
                subject=ref,
                evidence=(Evidence(f"difference-{difference.id}", f"There: {difference.theirs[:200]}"),),
                fix=FIX,
            )
        )
    return severest_first(results)
