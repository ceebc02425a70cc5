"""What an edit would do before it is saved: who gains, who loses, which gaps and findings; pure."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.oncall.checks.grouping import group_gaps
from firebell.oncall.checks.report import Around, checks
from firebell.oncall.checks.rules import Finding
from firebell.oncall.model import Change, Schedule, User
from firebell.oncall.rota.shifts import diff, gaps
from firebell.oncall.swaps.exchange import Stretch, minus

GAPS_AHEAD = timedelta(days=400)
"""How far new gaps are looked for: past two changes of the clock (spec 1.2)."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What differs on `[a, b)`: `hours` of who gains (more than 0) or loses, gaps and findings that are new."""

    changes: tuple[Change, ...]
    hours: Mapping[User, float]
    new_gaps: tuple[Stretch, ...]
    closed_gaps: tuple[Stretch, ...]
    new_findings: tuple[Finding, ...]
    fixed_findings: tuple[Finding, ...]


def preview(old: Schedule, new: Schedule, a: datetime, b: datetime, around: Around) -> Preview:
    """Return what `new` changes; gaps are compared on 400 days from `a`, findings on 28.

    A finding that becomes worse or milder is mended and new. Gaps of one kind are one finding.
    """
    changes = diff(old, new, a, b)
    hours: dict[User, float] = defaultdict(float)
    for start, end, before, after in changes:
        for users, sign in ((before, -1), (after, 1)):
            for user in users:
                hours[user] += sign * ((end - start) / timedelta(hours=1))
    far = a + GAPS_AHEAD
    was, will = gaps(old, a, far), gaps(new, a, far)
    had, has = (checks(s, a, around) for s in (old, new))
    old_ids, new_ids = ({(f.id, f.level) for f in findings} for findings in (had, has))
    return Preview(
        tuple(changes),
        {user: round(h, 2) for user, h in hours.items() if round(h, 2)},
        tuple(minus(will, was)),
        tuple(minus(was, will)),
        tuple(group_gaps([f for f in has if (f.id, f.level) not in old_ids], new.tz, a)),
        tuple(group_gaps([f for f in had if (f.id, f.level) not in new_ids], old.tz, a)),
    )
