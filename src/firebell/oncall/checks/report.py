"""Run all checks of a schedule, as it is or as a change would make it (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firebell.kit.findings import severest_first
from firebell.oncall.calendars.faults import busy, faults
from firebell.oncall.calendars.model import Import, ImportedShift
from firebell.oncall.checks.rules import HORIZON, Facts, Finding, findings
from firebell.oncall.checks.zone_changes import Clock, changed
from firebell.oncall.model import Schedule


@dataclass(frozen=True, slots=True)
class Around:
    """Everything that checks need besides the schedule itself."""

    facts: Facts
    imports: Sequence[Import] = ()
    clocks: Mapping[int | str, Mapping[str, Clock]] = field(default_factory=dict)
    busy: Sequence[ImportedShift] = ()


def checks(schedule: Schedule, now: datetime, around: Around) -> list[Finding]:
    """Return the findings of a schedule and its calendars within 28 days, errors first."""
    until = now + HORIZON
    all_findings = [
        *faults([i for i in around.imports if i.schedule_id == schedule.id], now),
        *findings(schedule, now, until, around.facts),
        *changed(schedule, around.clocks.get(schedule.id, {}), now).values(),
        *busy(schedule, around.busy, now, until, around.facts),
    ]
    return severest_first(all_findings)
