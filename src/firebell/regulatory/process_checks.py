"""Process checks of clocks, C-DUE, C-LATE and C-UNDETERMINED (spec 4.4), and of drafts, T-CONTRA (spec 7.16); pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from firebell.kit.findings import Evidence, FindingLevel, FixButton, ProcessFinding, severest_first
from firebell.regulatory.drafts.comparison import contradictions, stated_start
from firebell.regulatory.drafts.model import Draft
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


def contradiction_findings(
    ref: str, severity: int, drafts: Iterable[Draft], published: Sequence[tuple[int, str]]
) -> list[ProcessFinding]:
    """Return a finding for each draft that states something else than what was published.

    It names neither value, because more people read the findings than the drafts.
    """
    latest = {draft.obligation: draft for draft in sorted(drafts, key=lambda one: one.part)}
    return [
        ProcessFinding(
            f"{ref}:T-CONTRA:{draft.obligation}:{draft.part}",
            "T-CONTRA",
            FindingLevel.WARNING if severity <= 1 else FindingLevel.INFO,
            f"The draft of {draft.obligation} and a published text differ",
            subject=ref,
            advice="Correct the one that is wrong.",
            evidence=tuple(Evidence(f"e-{one.entry_id}", f"A published {one.kind}") for one in differing),
            fix=FixButton("View clock", href=f"/clocks#clock-{draft.obligation}"),
        )
        for draft in latest.values()
        if (differing := contradictions(draft.text, stated_start(draft.text), published))
    ]


def _evidence(clock: Clock) -> tuple[Evidence, ...]:
    """Return the fact that a clock runs from and, if it was submitted, the record of that."""
    start, record = clock.start, clock.record
    parts = []
    if start:
        parts.append(Evidence(f"fact-{start.fact}", f"{start.fact} at {start.at:%Y-%m-%d %H:%M} UTC"))
    if record:
        parts.append(Evidence(f"record-{record.id}", f"{record.fact}: {record.reason}".rstrip(": ")))
    return tuple(parts) or (Evidence(clock.id, clock.obligation.title),)
