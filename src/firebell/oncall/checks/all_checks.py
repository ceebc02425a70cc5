"""Run all checks of a schedule, as it is or as a change would make it (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firebell.kit.findings import severest_first
from firebell.oncall.calendars.model import Import, ImportedShift
from firebell.oncall.checks.calendar_rules import busy, faults
from firebell.oncall.checks.rules import CHECKS_HORIZON, CheckFacts, ScheduleFinding, findings
from firebell.oncall.checks.zone_changes import changed
from firebell.oncall.model import Schedule
from firebell.oncall.rota.tzdata_changes import ZoneOffsets


@dataclass(frozen=True, slots=True)
class CheckContext:
    """Everything that checks need besides the schedule itself."""

    facts: CheckFacts
    imports: Sequence[Import] = ()
    clocks: Mapping[int, Mapping[str, ZoneOffsets]] = field(default_factory=dict)
    busy: Sequence[ImportedShift] = ()


def checks(schedule: Schedule, now: datetime, context: CheckContext) -> list[ScheduleFinding]:
    """Return the findings of a schedule and its calendars within 28 days, errors first."""
    until = now + CHECKS_HORIZON
    all_findings = [
        *faults([i for i in context.imports if i.schedule_id == schedule.id], now),
        *findings(schedule, now, until, context.facts),
        *changed(schedule, context.clocks.get(schedule.id, {}), now).values(),
        *busy(schedule, context.busy, now, until, context.facts),
    ]
    return severest_first(all_findings)
