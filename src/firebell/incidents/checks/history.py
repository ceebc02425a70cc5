"""The history of an incident as step functions of time: its phase, its severity, and who held a role (pure)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.incidents.checks.model import CheckRecord
from firebell.incidents.model import ACTIVE, IncidentRole, Phase, TimelineEntry
from firebell.kit.intervals import Interval, minus, union

OPEN_PHASES = (*ACTIVE, Phase.MONITORING)


@dataclass(frozen=True, slots=True)
class HistoryStep:
    """A period during which phase and severity stayed the same; `cause` is the entry that began it."""

    start: datetime
    end: datetime
    phase: Phase
    severity: int
    cause: TimelineEntry

    @property
    def is_open(self) -> bool:
        """True while people respond to the incident."""
        return self.phase in OPEN_PHASES


def steps(record: CheckRecord, now: datetime) -> list[HistoryStep]:
    """Return the history from the declaration until now, without gaps; empty without a declaration.

    The times are those at which changes took effect.
    """
    declared = next((e for e in record.timeline if e.kind == "declared"), None)
    if declared is None:
        return []
    phase, severity = Phase.DECLARED, int(declared.data.get("severity", record.incident.max_severity))
    changes: list[tuple[datetime, Phase, int, TimelineEntry]] = [
        (declared.effective_at, phase, severity, declared)
    ]
    for entry in record.timeline:
        if entry.kind == "phase" and entry.data.get("to") in list(Phase):
            phase = Phase(entry.data["to"])
        elif entry.kind == "severity" and isinstance(entry.data.get("to"), int):
            severity = entry.data["to"]
        else:
            continue
        changes.append((max(entry.effective_at, changes[-1][0]), phase, severity, entry))
    ends = [*(at for at, *_ in changes[1:]), max(now, changes[-1][0])]
    return [
        HistoryStep(start, end, step_phase, step_severity, cause)
        for (start, step_phase, step_severity, cause), end in zip(changes, ends, strict=True)
        if start < end or end == now
    ]


def held(record: CheckRecord, role: IncidentRole, now: datetime) -> list[Interval]:
    """Return when someone had a role, as the fewest intervals."""
    return union((r.from_at, r.until_at or now) for r in record.roles if r.role is role)


@dataclass(frozen=True, slots=True)
class Vacancy:
    """A period during which a role was required and no one had it; `cause` is the entry that began it."""

    start: datetime
    end: datetime
    severity: int
    cause: TimelineEntry
    is_now: bool


def vacancies(
    record: CheckRecord,
    history: Sequence[HistoryStep],
    role: IncidentRole,
    requires: frozenset[int],
    now: datetime,
) -> list[Vacancy]:
    """Return when the incident was open at one of the severities `requires` without anyone in a role."""
    is_vacant = not any(r.role is role and r.until_at is None for r in record.roles)
    spans = union((s.start, s.end) for s in history if s.is_open and s.severity in requires)
    gaps = []
    for start, end in minus(spans, held(record, role, now)):
        severity = min(
            s.severity for s in history if s.start < end and start < s.end and s.severity in requires
        )
        is_now = end == now and history[-1].is_open and is_vacant
        gaps.append(Vacancy(start, end, severity, _cause(record, history, role, start), is_now))
    return gaps


def _cause(
    record: CheckRecord, history: Sequence[HistoryStep], role: IncidentRole, start: datetime
) -> TimelineEntry:
    """Return the entry that began a vacancy: the change of the incident, or that the role ended."""
    ended = [e for e in record.timeline if e.kind == "role" and e.effective_at == start]
    begun = [step.cause for step in history if step.start == start]
    return [*begun, *(e for e in ended if e.data.get("role") == role), record.timeline[0]][0]


def evidence_text(entry: TimelineEntry) -> str:
    """Return an entry as one line: who and what."""
    return " ".join(f"{entry.actor}: {entry.text}".split())[:200]
