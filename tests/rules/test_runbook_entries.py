"""What the timeline of an incident says about a run."""

from dataclasses import asdict
from typing import Any

import pytest

from firebell.incidents.timeline.runbook_entries import entry_text
from firebell.runbooks.model import RUN_STARTED, RunbookStepped


def stepped(kind: str, **more: Any) -> dict[str, Any]:
    """Return an event of RUN-7 as the outbox carries it."""
    event = RunbookStepped(
        **{
            "run_id": 7,
            "incident_id": 3,
            "slug": "search",
            "runbook": "Search is slow",
            "kind": kind,
            "at": "2026-11-24T03:14:00+00:00",
            "by": "Jun",
            "by_id": 2,
            "is_dry": False,
            "part": "Steps" if kind.startswith("step.") else "",
            "label": "2",
            "step": "Restart",
            **more,
        }
    )
    return asdict(event)


@pytest.mark.parametrize(
    ("event", "severity", "text"),
    [
        (stepped(RUN_STARTED), 3, "began the runbook Search is slow (RUN-7)"),
        (stepped("step.done"), 1, "finished step 2 of RUN-7, Restart"),
        (stepped("step.done"), 2, None),
        (stepped("step.done", part="Verification", label=""), 0, "finished verification of RUN-7, Restart"),
        (stepped("step.done", part="Prerequisites"), 0, None),
        (stepped("step.done", part="Rollback", label=""), 3, "finished rollback of RUN-7, Restart"),
        (stepped("step.failed", exit=1), 3, "tried step 2 of RUN-7, Restart, which failed with exit code 1"),
        (stepped("step.skipped", reason="off"), 3, "skipped step 2 of RUN-7, Restart: off"),
        (stepped("step.started"), 0, None),
        (stepped("run.rolling_back", reason="worse"), 3, "began to roll back RUN-7: worse"),
        (stepped("run.succeeded", duration_s=40), 3, "finished RUN-7, Search is slow, after 40 seconds"),
        (
            stepped("run.rolled_back", duration_s=1080, usual_s=1440),
            3,
            "rolled back RUN-7, Search is slow, after 18 min (usually 24 min)",
        ),
        (stepped("run.lost"), 3, "Lost contact with RUN-7, Search is slow."),
        (stepped("run.taken_over"), 3, "took over RUN-7 in the browser"),
        (stepped(RUN_STARTED, is_dry=True), 0, None),
        (stepped("step.failed", is_dry=True), 0, None),
    ],
)
def test_the_timeline_has_what_matters_at_the_severity(
    event: dict[str, Any], severity: int, text: str | None
) -> None:
    assert entry_text(event, severity) == text
