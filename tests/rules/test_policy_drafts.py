"""The policy editor: its buttons, its starting points, and what it says about a draft."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import FormData

from firebell.kit.durations import minutes_text, to_seconds
from firebell.kit.errors import Invalid
from firebell.kit.web.field_errors import FieldErrors
from firebell.paging.level_conditions import EVERY_DAY, Conditions, Hours
from firebell.paging.model import Level, Plan, Policy, Strategy, Target, TargetKind
from firebell.paging.policies.changes import changes
from firebell.paging.policies.dry_run import PlannedLevel, PlannedMessage, compare, messages, rows, summary
from firebell.paging.policies.form import (
    LevelRow,
    PolicyForm,
    apply_button,
    plan_of,
)
from firebell.paging.policies.starters import TIERS, Tier, apply_tier
from tests.rules.budget import examples

A, B, C = (LevelRow((f"person:{i}",), str(i)) for i in (1, 2, 3))
OFFICE = Hours((0, 1, 2, 3, 4), 9 * 60, 17 * 60)
RULES = (
    (Strategy.ALL, 1, Conditions()),
    (Strategy.ROUND_ROBIN, 2, Conditions("high", (0, 1), OFFICE)),
    (Strategy.ALL, 10, Conditions(hours=replace(OFFICE, is_outside=True))),
    (Strategy.ROUND_ROBIN, 1, Conditions("low", (), Hours(EVERY_DAY, 22 * 60, 0))),
    (Strategy.ALL, 1, Conditions(severities=(3,), hours=Hours((6,)))),
)
NAMES = {"person:1": "Ana", "person:2": "Jun", "schedule:1": "Primary", "team:1": "Everyone in Payments"}


@pytest.mark.parametrize(
    ("button", "rows", "focus"),
    [
        ("insert-0", (LevelRow(), A, B, C), 0),
        ("insert-3", (A, B, C, LevelRow()), 3),
        ("up-1", (B, A, C), 0),
        ("up-0", (A, B, C), 0),
        ("down-1", (A, C, B), 2),
        ("down-2", (A, B, C), 2),
        ("copy-1", (A, B, B, C), 2),
        ("remove-2", (A, B), 1),
        ("drop-1-0", (A, LevelRow((), "2"), C), 1),
        ("drop-1-1", (A, B, C), 1),
        *(
            (nonsense, (A, B, C), None)
            for nonsense in ("", "up", "up-3", "up--1", "up-²", "remove-9999999999999")
        ),
    ],
)
def test_a_button_changes_the_draft_and_names_its_level(
    button: str, rows: tuple[LevelRow, ...], focus: int | None
) -> None:
    draft, at = apply_button(PolicyForm(rows=(A, B, C)), button)
    assert (draft.rows, at) == (rows, focus)


@settings(max_examples=examples(30), deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(1, 9), min_size=1, max_size=4, unique=True),
            st.integers(60, 86400),
            st.sampled_from(RULES),
        ),
        min_size=1,
        max_size=20,
    )
)
def test_bug_an_edit_in_the_browser_lost_the_third_target_and_the_seconds(
    levels: list[tuple[list[int], int, tuple[Strategy, int, Conditions]]],
) -> None:
    stored = tuple(
        Level(tuple(Target(TargetKind.TEAM, i) for i in ids), wait, *rules) for ids, wait, rules in levels
    )
    form = PolicyForm.from_policy(Policy(1, "P", "p", 1, 1, stored, 2, 90, "Asia/Tokyo"))
    fields = [("repeat", form.repeat), ("ack_timeout", form.ack_timeout), ("tz", form.tz)]
    for i, row in enumerate(form.rows):
        fields += [(f"target-{i}", value) for value in (*row.targets, "")]
        fields += [(f"sev-{i}", value) for value in row.severities]
        fields += [(f"day-{i}", value) for value in row.days]
        fields += [
            *((f"wait-{i}", row.wait), (f"strategy-{i}", row.strategy), (f"acks-{i}", row.min_acks)),
            *((f"only-{i}", row.urgency), (f"start-{i}", row.start), (f"end-{i}", row.end)),
            (f"outside-{i}", row.outside),
        ]
    sent = PolicyForm.from_form(FormData([*fields]))
    assert sent.rows == form.rows
    errors = FieldErrors()
    plan = plan_of(sent, errors)
    assert errors.fields == {}
    assert (plan.levels, plan.repeat, plan.ack_timeout_s, plan.tz) == (stored, 2, 90, "Asia/Tokyo")


@pytest.mark.parametrize(
    ("row", "field"),
    [
        (replace(A, min_acks="0"), "acks-0"),
        (replace(A, min_acks="eleven"), "acks-0"),
        (replace(A, strategy="dice"), "strategy-0"),
        (replace(A, urgency="medium"), "only-0"),
        (replace(A, severities=("4",)), "sev-0"),
        (replace(A, days=("7",)), "day-0"),
        (replace(A, start="soon"), "start-0"),
        (replace(A, start="09:00", end="09:00"), "conditions-0"),
        (replace(A, outside="yes"), "conditions-0"),
        (replace(A, urgency="low", severities=("0", "1")), "conditions-0"),
    ],
)
def test_a_rule_that_is_wrong_is_refused_at_its_field(row: LevelRow, field: str) -> None:
    errors = FieldErrors()
    plan_of(PolicyForm(rows=(row,), repeat="2"), errors)
    assert set(errors.fields) == {field}
    assert row.has_rules
    assert not A.has_rules
    plan_of(PolicyForm(rows=(A,), repeat="2", tz="Mars/Olympus"), errors)
    assert set(errors.fields) == {field, "tz"}


@pytest.mark.parametrize("text", ["", "soon", "0", "-1", "1441", "5:60", "5:", "1.5", "²"])
def test_a_time_that_is_none_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        to_seconds(text, "wait-0")
    assert set(refused.value.fields) == {"wait-0"}
    assert [minutes_text(to_seconds(good, "w")) for good in ("5", " 1:30 ", "007")] == ["5", "1:30", "7"]


def test_a_level_without_anyone_is_an_error_and_not_left_out() -> None:
    errors = FieldErrors()
    plan_of(PolicyForm(rows=(A, LevelRow()), repeat="2"), errors)
    assert set(errors.fields) == {"target-1"}


@pytest.mark.parametrize("tier", TIERS, ids=lambda tier: tier.key)
def test_a_tier_starts_with_the_schedules_of_the_team_and_ends_with_the_team(tier: Tier) -> None:
    schedules = [(1, "Payments secondary"), (2, "Payments primary"), (3, "Database")]
    draft = PolicyForm(team="7")
    targets = [row.targets for row in apply_tier(draft, tier.key, schedules).rows]
    assert targets[0] == ("schedule:2",)
    assert targets[-1] == ("team:7",)
    assert targets[1:-1] == [("schedule:1",)][: len(tier.schedule_minutes) - 1]
    assert [row.targets for row in apply_tier(draft, tier.key, []).rows] == [("team:7",)]
    assert apply_tier(draft, "unknown", schedules) == draft


ANA, JUN = Target(TargetKind.PERSON, 1), Target(TargetKind.PERSON, 2)
PRIMARY, TEAM = Target(TargetKind.SCHEDULE, 1), Target(TargetKind.TEAM, 1)


def plan(*levels: tuple[Target, int] | tuple[Target, Target, int], repeat: int = 2) -> Plan:
    return Plan("P", tuple(Level(tuple(x[:-1]), x[-1]) for x in levels), repeat, None)


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (plan((ANA, 300)), plan((ANA, 300)), []),
        (plan((ANA, 300)), plan((ANA, 300), (JUN, 300)), ["Level 2 added: Jun"]),
        (plan((ANA, 300), (JUN, 300)), plan((JUN, 300)), ["Level 1 removed: Ana"]),
        (plan((ANA, 300)), plan((ANA, 90)), ["Level 1 escalates after 5 min → 90 s"]),
        (plan((ANA, 300)), plan((ANA, JUN, 300)), ["Level 1 notifies Ana and Jun, was Ana"]),
        (plan((ANA, JUN, 300)), plan((JUN, ANA, 300)), []),
        (
            plan((PRIMARY, 300), (ANA, 300), (TEAM, 300)),
            plan((ANA, 300), (PRIMARY, 300), (TEAM, 300)),
            ["Ana moved from level 2 to level 1"],
        ),
        (plan((ANA, 300)), plan((JUN, 300)), ["Level 1 added: Jun", "Level 1 removed: Ana"]),
        (plan((ANA, 300)), plan((ANA, 300), repeat=0), ["Repeats 2 times → 0 times"]),
        (
            plan((ANA, 300)),
            Plan("P", (Level((ANA,), 300, *RULES[1]),), 2, None, tz="Asia/Tokyo"),
            [
                "Level 1 notifies people round robin, was everyone",
                "Level 1 needs 2 acknowledgments, was 1",
                "Level 1 is only for high urgency, SEV0 or SEV1, Mon–Fri 09:00–17:00, was for every page",
                "Time zone of hours UTC → Asia/Tokyo",
            ],
        ),
        (
            plan((ANA, 300)),
            plan((ANA, 300), (Target(TargetKind.SCHEDULE, 9), 300)),
            ["Level 2 added: deleted schedule"],
        ),
    ],
)
def test_what_changed_is_said_in_words(before: Plan, after: Plan, lines: list[str]) -> None:
    assert changes(before, after, NAMES) == lines


def sent(minutes: int, person_id: int, channel: str = "email") -> PlannedMessage:
    return PlannedMessage(
        timedelta(minutes=minutes), timedelta(0), person_id, NAMES[f"person:{person_id}"], channel
    )


def level(minutes: int, *messages_: PlannedMessage, index: int | None = 0) -> PlannedLevel:
    people = tuple(dict.fromkeys((m.person_id, m.person) for m in messages_))
    return PlannedLevel(timedelta(minutes=minutes), index, people, messages_)


def test_a_dry_run_is_compared_message_by_message() -> None:
    before = [
        level(0, sent(0, 1), sent(2, 1)),
        level(5, sent(5, 2), index=1),
        level(30, sent(30, 1), index=None),
    ]
    after = [level(0, sent(0, 1), sent(3, 1)), level(4, sent(4, 2), sent(4, 2, "ntfy"), index=1)]
    assert [(c.message.person_id, c.is_new, c.was) for c in compare(before, after)] == [
        (1, False, None),
        (1, False, timedelta(minutes=2)),
        (2, False, timedelta(minutes=5)),
        (2, True, None),
    ]
    assert summary(before) == "Ana at 0:00, Jun at 5:00"
    assert len(messages(before)) == 3
    assert summary([level(0)]) == ""


def test_a_dry_run_shows_levels_that_reach_no_one_where_they_are_skipped() -> None:
    away = replace(level(4, sent(4, 2), sent(9, 2), index=2), unreachable=("Ana",))
    levels = [level(0, sent(0, 1), sent(5, 1)), level(4, index=1), away, level(60, sent(60, 2), index=None)]
    shown = [
        (row.at.seconds // 60, row.level.level if row.level else None, bool(row.message))
        for row in rows(levels, levels)
    ]
    assert shown == [
        (0, None, True),
        (4, 1, False),
        (4, 2, False),
        (4, None, True),
        (5, None, True),
        (9, None, True),
    ]
    assert not any(row.message and row.message.is_new for row in rows(levels, levels))
