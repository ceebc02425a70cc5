"""Which schedule errors have not been reported yet: each is reported once for its interval (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.findings import FindingLevel
from firebell.oncall.checks.rules import CHECKS_HORIZON, ScheduleFinding


@dataclass(frozen=True, slots=True)
class Reported:
    """A reported error; `start` is None if it had begun, `end` if it ends after the horizon."""

    what: str
    start: datetime | None
    end: datetime | None


def unreported(
    findings: Sequence[ScheduleFinding], reported: Sequence[Reported], now: datetime
) -> tuple[list[ScheduleFinding], list[Reported]]:
    """Return the errors that are new or last longer than reported, and the errors to record as reported.

    An error that has begun, or whose end has come into the horizon, is the same error. Past ones are dropped.
    """
    new_errors, to_record = [], []
    for finding in findings:
        if finding.level is not FindingLevel.ERROR:
            continue
        current = _as_reported(finding, now)
        before = next((r for r in reported if _same(r, current, now)), None)
        if before is None or _longer(before, current):
            new_errors.append(finding)
        start = current.start or (before.start if before else None)
        to_record.append(Reported(current.what, start, current.end))
    return new_errors, to_record


def _as_reported(finding: ScheduleFinding, now: datetime) -> Reported:
    start = finding.start if finding.start and finding.start > now else None
    end = finding.end if finding.end and finding.end < now + CHECKS_HORIZON else None
    users = ",".join(str(user) for user in finding.users)
    # the id of a finding with a start changes when it begins
    return Reported(f"{finding.code}:{users}" if finding.start else finding.id, start, end)


def _same(before: Reported, current: Reported, now: datetime) -> bool:
    if before.what != current.what:
        return False
    if current.start is not None:
        return before.start == current.start
    began = before.start is None or before.start <= now
    return began and (before.end is None or before.end > now)


def _longer(before: Reported, current: Reported) -> bool:
    return before.end is not None and (current.end is None or current.end > before.end)
