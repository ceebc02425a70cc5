"""The findings of a run (pure)."""

from collections.abc import Sequence

from firebell.kit.findings import Finding, FindingLevel
from firebell.runbooks.runs.model import FORWARD_PARTS, RunbookRun, RunState, RunStep, RunStepState

UNVERIFIED = "R-UNVERIFIED"
RUN_RULES = {UNVERIFIED: "A run that succeeded has verified that the problem is solved."}
"""The checks of runs with what they require."""


def findings(run: RunbookRun, steps: Sequence[RunStep]) -> list[Finding]:
    """Return the findings of a run; only one that succeeded can have any."""
    verifications = [step for step in steps if step.part == FORWARD_PARTS[-1]]
    skipped = [step for step in verifications if step.state is RunStepState.SKIPPED]
    if run.state is not RunState.SUCCEEDED or run.is_dry or (verifications and not skipped):
        return []
    message = f"“{skipped[0].title}” was skipped." if skipped else "The runbook has no verification."
    return [
        Finding(
            f"{UNVERIFIED}:{run.ref}",
            UNVERIFIED,
            FindingLevel.WARNING,
            f"The run succeeded without its verification. {message}",
            subject=run.ref,
            advice="Check that the problem is solved, and write it on the timeline.",
        )
    ]
