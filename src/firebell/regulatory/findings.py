"""Process checks of clocks: C-DUE, C-LATE and C-UNDETERMINED (spec 4.4); pure."""

from collections.abc import Iterable
from datetime import datetime

from firebell.kit.findings import Evidence, FindingLevel, FixButton, ProcessFinding, severest_first
from firebell.regulatory.model import Clock, State

UNDECIDED_PERCENT = 50
"""How much of the time may pass before an undecided clock is a finding."""


def findings(ref: str, clocks: Iterable[Clock], now: datetime) -> list[ProcessFinding]:
    """Return the findings of an incident's clocks, errors first."""
    results = []
    for clock in clocks:
        name = f"{clock.applied.regime.name}, {clock.obligation.title}"
        match clock.state:
            case State.DUE_SOON:
                code, level, message = "C-DUE", FindingLevel.WARNING, f"{name} is due soon."
            case State.OVERDUE:
                code, level, message = "C-LATE", FindingLevel.ERROR, f"{name} is overdue."
            case State.LATE:
                code, level, message = "C-LATE", FindingLevel.ERROR, f"{name} was submitted late."
            case State.UNDECIDED if clock.elapsed_percent(now) >= UNDECIDED_PERCENT:
                code, level, message = "C-UNDETERMINED", FindingLevel.WARNING, f"{name} is not decided."
            case _:
                continue
        fix = FixButton("Record facts", href="/clocks") if clock.state is not State.LATE else None
        results.append(
            ProcessFinding(
                f"{ref}:{code}:{clock.id}",
                code,
                level,
                message,
                subject=ref,
                evidence=_evidence(clock),
                fix=fix,
            )
        )
    return severest_first(results)


def _evidence(clock: Clock) -> tuple[Evidence, ...]:
    """Return the fact that a clock runs from and, if it was submitted, the record of that."""
    start, record = clock.start, clock.record
    parts = []
    if start:
        parts.append(Evidence(f"fact-{start.fact}", f"{start.fact} at {start.at:%Y-%m-%d %H:%M} UTC"))
    if record:
        parts.append(Evidence(f"record-{record.id}", f"{record.fact}: {record.reason}".rstrip(": ")))
    return tuple(parts) or (Evidence(clock.id, clock.obligation.title),)
