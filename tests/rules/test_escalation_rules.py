"""Turns, minimum acknowledgments and conditions of levels, against a slow oracle that knows the same rules."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.kit.errors import Invalid
from firebell.paging.escalation.round_robin import after_turn, in_turn, successive, turn_of
from firebell.paging.escalation.state_machine import (
    Ack,
    Due,
    Entered,
    Escalate,
    Event,
    Exhausted,
    Leave,
    Refused,
    Replan,
    Snooze,
    Unack,
    advance,
    step,
)
from firebell.paging.level_conditions import (
    EVERY_DAY,
    MINUTES_PER_DAY,
    PAGE_KINDS,
    Conditions,
    Hours,
    PageKind,
    are_met,
    can_be_met,
    check_conditions,
    condition_problem,
    to_minute,
    uncovered,
)
from firebell.paging.model import (
    Level,
    Page,
    PageState,
    Plan,
    Strategy,
    Target,
    TargetKind,
    levels_from_json,
)
from firebell.paging.night_limit.rules import Nights, PersonNight, waits_for_turn
from firebell.paging.policies.dry_steps import dry_run
from tests.oracles.escalation import WEEK, SlowLevel, SlowPage, times
from tests.rules.budget import examples

NOW = datetime(2026, 11, 23, tzinfo=UTC)
"""A Monday at midnight."""
TEAM = (Target(TargetKind.TEAM, 1),)
OFFICE = Hours((0, 1, 2, 3, 4), 9 * 60, 17 * 60)
NIGHT = Hours((4,), 22 * 60, 6 * 60)
ANY = Conditions()


def page(*levels: Level, repeat: int = 0, kind: PageKind = PAGE_KINDS[0], tz: str = "UTC") -> Page:
    plan = Plan("Payments", levels, repeat, None, tz=tz)
    return Page(
        *(7, "group", 1, 1, 1, 1, plan, "5xx", kind.urgency, kind.severity, PageState.TRIGGERED),
        *(-1, 0, 1, 1, NOW, NOW),
    )


def stepped(page_: Page, event: object, now: datetime = NOW) -> Page:
    after = step(page_, event, now)  # type: ignore[arg-type]
    assert isinstance(after, Page)
    return after


HOURS = st.sampled_from(
    [None, OFFICE, NIGHT, replace(OFFICE, is_outside=True), Hours((5, 6)), Hours(EVERY_DAY, 0, 60)]
)
CONDITIONS = st.builds(
    Conditions, st.sampled_from(["", "", "high", "low"]), st.sampled_from([(), (), (0, 1), (2,)]), HOURS
)


def draw_level(draw: Random) -> Level:
    people = draw.choice([(1, 2), (1, 2), (2, 3), (1, 2, 3), (1,), (3,), ()])
    return Level(
        tuple(Target(TargetKind.PERSON, i) for i in people),
        *(3600, draw.choice([*Strategy]), draw.choice([1, 1, 2, 2, 3])),
        draw.choice(
            [ANY, ANY, ANY, Conditions("low"), Conditions(severities=(0, 1)), Conditions(hours=OFFICE)]
        ),
    )


def draw_plan(draw: Random) -> tuple[list[Level], int]:
    return [draw_level(draw) for _ in range(draw.choice([1, 2, 2, 3, 0]))], draw.choice([0, 0, 1])


def edited(draw: Random, old: Plan, at: int) -> tuple[list[Level], int]:
    """Return a plan as someone corrects it: the level that a page is at is another one, or differs in something."""
    levels, index = list(old.levels), max(at, 0)
    if not levels or draw.random() < 0.1:
        return draw_plan(draw)
    level = levels[index]
    match draw.choice(["person", "person", "person", "number", "number", "level", "end"]):
        case "person":
            levels[index] = replace(level, targets=level.targets[1:])
        case "number":
            levels[index] = replace(level, min_acks=draw.choice([1, 1, 2, 3]))
        case "level":
            levels[index] = draw_level(draw)
        case _:
            levels.pop()
    return levels, old.repeat


def people_of(level: Level) -> tuple[int, ...]:
    return tuple(target.id for target in level.targets if target.kind is TargetKind.PERSON)


def _reached(levels: Sequence[Level], level: int) -> tuple[int, ...]:
    return people_of(levels[level])


def slow(level: Level) -> SlowLevel:
    conditions, hours = level.conditions, level.conditions.hours
    kinds = {
        (kind.urgency, kind.severity)
        for kind in PAGE_KINDS
        if conditions.urgency in ("", kind.urgency)
        and (not conditions.severities or kind.severity in conditions.severities)
    }
    allowed = times({*hours.days}, hours.start, hours.end, hours.is_outside) if hours else WEEK
    in_turn = level.strategy is Strategy.ROUND_ROBIN
    return SlowLevel(people_of(level), in_turn, level.min_acks, frozenset(kinds), allowed)


MOVES = (
    "ack",
    "ack",
    "ack",
    "ack",
    "tick",
    "tick",
    "leave",
    "replan",
    "replan",
    "unack",
    "snooze",
    "escalate",
)


class Twins:
    """A page and its slow twin, to which the same happens."""

    def __init__(
        self, levels: list[Level], repeat: int, kind: PageKind, start: datetime, order: list[int]
    ) -> None:
        self.now = start
        self.page = replace(page(*levels, repeat=repeat, kind=kind), due_at=start)
        self.twin = SlowPage(tuple(map(slow, levels)), repeat + 1, (kind[0], kind[1]), list(order))
        self.order = tuple(order)

    def move(self, name: str, draw: Random) -> None:
        """Do the same to both, and compare them; a level that is due now is entered before anything else happens."""
        before, person = self.page, draw.randrange(4)
        match name:
            case "tick":
                self._tick()
            case "ack":
                self._apply(Ack(person_id=person))
                self.twin.ack(person)
                if PageState.ACKED not in (before.state, self.page.state):
                    assert (self.page.due_at, self.page.epoch) == (before.due_at, before.epoch), (
                        "its timer runs on"
                    )
            case "leave":
                self._apply(Leave(person))
                self.twin.leave(person)
            case "unack":
                self._apply(Unack())
                self.twin.unack()
            case "escalate":
                self._apply(Escalate())
                self.twin.escalate()
            case "snooze" if before.severity != 0:
                self._apply(Snooze(self.now + timedelta(hours=1)))
                self.twin.snooze()
            case "replan":
                self._replan(*edited(draw, before.plan, before.level))
        is_entered = name in ("unack", "leave", "replan") or (
            name == "escalate" and before.state is not PageState.EXHAUSTED
        )
        if is_entered and self.page.state is PageState.TRIGGERED and self.page.due_at == self.now:
            self._tick()
        assert self.page.state == self.twin.state
        assert [*self.page.acks] == self.twin.acked
        assert self.page.acks_required == self.twin.required

    def _apply(self, event: Event) -> None:
        after = step(self.page, event, self.now)
        self.page = after if isinstance(after, Page) else self.page

    def _replan(self, levels: list[Level], repeat: int) -> None:
        before = self.page
        self._apply(Replan(replace(before.plan, levels=tuple(levels), repeat=repeat)))
        if self.page is not before:
            is_again = self.page.state is PageState.TRIGGERED and self.page.epoch > before.epoch
            self.twin.replan(tuple(map(slow, levels)), repeat + 1, self.page.acks_needed, is_again)

    def _tick(self) -> None:
        if self.page.due_at is None:
            return
        self.now = max(self.now, self.page.due_at)
        if self.page.state in (PageState.ACKED, PageState.SNOOZED):
            self.twin.unack() if self.page.state is PageState.ACKED else self.twin.restart()
            self._apply(Due())
        before = self.page
        outcome = advance(
            before,
            lambda level: people_of(before.plan.levels[level]),
            self.now,
            pick=partial(_pick, before, self.order),
        )
        self.page = outcome.page
        expected = self.twin.tick((self.now.weekday(), self.now.hour * 60 + self.now.minute))
        assert ((self.page.level, {*outcome.people}) if isinstance(outcome, Entered) else None) == expected
        if (
            isinstance(outcome, Entered)
            and self.page.plan.levels[self.page.level].strategy is Strategy.ROUND_ROBIN
        ):
            earlier = turn_of(before, self.page.level, self.page.round)
            self.order = after_turn(self.order, [i for i in outcome.people if i not in earlier])


def test_a_page_does_what_the_slow_oracle_says() -> None:
    """Acknowledgments come early, late, in part and twice; people withdraw, leave and snooze, and plans change."""
    for seed in range(examples(700)):
        draw = Random(seed)  # noqa: S311 - the same in every run
        plan, kind = draw_plan(draw), draw.choice(PAGE_KINDS)
        order = draw.sample([1, 2, 3], draw.randrange(4))
        twins = Twins(*plan, kind, NOW + timedelta(hours=draw.randrange(7 * 24)), order)
        moves = [*draw.choices(MOVES, k=draw.randrange(10)), *["tick"] * 4]
        for number, name in enumerate(moves):
            try:
                twins.move(name, draw)
            except AssertionError as error:
                error.add_note(f"seed {seed}: {plan}, {kind}, {moves[: number + 1]}")
                raise


def test_a_page_with_any_recipient_reaches_someone() -> None:
    for seed in range(examples(300)):
        draw = Random(seed)  # noqa: S311 - the same in every run
        levels, repeat = draw_plan(draw)
        one = page(*levels, repeat=repeat, kind=draw.choice(PAGE_KINDS))
        now = NOW + timedelta(hours=draw.randrange(7 * 24))
        outcome = advance(one, partial(_reached, levels), now)
        assert isinstance(outcome, Entered) == any(map(people_of, levels)), seed


def _pick(page_: Page, order: tuple[int, ...], level: int, round_: int, people: object) -> tuple[int, ...]:
    return in_turn(page_, level, round_, people, order)  # type: ignore[arg-type]


@settings(max_examples=examples(30), deadline=None)
@given(
    st.lists(st.sets(st.integers(1, 5), min_size=1).map(sorted), min_size=1, max_size=40),
    st.integers(1, 3),
)
def test_turns_are_fair_when_people_come_and_go(weeks: list[list[int]], needed: int) -> None:
    """Two people who are both there all the time differ by at most one turn."""
    order: tuple[int, ...] = ()
    counts: Counter[int] = Counter()
    always = {*range(1, 6)}.intersection(*map(set, weeks))
    for people in weeks:
        one = page(Level(TEAM, 300, Strategy.ROUND_ROBIN, needed))
        turn = in_turn(one, 0, 0, people, order)
        assert len(turn) == len({*turn}) == min(needed, len(people))
        order = after_turn(order, turn)
        counts.update(turn)
    if always:
        assert max(counts[i] for i in always) - min(counts[i] for i in always) <= 1


def test_a_turn_belongs_to_its_page_and_tired_people_come_last() -> None:
    level = Level(TEAM, 300, Strategy.ROUND_ROBIN)
    one = page(level, level, repeat=1)
    assert in_turn(one, 0, 0, (1, 2, 3), (1, 2)) == (3,)
    assert in_turn(one, 0, 0, (1, 2, 3), (1, 2), tired=(3,)) == (1,)
    assert in_turn(one, 0, 0, (3,), (), tired=(3,)) == (3,)
    # someone else is awake
    assert in_turn(one, 0, 0, (1, 2, 3), (1, 2), tired=(1,), held=(2, 3)) == (1,)
    assert in_turn(one, 0, 0, (1, 2, 3), (1, 2), held=(1, 2, 3)) == (3,)
    first = advance(one, lambda _: (1, 2, 3), NOW, pick=partial(_pick, one, ()))
    assert isinstance(first, Entered)
    again = stepped(stepped(first.page, Ack(person_id=1)), Unack())
    # the turn of this round is kept, also when the order has moved on; someone who is gone loses it
    assert in_turn(again, 0, 0, (1, 2, 3), (2, 3, 1)) == (1,)
    assert in_turn(again, 0, 0, (2, 3), (2, 3, 1)) == (2,)
    assert in_turn(again, 0, 0, (1, 2, 3), (2, 3, 1), held=(1,)) == (2,)
    assert in_turn(again, 0, 1, (1, 2, 3), (2, 3, 1)) == (2,)


def test_whoever_is_over_the_night_limit_waits_for_their_turn_except_for_sev0() -> None:
    night = PersonNight(NOW.date(), NOW, NOW + timedelta(hours=9))
    nights = Nights({1: night, 2: night}, {1: {1, 2, 3}, 2: {1, 2}}, {})
    kinds = (PageKind("high", None), PageKind("high", 0), PageKind("low", None))
    pages = [page(Level(TEAM), kind=kind) for kind in kinds]
    assert [waits_for_turn(nights, one, (1, 2, 3)) for one in pages] == [[1], [], []]


def test_two_people_have_to_acknowledge() -> None:
    level = Level(TEAM, 300, min_acks=2)
    one = page(level, Level(TEAM, 300), repeat=0)
    # before its first level too
    assert stepped(one, Ack(person_id=1)).state is PageState.TRIGGERED
    entered = advance(one, lambda _: (1, 2, 3), NOW)
    assert isinstance(entered, Entered)
    half = stepped(entered.page, Ack(person_id=1))
    assert (half.state, half.acks, half.acks_missing, half.due_at) == (
        *(PageState.TRIGGERED, (1,), 1),
        entered.page.due_at,
    )
    assert isinstance(step(half, Ack(person_id=1), NOW), Refused)
    # the next level pages only others, and needs no fewer
    following = advance(half, lambda _: (1, 2), NOW + timedelta(minutes=5))
    assert isinstance(following, Entered)
    assert (following.people, following.page.acks_needed) == ((2,), 2)
    alone = advance(half, lambda _: (1,), NOW + timedelta(minutes=5))
    assert isinstance(alone, Exhausted)
    assert alone.page.acks == (1,)
    # a source counts as one, and who left counts no more
    assert stepped(half, Ack(owned=False)).state is PageState.ACKED
    assert stepped(half, Ack(owned=False)).due_at is None
    assert stepped(half, Leave(1)).acks == ()
    assert stepped(half, Escalate()).acks == (1,)
    done = stepped(half, Ack(person_id=2))
    assert (done.state, done.acks, done.acks_needed) == (PageState.ACKED, (1, 2), 2)
    assert stepped(done, Unack()).acks == ()
    assert stepped(done, Escalate()).acks == ()


@pytest.mark.parametrize(
    ("new", "state", "level", "acks"),
    [
        (Level(TEAM, 60, min_acks=2), PageState.TRIGGERED, 0, (1,)),
        (Level(TEAM, 60, min_acks=3), PageState.TRIGGERED, -1, ()),
        (Level(TEAM, 60, Strategy.ROUND_ROBIN, 2), PageState.TRIGGERED, -1, ()),
        (Level(TEAM, 60, min_acks=2, conditions=Conditions("low")), PageState.TRIGGERED, 0, (1,)),
        # one acknowledgment is enough now
        (Level(TEAM, 60, min_acks=1), PageState.ACKED, 0, (1,)),
    ],
)
def test_an_applied_version_that_asks_more_or_others_enters_the_level_again(
    new: Level, state: PageState, level: int, acks: tuple[int, ...]
) -> None:
    entered = advance(page(Level(TEAM, 300, min_acks=2)), lambda _: (1, 2), NOW)
    after = stepped(stepped(entered.page, Ack(person_id=1)), Replan(Plan("P", (new,), 0, None)))
    assert (after.state, after.level, after.acks) == (state, level, acks)


@pytest.mark.parametrize(
    ("conditions", "kind", "at", "expected"),
    [
        (Conditions("high"), PageKind("high", None), NOW, True),
        (Conditions("low"), PageKind("high", None), NOW, False),
        (Conditions(severities=(0, 1)), PageKind("high", 1), NOW, True),
        (Conditions(severities=(0, 1)), PageKind("high", None), NOW, False),
        # in Berlin it is an hour later
        (Conditions(hours=OFFICE), PAGE_KINDS[0], NOW + timedelta(hours=7, minutes=59), False),
        (Conditions(hours=OFFICE), PAGE_KINDS[0], NOW + timedelta(hours=8), True),
        (Conditions(hours=OFFICE), PAGE_KINDS[0], NOW + timedelta(hours=16), False),
        # Friday night belongs to Friday, also on Saturday morning
        (Conditions(hours=NIGHT), PAGE_KINDS[0], NOW + timedelta(days=5, hours=4), True),
        (Conditions(hours=NIGHT), PAGE_KINDS[0], NOW + timedelta(days=4, hours=4), False),
        (Conditions(hours=replace(NIGHT, is_outside=True)), PAGE_KINDS[0], NOW, True),
    ],
)
def test_conditions_are_met_by_kind_and_local_time(
    conditions: Conditions, kind: PageKind, at: datetime, expected: bool
) -> None:
    assert are_met(conditions, "Europe/Berlin", kind, at) is expected
    # a zone that is gone silences no one
    assert are_met(conditions, "Mars/Olympus", kind, at) or conditions.hours is None


@settings(max_examples=examples(30), deadline=None)
@given(st.lists(CONDITIONS, min_size=1, max_size=3))
def test_what_can_never_be_met_is_what_no_minute_of_a_week_meets(drawn: list[Conditions]) -> None:
    sets = [slow(Level(TEAM, conditions=conditions)) for conditions in drawn]
    assert [can_be_met(c) for c in drawn] == [bool(s.kinds and s.times) for s in sets]
    gap = uncovered(drawn)
    covered = all(
        frozenset().union(*(s.times for s in sets if (kind[0], kind[1]) in s.kinds)) == WEEK
        for kind in PAGE_KINDS
    )
    assert (gap is None) == covered
    if gap:
        kind, *moment = gap
        assert not any((kind[0], kind[1]) in s.kinds and tuple(moment) in s.times for s in sets)
    levels = tuple(Level(TEAM, 60, Strategy.ROUND_ROBIN, 2, conditions) for conditions in drawn)
    assert levels_from_json([level.to_json() for level in levels]) == levels


@pytest.mark.parametrize(
    ("of_levels", "fields"),
    [
        ([ANY], set()),
        ([Conditions(hours=OFFICE), Conditions(hours=replace(OFFICE, is_outside=True))], set()),
        ([Conditions("high"), Conditions("low")], set()),
        ([Conditions("low", (0,)), ANY], {"conditions-0"}),
        ([ANY, Conditions("high", (2, 3))], {"conditions-1"}),
        ([Conditions(hours=Hours(is_outside=True)), ANY], {"conditions-0"}),
        ([Conditions(hours=Hours((0,), 60, 60)), ANY], {"conditions-0"}),
        ([Conditions(hours=OFFICE)], {"levels"}),
        ([Conditions("high")], {"levels"}),
        # pages of alerts have no severity
        ([Conditions(severities=(0, 1)), Conditions(severities=(2, 3))], {"levels"}),
    ],
)
def test_what_no_page_can_reach_and_what_reaches_no_level_is_refused(
    of_levels: list[Conditions], fields: set[str]
) -> None:
    refused: set[str] = set()
    try:
        check_conditions(of_levels)
    except Invalid as error:
        refused = set(error.fields)
    assert refused == fields


def test_conditions_read_like_words() -> None:
    assert str(Conditions("high", (0, 1), OFFICE)) == "for high urgency, SEV0 or SEV1, Mon–Fri 09:00–17:00"
    assert str(Conditions(hours=Hours((0, 1, 5), is_outside=True))) == "outside Mon, Tue, Sat"
    assert str(Hours(EVERY_DAY, 18 * 60, 0)) == "18:00–00:00"
    assert Level(TEAM, 60, Strategy.ROUND_ROBIN, 2, Conditions("low")).details == (
        *("round robin, 2 people", "2 acknowledgments needed"),
        "only for low urgency",
    )
    assert Level(TEAM, 60, conditions=Conditions(hours=replace(OFFICE, is_outside=True))).details == (
        "only outside Mon–Fri 09:00–17:00",
    )
    assert (Level(TEAM).details, condition_problem(ANY)) == ((), "")
    assert [to_minute(text, "start-0") for text in ("00:00", "9:30", "24:00", "23:59:00")] == [
        *(0, 570, MINUTES_PER_DAY, 1439)
    ]
    for text in ("", "24:01", "9", "09:60", "-1:00", "09:00:30", "²:00"):
        with pytest.raises(Invalid):
            to_minute(text, "start-0")


def test_a_dry_run_passes_levels_that_are_not_for_the_page() -> None:
    office = Level(TEAM, 3600, conditions=Conditions(hours=OFFICE))
    all_day = Level(TEAM, 3600)
    at_eight = replace(page(office, all_day, office, repeat=1), due_at=NOW + timedelta(hours=8))
    steps = dry_run(at_eight, lambda _, __: (1,))
    assert [(s.at - NOW, s.level, s.is_excluded) for s in steps] == [
        (timedelta(hours=8), 0, True),
        (timedelta(hours=8), 1, False),
        (timedelta(hours=9), 2, False),
        # in the second round all three are for it
        (timedelta(hours=13), None, False),
    ]
    # levels with the same people take successive turns
    turns = Level(TEAM, 60, Strategy.ROUND_ROBIN)
    twice = page(turns, turns)
    steps = dry_run(twice, lambda _, __: (1, 2, 3), successive(twice, (2, 1)))
    assert [s.people for s in steps] == [(3,), (2,), ()]
    # a condition never silences a page: if it leaves no one, it does not count
    night = dry_run(page(office), lambda _, __: (1,))
    assert [(s.level, s.people, s.is_excluded) for s in night] == [(0, (1,), False), (None, (), False)]
