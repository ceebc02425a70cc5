"""What a plan would have done with past pages (spec 2.2)."""

from datetime import timedelta

from firebell.paging.model import Level, Plan
from firebell.paging.policy_effect import EffectLine, compare, effect

WAITS = [timedelta(minutes=m) for m in (0, 4, 5, 14, 15, 45, 600)]


def plan(*minutes: int, repeat: int = 0) -> Plan:
    return Plan("x", tuple(Level((), 60 * m) for m in minutes), repeat, None)


def test_a_page_enters_the_levels_that_it_waited_for() -> None:
    assert effect(plan(5, 10), WAITS).levels == (7, 5)
    assert [effect(plan(5, 10, repeat=n), WAITS).alarms for n in (0, 2, 40)] == [3, 2, 0]
    assert effect(plan(5), []) == effect(plan(5, repeat=3), [])


def test_a_draft_stands_beside_the_saved_plan() -> None:
    lines = compare(effect(plan(5, 10), WAITS), effect(plan(20), WAITS))
    assert lines == [
        EffectLine("Level 1", 7, 7),
        EffectLine("Level 2", 5, None),
        EffectLine("Final alarm", 3, 2),
    ]
    assert [line.is_changed for line in lines] == [False, True, True]
