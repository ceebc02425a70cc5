"""The 16 rules of readiness: what proves an item, until when, and what the score is (spec 11.14)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.errors import NotFound
from firebell.oncall.model import Layer, Schedule, Unit
from firebell.paging.level_conditions import Conditions, Hours
from firebell.paging.model import Level, Policy, Target, TargetKind
from firebell.readiness import fact_queries
from firebell.readiness.assessment import RULES, assess
from firebell.readiness.chart import chart
from firebell.readiness.facts import (
    ClosedIncident,
    Dated,
    PlanningFacts,
    PublicPageFacts,
    ReadinessFacts,
    RotaFacts,
    RunbookFacts,
    TabletopFacts,
    TeamFacts,
)
from firebell.readiness.model import CHECKPOINTS, Item, ItemState, ReadinessDay, Waiver
from firebell.readiness.quarters import last_closed, parse_quarter
from firebell.readiness.queries import losses, lost_findings, since_day

NOW = datetime(2026, 11, 25, 15, 20, tzinfo=UTC)
CHECKLIST = Path(__file__).parents[2] / "skills/managing-incidents/references/implementation.md"


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


SIGNED = datetime(2026, 10, 12, 9, tzinfo=UTC)


def dated(days: float, ref: str = "INC-7", incident_id: int | None = 7) -> Dated:
    return Dated(ref, ago(days), incident_id)


RUNBOOKS = [RunbookFacts(f"b{i}", f"Book {i}", date(2026, 11, i + 1), False, True, True, 2) for i in range(5)]
ROTA = RotaFacts("Payments", "payments", 2, 0, "Payments", True, {"Mara": ago(1), "Jun": ago(10)})
FULL = ReadinessFacts(
    classified=[dated(10), dated(20), dated(40)],
    severity_lines=8,
    last_event=dated(0.01, "a message", None),
    last_delivery=dated(1, "a message", None),
    rotas=[ROTA],
    has_chat=True,
    channel=dated(3, "#incident-2026-11-22-pay"),
    runbooks=RUNBOOKS,
    public_page=PublicPageFacts("kestrel", ago(0.01)),
    public_post=dated(5),
    teams=[TeamFacts("Payments", {1: ago(30), 2: ago(60), 3: ago(90), 4: ago(100), 5: None})],
    tabletops=[TabletopFacts("DRILL-1", ago(20), 3, 5, True)],
    reviewed_postmortem=dated(60),
    closed=[ClosedIncident(7, ago(10), ago(9), ago(8))],
    acknowledged_pages=[ago(i) for i in range(5)],
    closed_incidents=[ago(i + 1) for i in range(5)],
    metric_views=[ago(1), ago(10)],
    planning=PlanningFacts(3, 10, 8, ago(0.1), True),
    active_rules=1,
    declared_by_rule=dated(30),
    terminal_run=dated(2, "a run of db", None),
    drill_months={date(2026, 8, 1): "DRILL-1", date(2026, 9, 1): "DRILL-2", date(2026, 10, 1): "DRILL-3"},
    reviews={
        date(2026, 7, 1): {"Payments": SIGNED, "Search": SIGNED},
        date(2026, 4, 1): {"Payments": None, "Search": None},
    },
)


def item(facts: ReadinessFacts, item_id: str, now: datetime = NOW) -> Item:
    return next(each for each in assess(facts, {}, now).items if each.id == item_id)


def test_the_items_are_those_of_the_checklist_of_the_handbook() -> None:
    text = (
        CHECKLIST.read_text(encoding="utf-8")
        .partition("## Implementation checklist")[2]
        .partition("\n## ")[0]
    )
    phases = text.split("### Phase ")[1:]
    ids = [f"{n}.{i}" for n, phase in enumerate(phases, 1) for i in range(1, phase.count("- [ ]") + 1)]
    assert ids == [checkpoint.id for checkpoint in CHECKPOINTS] == list(RULES)


def test_what_is_proved_is_met() -> None:
    states = {each.id: each.state for each in assess(FULL, {}, NOW).items}
    assert ItemState.MISSING not in states.values()
    # the game day of this month is not held, and the month is over in six days
    assert {i for i, state in states.items() if state is ItemState.EXPIRING} == {"4.3"}


OFFICE = Conditions(hours=Hours((0, 1, 2, 3, 4), 9 * 60, 17 * 60))
OTHER_TIMES = Conditions(hours=Hours((0, 1, 2, 3, 4), 9 * 60, 17 * 60, is_outside=True))
SOON, LATE = 300, 301


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ([(1, SOON, Conditions()), (2, SOON, Conditions())], True),
        ([(1, LATE, Conditions()), (2, SOON, Conditions())], False),
        # no urgent page of alerts comes to the second level
        ([(1, SOON, Conditions()), (2, SOON, Conditions("low")), (3, SOON, Conditions())], False),
        ([(1, SOON, Conditions()), (2, SOON, Conditions(severities=(0,)))], False),
        # a level that is passed takes no time
        ([(1, SOON, Conditions()), (1, LATE, Conditions("low")), (2, SOON, Conditions())], True),
        # the schedule begins the policy at night, also if it is day now
        ([(2, LATE, OFFICE), (1, SOON, OTHER_TIMES), (2, SOON, Conditions())], True),
        ([(2, SOON, OFFICE), (1, LATE, OTHER_TIMES), (2, SOON, Conditions())], False),
        ([(2, SOON, Conditions()), (1, SOON, OTHER_TIMES)], None),
    ],
)
def test_bug_a_second_person_at_a_level_for_other_pages_counted(
    levels: list[tuple[int, int, Conditions]], expected: bool | None
) -> None:
    """Of the schedule 1, which 1 is on call for: True if a second person is reached, None if it begins no policy."""
    anchor = datetime(2026, 1, 5, 9)  # noqa: DTZ001 - wall time
    schedule = Schedule(
        1, "Primary", "UTC", (Layer(1, ((1,),), anchor, Unit.WEEK, 1, "UTC"),), slug="primary"
    )
    targets = {
        1: Target(TargetKind.SCHEDULE, 1),
        2: Target(TargetKind.PERSON, 2),
        3: Target(TargetKind.PERSON, 1),
    }
    stored = tuple(Level((targets[who],), wait, conditions=only) for who, wait, only in levels)
    policy = Policy(1, "Payments", "payments", 1, 1, stored, 0, None)
    rota = fact_queries._Rota([schedule], [policy], {1: "Mara", 2: "Jun"}, {}, NOW)
    (facts,) = rota.facts({})
    assert (facts.second_person if facts.policy else None) is expected


def test_without_rows_nothing_is_met() -> None:
    assessed = assess(ReadinessFacts(), {}, NOW)
    assert {each.state for each in assessed.items} == {ItemState.MISSING}
    assert assessed.score < 10
    assert all(each.lacks for each in assessed.items)


@pytest.mark.parametrize(
    ("item_id", "lost"),
    [
        ("1.1", {"classified": FULL.classified[:2]}),
        ("1.1", {"classified": [dated(10), dated(20), dated(366)]}),
        ("1.1", {"provisional": [dated(1)]}),
        ("1.1", {"severity_lines": 7}),
        ("1.2", {"last_event": dated(8)}),
        ("1.2", {"last_delivery": None}),
        ("1.3", {"rotas": [replace(ROTA, people=1)]}),
        ("1.3", {"rotas": [replace(ROTA, gap_s=60.0)]}),
        ("1.3", {"rotas": [replace(ROTA, second_person=False)]}),
        ("1.3", {"rotas": [replace(ROTA, proofs={"Mara": ago(1), "Jun": None})]}),
        ("1.3", {"rotas": []}),
        ("1.4", {"has_chat": False}),
        ("1.4", {"channel": dated(181)}),
        ("2.1", {"runbooks": RUNBOOKS[1:]}),
        ("2.1", {"runbooks": [*RUNBOOKS[1:], replace(RUNBOOKS[0], has_errors=True)]}),
        ("2.1", {"runbooks": [*RUNBOOKS[1:], replace(RUNBOOKS[0], day=date(2026, 8, 27))]}),
        ("2.1", {"runbooks": [*RUNBOOKS[1:], replace(RUNBOOKS[0], day=None)]}),
        ("2.2", {"public_page": None}),
        ("2.2", {"public_page": PublicPageFacts("kestrel", None)}),
        ("2.2", {"public_page": PublicPageFacts("kestrel", ago(1))}),
        ("2.2", {"public_post": dated(180)}),
        ("2.3", {"teams": [TeamFacts("Payments", {1: ago(30), 2: ago(366)})]}),
        ("2.3", {"teams": [*FULL.teams, TeamFacts("Search", {})]}),
        ("2.4", {"tabletops": [TabletopFacts("DRILL-1", ago(20), 2, 5, True)]}),
        ("2.4", {"tabletops": [TabletopFacts("DRILL-1", ago(20), 3, 4, True)]}),
        ("2.4", {"tabletops": [TabletopFacts("DRILL-1", ago(20), 3, 5, False)]}),
        ("2.4", {"tabletops": [TabletopFacts("DRILL-1", ago(181), 3, 5, True)]}),
        ("3.1", {"reviewed_postmortem": None}),
        ("3.2", {"closed": [ClosedIncident(7, ago(10), ago(7), ago(8))]}),
        ("3.2", {"closed": [ClosedIncident(7, ago(10), None, ago(8))]}),
        ("3.2", {"closed": []}),
        ("3.3", {"acknowledged_pages": FULL.acknowledged_pages[1:]}),
        ("3.3", {"metric_views": [ago(1)]}),
        ("3.3", {"metric_views": [ago(1), ago(30)]}),
        ("3.4", {"planning": PlanningFacts(3, 10, 7, ago(0.1), True)}),
        ("3.4", {"planning": PlanningFacts(3, 10, 8, ago(1.1), True)}),
        ("4.1", {"active_rules": 0}),
        ("4.1", {"declared_by_rule": dated(181)}),
        ("4.2", {"runbooks": RUNBOOKS[:2]}),
        ("4.2", {"terminal_run": None}),
        ("4.3", {"drill_months": {date(2026, 9, 1): "DRILL-2", date(2026, 10, 1): "DRILL-3"}}),
        ("4.4", {"reviews": {}}),
        ("4.4", {"reviews": {date(2026, 7, 1): {}}}),
        ("4.4", {"reviews": {date(2026, 7, 1): {"Payments": SIGNED, "Search": None}}}),
        ("4.4", {"reviews": {date(2026, 7, 1): {"Payments": datetime(2026, 11, 1, tzinfo=UTC)}}}),
    ],
)
def test_an_item_is_missing_without_one_of_its_proofs(item_id: str, lost: dict[str, object]) -> None:
    assert item(FULL, item_id).state is not ItemState.MISSING
    after = item(replace(FULL, **lost), item_id)  # type: ignore[arg-type]
    assert after.state is ItemState.MISSING
    assert after.valid_until is None
    assert after.lacks is not None


@pytest.mark.parametrize(
    ("item_id", "until"),
    [
        ("1.1", ago(40) + timedelta(days=365)),
        ("1.2", ago(0.01) + timedelta(days=7)),
        ("1.3", ago(10) + timedelta(days=90)),
        ("2.1", datetime(2027, 1, 30, tzinfo=UTC)),
        ("2.3", ago(100) + timedelta(days=365)),
        ("2.4", ago(20) + timedelta(days=180)),
        ("3.1", None),
        ("3.3", ago(10) + timedelta(days=30)),
        ("4.3", datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_an_item_holds_until_its_first_proof_is_too_old(item_id: str, until: datetime | None) -> None:
    assert item(FULL, item_id).valid_until == until
    if until is not None:
        assert item(FULL, item_id, until).state is ItemState.MISSING


def test_a_game_day_of_this_month_makes_the_item_hold_until_the_end_of_the_next() -> None:
    facts = replace(FULL, drill_months={**FULL.drill_months, date(2026, 11, 1): "DRILL-4"})
    assert item(facts, "4.3").valid_until == datetime(2027, 1, 1, tzinfo=UTC)
    assert item(facts, "4.3").state is ItemState.MET


@pytest.mark.parametrize(
    ("at", "third", "second", "state", "until"),
    [
        # after the end of Q3, that of Q2 counts until 31 October
        ((10, 5), None, (7, 20), ItemState.MET, (10, 31)),
        ((10, 20), None, (7, 20), ItemState.EXPIRING, (10, 31)),
        ((10, 31), None, (7, 20), ItemState.MISSING, None),
        # that of Q2 was signed too late
        ((10, 5), None, (8, 1), ItemState.MISSING, None),
        # signed on the last day, and too late
        ((11, 25), (10, 30), None, ItemState.MET, (1, 31)),
        ((11, 25), (10, 31), (7, 20), ItemState.MISSING, None),
    ],
)
def test_a_quarter_is_signed_within_30_days_and_until_then_the_one_before_counts(
    at: tuple[int, int],
    third: tuple[int, int] | None,
    second: tuple[int, int] | None,
    state: ItemState,
    until: tuple[int, int] | None,
) -> None:
    def day(when: tuple[int, int] | None, hour: int = 0) -> datetime | None:
        return when and datetime(2027 if when[0] == 1 else 2026, *when, hour, tzinfo=UTC)

    reviews = {date(2026, 7, 1): {"Payments": day(third, 9)}, date(2026, 4, 1): {"Payments": day(second, 9)}}
    now = day(at, 1)
    assert now is not None
    review = item(replace(FULL, reviews=reviews), "4.4", now)
    assert (review.state, review.valid_until) == (state, day(until))


def test_quarters_have_names_and_neighbors() -> None:
    quarter = parse_quarter("2026-q4")
    assert (quarter.label, quarter.name, quarter.last_day) == ("2026-Q4", "Q4 2026", date(2026, 12, 31))
    assert (quarter.following.label, quarter.previous.label) == ("2027-Q1", "2026-Q3")
    assert last_closed(datetime(2027, 1, 1, tzinfo=UTC)) == quarter
    assert last_closed(datetime(2026, 12, 31, 23, tzinfo=UTC)) == quarter.previous
    for wrong in ("2026-Q5", "2026", "", "2026-Q0", "٢٠٢٦-Q1"):
        with pytest.raises(NotFound):
            parse_quarter(wrong)


def test_two_weeks_before_the_end_an_item_expires_and_a_short_proof_in_its_second_half() -> None:
    end = item(FULL, "1.4").valid_until
    assert end is not None
    assert item(FULL, "1.4", end - timedelta(days=15)).state is ItemState.MET
    assert item(FULL, "1.4", end - timedelta(days=13)).state is ItemState.EXPIRING
    facts = replace(FULL, planning=PlanningFacts(3, 10, 8, NOW, True))
    assert item(facts, "3.4", NOW + timedelta(hours=11)).state is ItemState.MET
    assert item(facts, "3.4", NOW + timedelta(hours=13)).state is ItemState.EXPIRING


def test_a_waived_item_is_outside_the_score_until_its_waiver_ends() -> None:
    unsigned = replace(FULL, reviews={})
    before = assess(unsigned, {}, NOW)
    waiver = Waiver(1, "4.4", "no teams yet", "Mara", 1, ago(1), NOW + timedelta(days=10))
    waived = assess(unsigned, {"4.4": waiver}, NOW)
    assert waived.count(ItemState.WAIVED) == 1
    assert waived.score > before.score
    assert assess(FULL, {"4.4": waiver}, NOW + timedelta(days=10)).count(ItemState.WAIVED) == 0
    everything = {c.id: replace(waiver, item_id=c.id) for c in CHECKPOINTS}
    assert assess(FULL, everything, NOW).score == 0


def test_the_score_counts_half_of_the_conditions_of_what_is_missing() -> None:
    # 14 items, 2 of 3 conditions of 3.3, none of 4.4
    facts = replace(FULL, metric_views=[], reviews={})
    assert assess(facts, {}, NOW).score == round(100 * (14 + 0.5 * 2 / 3) / 16)


def test_the_next_item_is_the_cheapest_that_is_missing() -> None:
    following = assess(replace(FULL, active_rules=0), {}, NOW).next_item
    assert following is not None
    assert following.id == "4.1"


def test_no_incident_without_severe_ones_needs_another_document() -> None:
    facts = replace(FULL, closed=[], other_document=dated(30))
    assert item(facts, "3.2").state is ItemState.MET


@given(st.sets(st.sampled_from(sorted(FULL.__dataclass_fields__))))
def test_fewer_rows_never_raise_the_score(dropped: set[str]) -> None:
    empty = ReadinessFacts()
    harmful = dropped - {"provisional", "closed"}
    fewer = replace(FULL, **{name: getattr(empty, name) for name in harmful})
    assert assess(fewer, {}, NOW).score <= assess(FULL, {}, NOW).score
    assert assess(fewer, {}, NOW) == assess(fewer, {}, NOW)


def days(*states: str) -> list[ReadinessDay]:
    return [
        ReadinessDay(date(2026, 11, i + 1), 50 + i, {"1.1": state, "1.2": "met"}, {"1.1": "Incidents"})
        for i, state in enumerate(states)
    ]


def test_an_item_that_was_met_the_day_before_is_lost() -> None:
    history = days("met", "missing", "missing", "expiring", "missing")
    assert [(loss.day.day, loss.item_id) for loss in losses(history)] == [(2, "1.1"), (5, "1.1")]
    assert [f.id for f in lost_findings(history)] == ["Y-LOST:1.1:2026-11-05"]
    assert lost_findings(history[:3]) == []
    assert losses(days("met", "waived")) == []
    assert lost_findings([]) == []
    assert since_day(history, "1.2", ItemState.MET) == date(2026, 11, 1)
    assert since_day(history, "1.1", ItemState.MET) is None


def test_the_curve_has_a_step_for_each_day_and_a_point_for_each_loss() -> None:
    curve = chart(days("met", "missing", "met"))
    assert curve is not None
    assert curve.path == "M34 70 H555 V69 H1076 V68"
    assert [point.x for point in curve.points] == [555]
    assert chart(days("met")) is None
    assert chart([]) is None
