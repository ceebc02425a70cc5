"""Whose acknowledgment of a page counts, and how many are enough."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from firebell.paging.escalation.state_machine import (
    Ack,
    Answered,
    Due,
    Entered,
    Extend,
    Leave,
    Refused,
    Replan,
    Snooze,
    advance,
    step,
)
from firebell.paging.level_conditions import Conditions, Hours, PageKind
from firebell.paging.model import Level, PageState, Plan, Strategy, Target, TargetKind
from tests.rules.test_escalation_rules import NOW, TEAM, page, stepped


def _all(people: tuple[int, ...], _level: int) -> tuple[int, ...]:
    return people


ANN, BOB = (Target(TargetKind.PERSON, i) for i in (1, 2))


def test_who_remains_at_a_level_in_turn_is_paged_when_the_one_in_turn_is_taken_out() -> None:
    in_turn = Level((ANN, BOB), 300, Strategy.ROUND_ROBIN)
    entered = advance(page(in_turn), lambda _: (1, 2), NOW)
    assert isinstance(entered, Entered)
    assert entered.people == (1,)
    after = stepped(entered.page, Replan(Plan("P", (replace(in_turn, targets=(BOB,)),), 0, None)))
    again = advance(after, lambda _: (2,), NOW)
    assert isinstance(again, Entered)
    assert again.people == (2,)
    kept = stepped(entered.page, Replan(Plan("P", (replace(in_turn, ack_within_s=60),), 0, None)))
    assert (kept.level, kept.epoch) == (0, entered.page.epoch)


@pytest.mark.parametrize("acks", [(), (1,)])
def test_a_corrected_number_of_people_counts_for_pages_that_passed_the_level(acks: tuple[int, ...]) -> None:
    second = Level(TEAM, 300)
    old = page(Level(TEAM, 300, min_acks=3), second)
    at_second = replace(old, level=1, acks=acks, acks_needed=3)
    corrected = Replan(Plan("P", (Level(TEAM, 300), second), 0, None))
    after = stepped(at_second, corrected)
    assert (after.acks_needed, after.state is PageState.ACKED) == (1, bool(acks))
    asleep = stepped(replace(at_second, state=PageState.SNOOZED), corrected)
    assert stepped(asleep, Due()).acks_needed == 1
    # an alarm to everyone ends too
    alarming = stepped(replace(at_second, state=PageState.EXHAUSTED), corrected)
    assert (alarming.state is PageState.ACKED) == bool(acks)


def test_an_early_acknowledgment_is_enough_for_a_first_level_that_is_passed() -> None:
    sev0 = Level(TEAM, 300, min_acks=2, conditions=Conditions(severities=(0,)))
    early = stepped(page(sev0, Level(TEAM, 300), kind=PageKind("low", 2)), Ack(person_id=1))
    assert (early.state, early.acks_missing) == (PageState.TRIGGERED, 1)
    for people in ((1, 2), (1,)):
        outcome = advance(early, partial(_all, people), NOW)
        assert isinstance(outcome, Answered)
        assert (outcome.page.state, outcome.page.level, outcome.excluded) == (PageState.ACKED, 1, (0,))
        assert outcome.page.due_at is None
    # of a SEV0 page, the first level still needs two
    entered = advance(replace(early, severity=0), lambda _: (1, 2), NOW)
    assert isinstance(entered, Entered)
    assert (entered.people, entered.page.acks_missing) == ((2,), 1)
    # a level at which everyone has acknowledged still needs as many
    both = page(Level((ANN,), 300, min_acks=2), Level((BOB,), 300))
    other = advance(stepped(both, Ack(person_id=1)), lambda level: (level + 1,), NOW)
    assert isinstance(other, Entered)
    assert (other.people, other.page.acks_needed) == ((2,), 2)


def test_bug_an_early_acknowledgment_closed_a_page_whose_next_level_needs_two() -> None:
    by_day = Level((ANN,), 300, conditions=Conditions(hours=Hours(start=9 * 60, end=17 * 60)))
    both = page(by_day, Level(TEAM, 300, min_acks=2))
    early = stepped(both, Ack(person_id=1))
    assert (early.state, early.acks_missing) == (PageState.TRIGGERED, 1)
    at_night = advance(early, lambda level: ((1,), (1, 2))[level], NOW)
    assert isinstance(at_night, Entered)
    assert (at_night.people, at_night.page.level, at_night.page.acks_missing) == ((2,), 1, 1)
    assert stepped(early, Ack(person_id=2)).state is PageState.ACKED
    # by day, the first level needs no more
    noon = NOW + timedelta(hours=12)
    assert isinstance(
        advance(replace(early, due_at=noon), lambda level: ((1,), (1, 2))[level], noon), Answered
    )
    # a level without conditions is entered first, whatever those after it need
    assert stepped(page(Level(TEAM), *both.plan.levels), Ack(person_id=1)).state is PageState.ACKED


def test_who_leaves_or_withdraws_counts_no_longer() -> None:
    level = Level(TEAM, 300, min_acks=2)
    entered = advance(page(level), lambda _: (1, 2, 3), NOW).page
    two = stepped(stepped(entered, Ack(person_id=1)), Ack(person_id=2))
    one = stepped(two, Leave(1))
    assert (one.state, one.level, one.acks, one.due_at) == (PageState.TRIGGERED, -1, (2,), NOW)
    # who joins is one of them, and three are one more than is needed
    three = stepped(two, Ack(person_id=3))
    assert (three.acks, stepped(three, Leave(1)).state) == ((1, 2, 3), PageState.ACKED)
    assert stepped(three, Ack(person_id=3)).acks == (1, 2, 3)
    # an API key does not hold what a person held, and progress of an incident is no acknowledgment
    keyed = stepped(stepped(page(Level(TEAM)), Ack()), Ack(person_id=1))
    assert (keyed.acks, stepped(keyed, Leave(1)).state, stepped(keyed, Leave(1)).acks) == (
        *((0, 1), PageState.TRIGGERED, ()),
    )
    assert stepped(two, Extend()).acks == (1, 2)
    assert isinstance(step(entered, Extend(), NOW), Refused)


def test_who_snoozed_a_page_they_held_can_acknowledge_it_again() -> None:
    held = stepped(page(Level(TEAM)), Ack(person_id=1))
    asleep = stepped(held, Snooze(NOW + timedelta(hours=4)))
    assert (asleep.state, asleep.acks) == (PageState.SNOOZED, ())
    assert stepped(asleep, Ack(person_id=1), NOW + timedelta(hours=3)).state is PageState.ACKED
    # what others have to join still counts
    half = stepped(page(Level(TEAM, min_acks=2)), Ack(person_id=1))
    assert stepped(half, Snooze(NOW + timedelta(hours=4))).acks == (1,)
