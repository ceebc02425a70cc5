"""Which errors of a schedule its people were not told of yet: each once for its stretch of time (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.oncall.checks.rules import HORIZON, Finding, Level


@dataclass(frozen=True, slots=True)
class Reported:
    """What people were told of, and its stretch; None where it had begun, or where its end could not be seen."""

    what: str
    start: datetime | None
    end: datetime | None


def unreported(
    found: Sequence[Finding], told: Sequence[Reported], now: datetime
) -> tuple[list[Finding], list[Reported]]:
    """Return the errors that are new or last longer than was told, and what to remember of those there are.

    What begins meanwhile, and what comes into sight as a whole, stays the same. What is gone is forgotten.
    """
    fresh, known = [], []
    for finding in found:
        if finding.level is not Level.ERROR:
            continue
        here = _told(finding, now)
        before = next((t for t in told if _same(t, here, now)), None)
        if before is None or _longer(before, here):
            fresh.append(finding)
        start = here.start or (before.start if before else None)
        known.append(Reported(here.what, start, here.end))
    return fresh, known


def _told(finding: Finding, now: datetime) -> Reported:
    start = finding.start if finding.start and finding.start > now else None
    end = finding.end if finding.end and finding.end < now + HORIZON else None
    who = ",".join(str(user) for user in finding.users)
    # the id of what has a time changes when that begins; what has none is known by its id alone
    return Reported(f"{finding.code}:{who}" if finding.start else finding.id, start, end)


def _same(before: Reported, here: Reported, now: datetime) -> bool:
    if before.what != here.what:
        return False
    if here.start is not None:
        return before.start == here.start
    began = before.start is None or before.start <= now
    return began and (before.end is None or before.end > now)


def _longer(before: Reported, here: Reported) -> bool:
    return before.end is not None and (here.end is None or here.end > before.end)
