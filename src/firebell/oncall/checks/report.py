"""Every finding of a schedule, gathered in one place: as it is, and as an edit would make it (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firebell.oncall.calendars.faults import busy, faults
from firebell.oncall.calendars.model import Import, ImportedShift
from firebell.oncall.checks.rules import HORIZON, Facts, Finding, Level, findings
from firebell.oncall.checks.zone_changes import Clock, changed
from firebell.oncall.model import Schedule


@dataclass(frozen=True, slots=True)
class Around:
    """What stands around schedules: facts, calendars, known clocks by schedule, and when people are busy."""

    facts: Facts
    imports: Sequence[Import] = ()
    clocks: Mapping[int | str, Mapping[str, Clock]] = field(default_factory=dict)
    busy: Sequence[ImportedShift] = ()


def checks(schedule: Schedule, now: datetime, around: Around) -> list[Finding]:
    """Return all that is wrong with a schedule and its calendars within 28 days, errors first."""
    until = now + HORIZON
    found = [
        *faults([i for i in around.imports if i.schedule_id == schedule.id], now),
        *findings(schedule, now, until, around.facts),
        *changed(schedule, around.clocks.get(schedule.id, {}), now).values(),
        *busy(schedule, around.busy, now, until, around.facts),
    ]
    return sorted(found, key=lambda f: f.level is not Level.ERROR)
