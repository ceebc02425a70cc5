"""The grid of a schedule: red means a gap."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from firebell.oncall.model import Layer, Override, OverrideKind, Schedule, Unit
from firebell.oncall.rota import layer_versions, timeline_grid

CREATED_AT = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)
MONDAY = datetime(2026, 11, 23, 9)  # noqa: DTZ001 - wall time
WEEKLY = Layer(1, ((1,),), MONDAY, Unit.WEEK, 1, "UTC")
NO_ONE_AT_NOON = Override(
    1, 1, CREATED_AT + timedelta(hours=20), CREATED_AT + timedelta(hours=30), OverrideKind.SET
)


def schedule(*overrides: Override) -> Schedule:
    layer = layer_versions.begun(WEEKLY, CREATED_AT)
    return Schedule(1, "Primary", "UTC", (layer,), overrides, created_at=CREATED_AT)


def test_a_new_schedule_has_no_gap_before_it_was_created() -> None:
    now = CREATED_AT + timedelta(days=4)
    week = timeline_grid.picture("week", now, "UTC", now)
    final = timeline_grid.rows(schedule(NO_ONE_AT_NOON), week)[0].blocks
    assert [(block.start, block.users) for block in final] == [
        (CREATED_AT, (1,)),
        # a later gap is shown, even once it is over
        (NO_ONE_AT_NOON.start, ()),
        (NO_ONE_AT_NOON.end, (1,)),
    ]
    before = timeline_grid.picture("week", CREATED_AT - timedelta(days=7), "UTC", now)
    assert timeline_grid.rows(schedule(), before)[0].blocks == ()
    assert timeline_grid.agenda(schedule(), before, "UTC", str, now) == []


def test_a_schedule_that_begins_later_than_it_was_created_has_a_gap_until_then() -> None:
    later = replace(schedule(), layers=(replace(WEEKLY, start=CREATED_AT + timedelta(days=1)),))
    week = timeline_grid.picture("week", CREATED_AT, "UTC", CREATED_AT)
    first = timeline_grid.rows(later, week)[0].blocks[0]
    assert (first.start, first.end, first.users) == (CREATED_AT, CREATED_AT + timedelta(days=1), ())


def test_a_new_rotation_begins_now_and_keeps_its_handoffs() -> None:
    begun = layer_versions.begun(WEEKLY, CREATED_AT)
    assert (begun.start, begun.anchor) == (CREATED_AT, MONDAY)
    # a rotation with a later first handoff begins then
    assert layer_versions.begun(WEEKLY, CREATED_AT - timedelta(days=7)) == WEEKLY
