"""The guided step at which a document stands follows from what is stored."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from firebell.postmortems.guide.steps import StepFacts, StepId
from firebell.postmortems.progress.current_steps import CurrentStep, GuidedDocument, current_steps
from tests.rules.test_postmortem_checks import COMPLETE, TEMPLATE, WHYS

CLOSED = datetime(2026, 11, 24, 10, tzinfo=UTC)
WRITTEN = StepFacts(
    state="draft",
    due_at=CLOSED + timedelta(hours=48),
    began_at=CLOSED,
    first_saved_at=CLOSED + timedelta(hours=1),
    impact_start=CLOSED - timedelta(hours=3),
    is_recorded_from_start=True,
    has_met=True,
)


def step(body: str = COMPLETE, **changes: Any) -> CurrentStep | None:
    document = GuidedDocument(1, body, 1, replace(WRITTEN, **changes))
    return current_steps(msgspec.to_builtins([document]), TEMPLATE, ["Maria Lind"])[0]


@pytest.mark.parametrize(
    ("changes", "body", "expected", "hours"),
    [
        ({"first_saved_at": None}, COMPLETE, StepId.READ, 2),
        ({"impact_start": None}, COMPLETE, StepId.TIMELINE, 12),
        ({"is_recorded_from_start": False}, COMPLETE, StepId.TIMELINE, 12),
        ({}, COMPLETE.replace("1,200 payments failed [p:3].", "Many failed."), StepId.IMPACT, 24),
        ({"has_met": False}, COMPLETE, StepId.MEETING, 30),
        ({}, COMPLETE.replace(WHYS, ""), StepId.WHYS, 36),
        ({}, COMPLETE.replace(" -> ACT-8", ""), StepId.WHYS, 36),
        ({}, COMPLETE.replace("nothing limits the pool", "Maria Lind forgot it"), StepId.WHYS, 36),
        ({}, COMPLETE, StepId.REVIEW, 44),
        ({"state": "review", "first_saved_at": None}, COMPLETE, StepId.PUBLISHED, 48),
        ({"state": "approved"}, "", StepId.PUBLISHED, 48),
    ],
)
def test_the_first_step_that_is_not_done_is_the_current_one(
    changes: dict[str, Any], body: str, expected: StepId, hours: int
) -> None:
    current = step(body, **changes)
    assert current
    assert (current.id, current.due_at) == (expected, CLOSED + timedelta(hours=hours))
    assert current.missing
    assert current.number == list(StepId).index(expected) + 1
    assert current.text.startswith(f"step {current.number} of 7: ")


def test_a_published_document_has_no_step() -> None:
    assert step(state="published") is None


def test_the_times_of_a_week_are_stretched() -> None:
    current = step(has_met=False, due_at=CLOSED + timedelta(days=7))
    assert current
    assert current.due_at == CLOSED + timedelta(days=7) * 30 / 48
