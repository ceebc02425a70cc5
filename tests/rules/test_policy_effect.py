"""What a plan would have done with past pages (spec 2.2)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from firebell.paging.level_conditions import HIGH, Conditions, Hours, PageKind
from firebell.paging.model import Level, Plan
from firebell.paging.policies.effect import EffectLine, PastPage, compare, effect

NIGHT = datetime(2026, 11, 23, 1, tzinfo=UTC)
PAGES = [PastPage(NIGHT, timedelta(minutes=m), HIGH) for m in (0, 4, 5, 14, 15, 45, 600)]


def plan(*minutes: int, repeat: int = 0) -> Plan:
    return Plan("x", tuple(Level((), 60 * m) for m in minutes), repeat, None)


def test_a_page_enters_the_levels_that_it_waited_for() -> None:
    assert effect(plan(5, 10), PAGES).levels == (7, 5)
    assert [effect(plan(5, 10, repeat=n), PAGES).alarms for n in (0, 2, 40)] == [3, 2, 0]
    assert effect(plan(5), []) == effect(plan(5, repeat=3), [])


def test_a_draft_stands_beside_the_saved_plan() -> None:
    lines = compare(effect(plan(5, 10), PAGES), effect(plan(20), PAGES))
    assert lines == [
        EffectLine("Level 1", 7, 7),
        EffectLine("Level 2", 5, None),
        EffectLine("Final alarm", 3, 2),
    ]
    assert [line.is_changed for line in lines] == [False, True, True]


def test_bug_a_draft_with_conditions_seemed_to_change_nothing() -> None:
    first, second, third = plan(5, 10, 20).levels

    def levels(*conditions: Conditions, pages: list[PastPage] = PAGES) -> tuple[int, ...]:
        of_levels = zip((first, second, third), conditions, strict=True)
        draft = Plan("x", tuple(replace(one, conditions=each) for one, each in of_levels), 0, None)
        return effect(draft, pages).levels

    always, sev0 = Conditions(), Conditions(severities=(0,))
    assert levels(always, always, always) == (7, 5, 3)
    # a level that is passed takes no time
    assert levels(always, sev0, always) == (7, 0, 5)
    assert levels(always, sev0, always, pages=[PastPage(*PAGES[-1][:2], PageKind("high", 0))]) == (1, 1, 1)
    # hours count when the level would be entered, at 01:00 and at 01:05
    early = Conditions(hours=Hours(start=0, end=65))
    assert levels(early, early, always) == (7, 0, 5)
    # conditions that no level meets do not count
    assert levels(sev0, sev0, sev0) == (7, 5, 3)
