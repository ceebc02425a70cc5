"""The page as a state machine: spec 2.1 as a table, and its invariants over any sequence of events."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.paging.escalation.state_machine import (
    ACK_COVERAGE,
    ACK_TIMEOUT,
    Ack,
    Due,
    Entered,
    Escalate,
    Event,
    Exhausted,
    Extend,
    Grow,
    Leave,
    Raise,
    Refused,
    Replan,
    Resolve,
    Snooze,
    Unack,
    ack_timeout,
    advance,
    is_open,
    step,
)
from firebell.paging.model import OPEN, UNANSWERED, Level, Page, PageState, Plan, Target, TargetKind
from tests.rules.budget import examples

NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)
ALICE = Target(TargetKind.PERSON, 1)
EVENTS: tuple[Event, ...] = (
    Ack(),
    Ack(owned=False),
    Ack(person_id=1),
    Ack(person_id=2),
    Extend(),
    Leave(1),
    Unack(),
    Grow(False),
    Grow(True),
    Resolve(),
    Snooze(NOW + timedelta(hours=1)),
    Escalate(),
    Raise(None),
    Raise(0),
    Raise(1),
    Raise(2),
    Replan(Plan("Payments", (Level((ALICE,), 600),), 0, None)),
    Replan(Plan("Payments", tuple(Level((Target(TargetKind.PERSON, i),), 60) for i in (2, 1, 3)), 1, 600)),
    Due(),
)


def plan(*waits: int, repeat: int = 2, ack_timeout_s: int | None = None) -> Plan:
    return Plan("Payments", tuple(Level((ALICE,), wait) for wait in waits), repeat, ack_timeout_s)


def page(state: PageState = PageState.TRIGGERED, **more: object) -> Page:
    base = Page(
        *(7, "group", 1, 1, 1, 1, plan(300, 300), "5xx", "high", None, state),
        *(0, 0, 1, 1, NOW, NOW, None, None, None, None, None),
    )
    return replace(base, **more)  # type: ignore[arg-type]


S = PageState
# (state, event) -> the state after it; None is a refusal. Rows of spec 2.1 as far as the product has them.
TABLE: dict[tuple[PageState, str], PageState | None] = {
    (S.TRIGGERED, "Ack"): S.ACKED,
    (S.TRIGGERED, "Unack"): None,
    (S.TRIGGERED, "Grow"): None,
    (S.TRIGGERED, "Resolve"): S.RESOLVED,
    (S.TRIGGERED, "Snooze"): S.SNOOZED,
    (S.TRIGGERED, "Escalate"): S.TRIGGERED,
    (S.TRIGGERED, "Raise"): S.TRIGGERED,
    (S.TRIGGERED, "Replan"): S.TRIGGERED,
    (S.TRIGGERED, "Due"): None,
    (S.ACKED, "Ack"): S.ACKED,
    (S.ACKED, "Unack"): S.TRIGGERED,
    (S.ACKED, "Grow"): S.TRIGGERED,
    (S.ACKED, "Resolve"): S.RESOLVED,
    (S.ACKED, "Snooze"): S.SNOOZED,
    (S.ACKED, "Escalate"): S.TRIGGERED,
    (S.ACKED, "Raise"): S.TRIGGERED,
    (S.ACKED, "Replan"): S.ACKED,
    (S.ACKED, "Due"): S.TRIGGERED,
    (S.SNOOZED, "Ack"): S.ACKED,
    (S.SNOOZED, "Unack"): None,
    (S.SNOOZED, "Grow"): None,
    (S.SNOOZED, "Resolve"): S.RESOLVED,
    (S.SNOOZED, "Snooze"): S.SNOOZED,
    (S.SNOOZED, "Escalate"): S.TRIGGERED,
    (S.SNOOZED, "Raise"): S.TRIGGERED,
    (S.SNOOZED, "Replan"): S.SNOOZED,
    (S.SNOOZED, "Due"): S.TRIGGERED,
    (S.EXHAUSTED, "Ack"): S.ACKED,
    (S.EXHAUSTED, "Unack"): None,
    (S.EXHAUSTED, "Grow"): None,
    (S.EXHAUSTED, "Resolve"): S.RESOLVED,
    (S.EXHAUSTED, "Snooze"): S.SNOOZED,
    (S.EXHAUSTED, "Escalate"): S.TRIGGERED,
    (S.EXHAUSTED, "Raise"): S.TRIGGERED,
    (S.EXHAUSTED, "Replan"): S.TRIGGERED,
    (S.EXHAUSTED, "Due"): None,
    **{(state, "Leave"): None for state in S},
    **{(state, "Extend"): S.ACKED if state is S.ACKED else None for state in S},
    **{(S.RESOLVED, type(event).__name__): None for event in EVENTS},
}
ONE_EACH = {type(e).__name__: e for e in (*EVENTS, Ack(), Grow(True), Raise(0))}


@pytest.mark.parametrize("event", ONE_EACH.values(), ids=ONE_EACH)
@pytest.mark.parametrize("state", list(PageState))
def test_every_state_handles_every_event_as_in_the_table(state: PageState, event: Event) -> None:
    paged = page(state, urgency="low", severity=3, acked_at=NOW)
    after, expected = step(paged, event, NOW), TABLE[state, type(event).__name__]
    if isinstance(after, Refused):
        assert expected is None
        assert after.reason
    else:
        assert after.state is expected


def test_the_table_has_a_row_for_every_state_and_event() -> None:
    assert set(TABLE) == {(state, name) for state in PageState for name in ONE_EACH}


@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_nothing_reopens_a_resolved_page(event: Event) -> None:
    assert step(page(S.RESOLVED, due_at=None), event, NOW) == Refused("already resolved")


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    waits = draw(st.lists(st.integers(1, 60).map(lambda m: m * 60), max_size=4))
    timeout = draw(st.none() | st.integers(1, 60).map(lambda m: m * 60))
    drawn = plan(*waits, repeat=draw(st.integers(0, 3)), ack_timeout_s=timeout)
    if draw(st.booleans()):
        return replace(drawn, levels=tuple(replace(level, min_acks=2) for level in drawn.levels))
    return drawn


MOVES = st.one_of(
    st.sampled_from(EVENTS),
    st.builds(Snooze, st.integers(-60, 3000).map(lambda m: NOW + timedelta(minutes=m))),
    st.just("tick"),
)


class Life:
    """A page and its history; who can be reached changes from move to move."""

    def __init__(self, plan_: Plan, urgency: str, severity: int | None) -> None:
        self.now = NOW
        self.page = page(plan=plan_, urgency=urgency, severity=severity, level=-1)
        self.entered: list[tuple[int, int, int]] = []

    def tick(self, reaches: Sequence[bool]) -> None:
        """Run the page's timer when it is due."""
        old = self.page
        if old.due_at is None:
            return
        self.now = max(self.now, old.due_at)
        if old.state not in UNANSWERED:
            again = step(old, Due(), self.now)
            assert isinstance(again, Page)
            self._becomes(again)
        outcome = advance(self.page, lambda level: (1, 2) if reaches[level % len(reaches)] else (), self.now)
        self._becomes(outcome.page)
        if isinstance(outcome, Entered):
            self.entered.append((outcome.page.epoch, outcome.page.round, outcome.page.level))
            assert outcome.people
            assert all(not reaches[level % len(reaches)] for level in outcome.skipped)

    def apply(self, event: Event) -> None:
        """Apply an event."""
        after = step(self.page, event, self.now)
        if isinstance(after, Page):
            self._becomes(after)

    def _becomes(self, new: Page) -> None:
        old, self.page = self.page, new
        assert new.version > old.version
        assert new.epoch >= old.epoch
        assert new.state is not S.ACKED or old.state is S.ACKED or len(new.acks) >= old.acks_needed
        assert new.due_at is not None or new.state is S.RESOLVED or self._may_hold(new), "I1"
        assert new.due_at is None or new.state is not S.RESOLVED, "I2"
        assert -1 <= new.level < max(1, len(new.plan.levels)), "I4"
        assert 0 <= new.round <= new.plan.repeat, "I4"
        if new.state is not old.state:
            assert new.epoch > old.epoch, "I6: a change of state voids what was queued"
        if old.urgency == "high":
            assert new.urgency == "high"
        if old.severity is not None:
            assert new.severity is not None
            assert new.severity <= old.severity

    @staticmethod
    def _may_hold(page_: Page) -> bool:
        return page_.state is S.ACKED and ack_timeout(page_.plan, page_.severity) is None


@settings(max_examples=examples(75), deadline=None)
@given(
    plans(),
    st.sampled_from(["high", "low"]),
    st.none() | st.integers(0, 3),
    st.lists(
        st.tuples(MOVES, st.integers(0, 40), st.lists(st.booleans(), min_size=1, max_size=4)), max_size=20
    ),
)
def test_i1_i2_i4_i6_hold_whatever_happens(
    plan_: Plan, urgency: str, severity: int | None, moves: list[tuple[Event | str, int, list[bool]]]
) -> None:
    life = Life(plan_, urgency, severity)
    for move, minutes, reaches in moves:
        life.now += timedelta(minutes=minutes)
        if isinstance(move, str):
            life.tick(reaches)
        elif not (isinstance(move, Due) and life.page.due_at != life.now):
            life.apply(move)
        assert is_open(life.page) == (life.page.state in OPEN)
    for epoch in {e for e, _, _ in life.entered}:
        walked = [(turn, level) for e, turn, level in life.entered if e == epoch]
        assert walked == sorted(set(walked)), "I4: levels only rise within a round and a plan"


@settings(max_examples=examples(75), deadline=None)
@given(plans(), st.lists(st.booleans(), min_size=4, max_size=4))
def test_i4_a_page_that_no_one_takes_is_exhausted_within_the_sum_of_its_waits(
    plan_: Plan, reaches: list[bool]
) -> None:
    paged, entered, now = page(plan=plan_, level=-1), [], NOW
    while True:
        outcome = advance(paged, lambda level: (1,) if reaches[level] else (), now)
        paged = outcome.page
        if isinstance(outcome, Exhausted):
            break
        entered.append(paged.level)
        assert paged.due_at
        now = paged.due_at
    used = [i for i in range(len(plan_.levels)) if reaches[i]]
    assert entered == used * (plan_.repeat + 1)
    assert now - NOW == timedelta(seconds=sum(plan_.levels[i].ack_within_s for i in entered))
    assert paged.exhausted_reason == (
        "The policy has no levels."
        if not plan_.levels
        else "No one acknowledged."
        if used
        else "No one could be reached at any level."
    )


def test_i7_after_an_answer_only_its_end_enters_a_level() -> None:
    acked = step(page(), Ack(), NOW)
    assert isinstance(acked, Page)
    assert acked.due_at is None
    for event in (Ack(), Ack(owned=False), Grow(False)):
        after = step(acked, event, NOW + timedelta(minutes=20))
        assert isinstance(after, Refused) or (after.state, after.epoch) == (S.ACKED, acked.epoch)


@given(st.integers(0, 29), st.integers(60, 3600))
def test_i13_a_late_timer_counts_from_the_planned_instant_up_to_thirty_seconds(late: int, wait: int) -> None:
    paged = page(plan=plan(wait, wait), level=-1)
    on_time = advance(paged, lambda _: (1,), NOW + timedelta(seconds=late))
    assert on_time.page.due_at == NOW + timedelta(seconds=wait)
    after_downtime = advance(paged, lambda _: (1,), NOW + timedelta(seconds=late + 31))
    assert after_downtime.page.due_at == NOW + timedelta(seconds=late + 31 + wait)


def test_the_secondary_follows_after_five_minutes_by_default() -> None:
    assert Level((ALICE,)).ack_within_s == 300


@pytest.mark.parametrize(("severity", "expected"), [(0, 30), (1, 30), (2, None), (3, None), (None, None)])
def test_an_acknowledgement_holds_thirty_minutes_for_sev0_and_sev1(
    severity: int | None, expected: int | None
) -> None:
    wait = timedelta(minutes=expected) if expected else None
    assert ack_timeout(plan(300), severity) == wait
    assert ack_timeout(plan(300, ack_timeout_s=60), severity) == timedelta(minutes=1)


def test_an_acknowledgement_by_a_source_holds_thirty_minutes_unless_a_person_joins() -> None:
    result = step(page(), Ack(owned=False), NOW)
    assert isinstance(result, Page)
    assert result.due_at == NOW + ACK_TIMEOUT
    taken = step(result, Ack(), NOW)
    assert isinstance(taken, Page)
    assert (taken.state, taken.due_at) == (S.ACKED, None)


@pytest.mark.parametrize("state", [S.ACKED, S.SNOOZED])
def test_an_acknowledgement_by_a_source_changes_nothing_after_that_of_a_person(state: PageState) -> None:
    assert isinstance(step(page(state), Ack(owned=False), NOW), Refused)


def test_an_acknowledgement_covers_alerts_within_half_an_hour_and_less_than_ten_times_as_many() -> None:
    acked = step(page(), Ack(), NOW)
    assert isinstance(acked, Page)
    assert isinstance(step(acked, Grow(False), NOW + ACK_COVERAGE), Refused)
    later = step(acked, Grow(False), NOW + ACK_COVERAGE + timedelta(seconds=1))
    assert isinstance(later, Page)
    assert (later.state, later.level) == (S.TRIGGERED, -1)
    tenfold = step(acked, Grow(True), NOW)
    assert isinstance(tenfold, Page)
    assert tenfold.state is S.TRIGGERED


@pytest.mark.parametrize(("urgency", "wait"), [("high", timedelta(minutes=15)), ("low", timedelta(hours=4))])
def test_an_exhausted_page_alarms_again_and_again(urgency: str, wait: timedelta) -> None:
    paged, now = page(S.EXHAUSTED, urgency=urgency, exhausted_reason="No one acknowledged."), NOW
    for _ in range(5):
        outcome = advance(paged, lambda _: (1,), now)
        assert isinstance(outcome, Exhausted)
        assert outcome.page.due_at == now + wait
        assert outcome.page.epoch == paged.epoch + 1
        assert outcome.page.exhausted_reason == "No one acknowledged."
        paged, now = outcome.page, now + wait


def test_escalating_an_exhausted_page_starts_over() -> None:
    after = step(page(S.EXHAUSTED, level=1, round=2), Escalate(), NOW)
    assert isinstance(after, Page)
    outcome = advance(after, lambda _: (1,), NOW)
    assert isinstance(outcome, Entered)
    assert (outcome.page.level, outcome.page.round) == (0, 0)


def test_a_level_that_is_entered_again_is_the_one_that_was_entered_last() -> None:
    for level in (0, 1):
        acked = step(page(level=level), Ack(), NOW)
        assert isinstance(acked, Page)
        again = step(acked, Due(), NOW)
        assert isinstance(again, Page)
        assert advance(again, lambda _: (1,), NOW).page.level == level


def test_a_rise_to_sev2_does_not_make_a_page_loud() -> None:
    paged = page(urgency="low", severity=3)
    risen = step(paged, Raise(2), NOW)
    assert isinstance(risen, Page)
    assert (risen.severity, risen.urgency, risen.state) == (2, "low", S.TRIGGERED)
    acked = step(page(S.ACKED, urgency="low", severity=3), Raise(2), NOW)
    assert isinstance(acked, Page)
    assert (acked.severity, acked.urgency, acked.state) == (2, "low", S.ACKED)


BOB = Target(TargetKind.PERSON, 2)
SHORT = Plan("Payments", (Level((ALICE,), 60),), 0, None)


@pytest.mark.parametrize(
    ("before", "new", "level", "due_s", "is_new_epoch"),
    [
        # the same people at the same level: its time begins again, and their queued messages still go
        ({"level": 1}, plan(300, 60), 1, 60, False),
        # someone new at its level is paged at once
        ({"level": 0}, Plan("P", (Level((ALICE, BOB), 300),), 2, None), -1, 0, True),
        # a level that is gone: the last one is entered again
        ({"level": 1}, SHORT, -1, 0, True),
        ({"level": 0, "round": 2}, SHORT, -1, 0, True),
        ({"level": 0, "urgency": "low"}, plan(60, 60), -1, 0, True),
        # before its first level, and while it is snoozed, only the plan changes
        ({"level": -1}, SHORT, -1, 0, False),
        ({"state": S.SNOOZED, "level": 1}, SHORT, 0, 0, False),
        ({"state": S.EXHAUSTED, "level": 1, "round": 2}, SHORT, -1, 0, True),
        ({"state": S.ACKED, "level": 1}, plan(60, ack_timeout_s=90), 0, 90, False),
        # an acknowledgment keeps its timer when the new plan has no timeout
        ({"state": S.ACKED, "level": 1}, SHORT, 0, 0, False),
    ],
)
def test_a_newer_version_of_the_policy_passes_no_one_over(
    before: dict[str, object], new: Plan, level: int, due_s: int, is_new_epoch: bool
) -> None:
    old = page(**before)  # type: ignore[arg-type]
    after = step(old, Replan(new), NOW)
    assert isinstance(after, Page)
    assert (after.plan, after.level, after.round <= new.repeat) == (new, level, True)
    assert after.due_at == NOW + timedelta(seconds=due_s)
    assert (after.epoch > old.epoch) == is_new_epoch


def test_a_drill_keeps_its_plan_and_the_same_plan_changes_nothing() -> None:
    assert isinstance(step(page(plan=replace(plan(300), is_drill=True)), Replan(SHORT), NOW), Refused)
    assert isinstance(step(page(), Replan(plan(300, 300)), NOW), Refused)


@pytest.mark.parametrize(("severity", "late"), [(0, 0), (1, 24 * 60 + 1), (1, 0), (1, -5)])
def test_a_snooze_is_refused_for_sev0_and_outside_a_day(severity: int, late: int) -> None:
    assert isinstance(step(page(severity=severity), Snooze(NOW + timedelta(minutes=late)), NOW), Refused)
    assert isinstance(step(page(severity=1), Snooze(NOW + timedelta(hours=24)), NOW), Page)


def test_a_snoozed_page_wakes_at_the_first_level_and_not_when_it_only_grows() -> None:
    snoozed = step(page(level=1, round=1), Snooze(NOW + timedelta(hours=1)), NOW)
    assert isinstance(snoozed, Page)
    assert isinstance(step(snoozed, Grow(True), NOW), Refused)
    awake = step(snoozed, Due(), NOW + timedelta(hours=1))
    assert isinstance(awake, Page)
    assert (awake.state, awake.level, awake.round) == (S.TRIGGERED, -1, 0)
