"""The effect of a change before it is saved: hours gained and lost, gaps and findings (pure)."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from firebell.kit.intervals import Interval, minus
from firebell.oncall.checks.all_checks import CheckContext, checks
from firebell.oncall.checks.grouping import group_gaps
from firebell.oncall.checks.rules import ScheduleFinding
from firebell.oncall.model import Change, Schedule, User
from firebell.oncall.rota.shifts import diff, gaps

GAPS_AHEAD = timedelta(days=400)
"""How far ahead new gaps are searched: past two changes of the clock (spec 1.2)."""


@dataclass(frozen=True, slots=True)
class Preview:
    """What differs between two versions of a schedule; `hours` are positive for people who gain."""

    changes: tuple[Change, ...]
    hours: Mapping[User, float]
    new_gaps: tuple[Interval, ...]
    closed_gaps: tuple[Interval, ...]
    new_findings: tuple[ScheduleFinding, ...]
    fixed_findings: tuple[ScheduleFinding, ...]
    findings: tuple[ScheduleFinding, ...]
    """Every finding of the new version."""


def preview(old: Schedule, new: Schedule, start: datetime, end: datetime, context: CheckContext) -> Preview:
    """Return what `new` changes on `[start, end)`; gaps are compared on 400 days from `start`, findings on 28.

    A finding whose level changes is both fixed and new. Gaps of one kind are one finding.
    """
    changes = diff(old, new, start, end)
    hours: dict[User, float] = defaultdict(float)
    for low, high, before, after in changes:
        for users, sign in ((before, -1), (after, 1)):
            for user in users:
                hours[user] += sign * ((high - low) / timedelta(hours=1))
    gaps_until = start + GAPS_AHEAD
    old_gaps, new_gaps = gaps(old, start, gaps_until), gaps(new, start, gaps_until)
    old_findings, new_findings = (checks(s, start, context) for s in (old, new))
    old_ids, new_ids = ({(f.id, f.level) for f in findings} for findings in (old_findings, new_findings))
    added = [f for f in new_findings if (f.id, f.level) not in old_ids]
    fixed = [f for f in old_findings if (f.id, f.level) not in new_ids]
    return Preview(
        changes=tuple(changes),
        hours={user: round(h, 2) for user, h in hours.items() if round(h, 2)},
        new_gaps=tuple(minus(new_gaps, old_gaps)),
        closed_gaps=tuple(minus(old_gaps, new_gaps)),
        new_findings=tuple(group_gaps(added, new.tz, start)),
        fixed_findings=tuple(group_gaps(fixed, old.tz, start)),
        findings=tuple(group_gaps(new_findings, new.tz, start)),
    )
