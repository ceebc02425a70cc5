"""Which shift changes are handoffs (pure)."""

from datetime import UTC, date, datetime, timedelta

from firebell.handoffs import milestones
from firebell.handoffs.model import ShiftChange
from firebell.oncall.model import Layer, Schedule, Unit
from firebell.oncall.rota import layer_versions

ANCHOR = datetime(2026, 11, 16, 9)  # noqa: DTZ001 - wall time
HANDOFF = datetime(2026, 11, 23, 9, tzinfo=UTC)


def test_the_first_handoff_is_drafted_even_on_the_day_the_schedule_was_created() -> None:
    created_at = HANDOFF - timedelta(hours=1)
    weekly = layer_versions.begun(Layer(1, ((1,), (2,)), ANCHOR, Unit.WEEK, 1, "UTC"), created_at)
    schedule = Schedule(1, "Primary", "UTC", (weekly,), created_at=created_at)
    changes = milestones.changes(schedule, created_at, created_at + timedelta(days=1))
    assert changes == [ShiftChange(date(2026, 11, 23), created_at, HANDOFF)]
