"""Findings of a schedule: each problem with its evidence and a fix, and none if there is no problem."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.findings import FindingLevel
from firebell.oncall.calendars.model import ImportedShift
from firebell.oncall.checks.all_checks import CheckContext, checks
from firebell.oncall.checks.preview import preview
from firebell.oncall.checks.rules import (
    CheckFacts,
    PolicyChain,
    PolicyLevel,
    Reach,
    ScheduleFinding,
    UrgentCall,
    findings,
    people_due_rest,
)
from firebell.oncall.model import (
    Absence,
    Cover,
    CoverState,
    Layer,
    Override,
    OverrideKind,
    Schedule,
    Shift,
    Unit,
    User,
    Window,
)
from firebell.oncall.rota.shifts import gaps
from firebell.oncall.rota.tzdata_changes import RECORDED_AHEAD, ZoneOffsets
from firebell.oncall.swaps import resulting_overrides

A = datetime(2026, 1, 5, 9, tzinfo=UTC)
B = A + timedelta(days=28)
ANCHOR = datetime(2026, 1, 5, 9)  # noqa: DTZ001 - wall time

WELL: dict[User, Reach] = {u: Reach(wakes=True, ways=2) for u in range(1, 9)}


def weekly(*users: int, **more: object) -> Layer:
    layer = Layer(1, tuple((u,) for u in users), ANCHOR, Unit.WEEK, 1, "UTC", name="Weekly")
    return replace(layer, **more)  # type: ignore[arg-type]


def one(schedule_id: int = 1, name: str = "Primary", **more: object) -> Schedule:
    return replace(Schedule(schedule_id, name, "UTC", (weekly(1, 2, 3, 4),)), **more)  # type: ignore[arg-type]


def codes(reported: list[ScheduleFinding]) -> list[tuple[str, FindingLevel]]:
    return [(f.code, f.level) for f in reported]


def test_a_good_schedule_has_no_finding() -> None:
    assert findings(one(), A, B, CheckFacts(reach=WELL)) == []


def test_a_gap_is_an_error_when_no_later_level_covers_it() -> None:
    days = frozenset(range(5))
    office = one(layers=(weekly(1, 2, 3, 4, windows=(Window(0, 1440, days),)),))
    second, third = one(2, "Secondary"), one(3, "Third", layers=())
    alone = findings(office, A, B, CheckFacts())
    assert codes(alone)[0] == ("S-GAP", FindingLevel.WARNING)
    assert [(f.start, f.end) for f in alone if f.code == "S-GAP"] == gaps(office, A, B)
    assert alone[0].fix
    assert alone[0].fix.verb == "override"

    def level(*steps: PolicyLevel) -> FindingLevel:
        reported = findings(office, A, B, CheckFacts(policies=(PolicyChain("Payments", steps),)))
        return next(f.level for f in reported if f.code == "S-GAP")

    mine = PolicyLevel((office,), people=False)
    assert level(mine) == FindingLevel.ERROR
    assert level(mine, PolicyLevel((third,), people=False)) == FindingLevel.ERROR
    assert level(mine, PolicyLevel((second,), people=False)) == FindingLevel.WARNING
    assert level(mine, PolicyLevel((), people=True)) == FindingLevel.WARNING
    assert level(PolicyLevel((second,), people=False), mine) == FindingLevel.ERROR


def test_a_gap_keeps_its_id_from_day_to_day() -> None:
    hole = Override(1, 1, A + timedelta(days=10), A + timedelta(days=11), OverrideKind.SET)
    schedule = one(overrides=(hole,))
    today, tomorrow = (
        findings(schedule, A + timedelta(days=d), B + timedelta(days=d), CheckFacts()) for d in (0, 1)
    )
    assert [f.id for f in today] == [f.id for f in tomorrow] == ["S-GAP:20260115T0900Z"]


def test_people_who_left_or_cannot_be_reached_are_named() -> None:
    reach: dict[User, Reach] = {**WELL, 2: Reach(wakes=False, ways=1), 3: Reach(wakes=True, ways=1)}
    reported = findings(one(inactive=frozenset({4})), A, B, CheckFacts({4: "Ada"}, reach))
    left = next(f for f in reported if f.code == "S-INACTIVE")
    assert "Ada left" in left.message
    assert left.fix
    assert (left.fix.verb, left.fix.args) == ("leave", {"person": 4})
    silent = {f.users: f.level for f in reported if f.code == "S-UNREACHABLE"}
    assert silent == {(2,): FindingLevel.ERROR, (3,): FindingLevel.WARNING}


def test_an_override_to_someone_who_left_is_a_finding() -> None:
    edit = Override(7, 7, A, A + timedelta(hours=1), OverrideKind.SET, (9,))
    reported = findings(one(overrides=(edit,), inactive=frozenset({9})), A, B, CheckFacts())
    assert codes(reported) == [("S-INACTIVE", FindingLevel.ERROR), ("S-GAP", FindingLevel.WARNING)]
    assert reported[0].fix
    assert reported[0].fix.args == {"edits": [7]}


def test_primary_and_secondary_that_are_the_same_person() -> None:
    primary = one()
    same = one(2, "Secondary")
    chain = PolicyChain(
        "Payments", (PolicyLevel((primary,), people=False), PolicyLevel((same,), people=False))
    )
    reported = findings(same, A, B, CheckFacts(policies=(chain,)))
    assert codes(reported) == [("S-SAME", FindingLevel.WARNING)]
    assert reported[0].fix
    assert (reported[0].fix.verb, reported[0].fix.args) == ("offset", {"layer": 1, "offset": 1})
    right = one(2, "Secondary", layers=(weekly(1, 2, 3, 4, offset=1),))
    chain = PolicyChain(
        "Payments", (PolicyLevel((primary,), people=False), PolicyLevel((right,), people=False))
    )
    assert findings(right, A, B, CheckFacts(policies=(chain,))) == []


def test_someone_in_two_schedules_of_a_policy() -> None:
    primary, both = one(), one(3, "Third", layers=(weekly(4, 3, 2, 1),))
    steps = (
        PolicyLevel((primary,), people=False),
        PolicyLevel((), people=True),
        PolicyLevel((both,), people=False),
    )
    edit = Override(1, 1, A, A + timedelta(hours=3), OverrideKind.SET, (4,))
    primary = replace(primary, overrides=(edit,))
    reported = findings(primary, A, B, CheckFacts(policies=(PolicyChain("P", steps),)))
    assert codes(reported) == [("S-DOUBLE", FindingLevel.WARNING)]
    assert (reported[0].start, reported[0].end, reported[0].users) == (A, A + timedelta(hours=3), (4,))


def test_more_than_a_week_without_a_break_and_a_week_over_the_clock_change() -> None:
    long = one(layers=(weekly(1, 2, 3, 4, every=2),))
    reported = [f for f in findings(long, A, B, CheckFacts()) if f.code == "S-LONG"]
    assert [f.users for f in reported] == [(1,), (2,)]
    autumn = datetime(2026, 10, 20, tzinfo=UTC)
    berlin = one(tz="Europe/Berlin", layers=(weekly(1, 2, 3, 4, tz="Europe/Berlin"),))
    assert findings(berlin, autumn, autumn + timedelta(days=28), CheckFacts()) == []


def test_too_few_people_around_the_clock_or_in_a_region() -> None:
    few = findings(one(layers=(weekly(1, 2),)), A, B, CheckFacts())
    assert codes(few) == [("S-FREQ", FindingLevel.WARNING)]
    assert "2 people" in few[0].message
    every = frozenset(range(7))
    sun = one(
        layers=(
            weekly(1, 2, id=1, name="Europe", windows=(Window(0, 720, every),)),
            weekly(3, 4, 5, id=2, name="America", windows=(Window(720, 720, every),)),
        )
    )
    assert [f.message for f in findings(sun, A, B, CheckFacts())] == [
        "Europe has 2 people. Aim for at least 3 per rotation."
    ]
    often = findings(one(layers=(weekly(1, 2, 1, 3, 4, 1, 2),)), A, B, CheckFacts())
    assert ("S-FREQ", (1,)) in [(f.code, f.users) for f in often]


def test_regions_are_those_of_the_present_layers_and_count_their_zones_people() -> None:
    every, london, tokyo = frozenset(range(7)), "Europe/London", "Asia/Tokyo"
    sun = (
        weekly(1, 2, id=2, name="Europe", tz=london, windows=(Window(0, 720, every),)),
        weekly(2, 3, id=3, name="Europe late", tz=london, windows=(Window(720, 240, every),)),
        weekly(4, 5, id=4, name="Asia", tz=tokyo, windows=(Window(0, 720, every),)),
    )

    def few(*layers: Layer) -> list[str]:
        return [f.message for f in findings(one(layers=layers), A, B, CheckFacts()) if f.code == "S-FREQ"]

    assert few(*sun) == ["Asia has 2 people. Aim for at least 3 per rotation."]
    over = weekly(1, 2, 3, 4, end=A - timedelta(days=1))
    assert few(over, *sun) == few(*sun), "a rotation that is over is no region and hides none"
    assert few(*sun, weekly(9, id=5, start=B, tz="UTC")) == few(*sun)


def test_the_same_people_by_day_and_by_night_are_around_the_clock() -> None:
    every = frozenset(range(7))
    both = one(
        layers=(
            weekly(1, 2, 3, id=1, name="Day", windows=(Window(0, 720, every),)),
            weekly(3, 1, 2, id=2, name="Night", windows=(Window(720, 720, every),)),
        )
    )
    assert [f.message for f in findings(both, A, B, CheckFacts()) if f.code == "S-FREQ"] == [
        "The 24/7 rotation has 3 people. Aim for at least 4 per rotation."
    ]


def test_other_targets_of_a_level_are_paged_during_a_schedules_gap() -> None:
    hole = one(overrides=(Override(1, 1, A + timedelta(days=1), A + timedelta(days=2), OverrideKind.SET),))
    second = one(2, "Secondary")
    for step, level in (
        (PolicyLevel((hole,), people=True), FindingLevel.WARNING),
        (PolicyLevel((hole, second), people=False), FindingLevel.WARNING),
        (PolicyLevel((hole,), people=False), FindingLevel.ERROR),
    ):
        reported = findings(hole, A, B, CheckFacts(policies=(PolicyChain("P", (step,)),)))
        assert [f.level for f in reported if f.code == "S-GAP"] == [level], step


def test_a_gap_that_reaches_no_one_is_not_lost_behind_many_that_do() -> None:
    holes = tuple(
        Override(i, i, A + timedelta(days=i), A + timedelta(days=i, hours=1), OverrideKind.SET)
        for i in range(1, 27)
    )
    last = Override(99, 99, holes[-1].start, holes[-1].end, OverrideKind.SET)
    first, second = one(overrides=holes), one(2, "Secondary", overrides=(last,))
    chain = PolicyChain("P", (PolicyLevel((first,), people=False), PolicyLevel((second,), people=False)))
    reported = [f for f in findings(first, A, B, CheckFacts(policies=(chain,))) if f.code == "S-GAP"]
    assert (reported[0].level, reported[0].start) == (FindingLevel.ERROR, holes[-1].start)
    assert {f.level for f in reported[1:]} == {FindingLevel.WARNING}


def test_an_absence_that_no_one_covers_yet() -> None:
    cover = Cover(
        *(5, 1, 1, A, A + timedelta(days=7), A, CoverState.OPEN, (), (), "", None, None, 3, A, None)
    )
    reported = findings(one(), A, B, CheckFacts(covers=(cover,)))
    assert codes(reported) == [("S-VACATION", FindingLevel.WARNING)]
    assert reported[0].fix
    assert reported[0].fix.args == {"cover": 5}
    off = one(overrides=(Override(1, 1, A, A + timedelta(days=7), OverrideKind.MAP, mapping={1: 4}),))
    assert "S-VACATION" not in [f.code for f in findings(off, A, B, CheckFacts(covers=(cover,)))]


def test_an_absence_without_a_cover_request_is_a_finding() -> None:
    away = Absence(3, 1, A + timedelta(days=1), A + timedelta(days=3), "", None, A, None)
    (finding,) = findings(one(), A, B, CheckFacts(absences=(away,)))
    assert (finding.code, finding.start, finding.end, finding.users) == (
        "S-VACATION",
        away.start,
        away.end,
        (1,),
    )
    fields = (away.start, CoverState.OPEN, (), (), "", None, None, 3, A, None)
    asked = Cover(5, 1, 1, away.start, away.end, *fields)
    (same,) = findings(one(), A, B, CheckFacts(absences=(away,), covers=(asked,)))
    assert same.id == finding.id
    kept = replace(asked, state=CoverState.WITHDRAWN)
    assert findings(one(), A, B, CheckFacts(absences=(away,), withdrawn_covers=(kept,))) == []


def test_the_absences_of_others_cost_a_schedule_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The checks of hundreds of schedules took seconds: each evaluated its shifts for everyone absent anywhere."""
    absent = [Absence(n, n, A, A + timedelta(days=3), "", None, A, None) for n in range(5, 105)]

    def never(*_: object) -> list[Shift]:
        raise AssertionError("no one absent is on call here")

    monkeypatch.setattr(resulting_overrides, "intervals_on_call", never)
    assert checks(one(), A, CheckContext(CheckFacts(reach=WELL, absences=tuple(absent)))) == []


def test_a_preview_lists_who_gains_who_loses_and_new_gaps() -> None:
    old = one()
    hole = Override(1, 1, A + timedelta(days=1), A + timedelta(days=1, hours=6), OverrideKind.SET)
    gift = Override(2, 2, A + timedelta(days=7), A + timedelta(days=8, hours=10), OverrideKind.SET, (1,))
    changes = preview(old, replace(old, overrides=(hole, gift)), A, B, CheckContext(CheckFacts()))
    assert changes.hours == {1: 28.0, 2: -34.0}
    assert changes.new_gaps == ((hole.start, hole.end),)
    assert [(c[0], c[2], c[3]) for c in changes.changes] == [(hole.start, (1,), ()), (gift.start, (2,), (1,))]
    assert [f.code for f in changes.new_findings] == ["S-GAP", "S-LONG"]
    back = preview(replace(old, overrides=(hole, gift)), old, A, B, CheckContext(CheckFacts()))
    assert back.closed_gaps == changes.new_gaps
    assert [f.id for f in back.fixed_findings] == [f.id for f in changes.new_findings]


def test_a_preview_shows_every_kind_of_finding_that_the_checks_show() -> None:
    """S-BUSY, S-TZCHANGE and S-VACATION were shown on a schedule, but not in the preview of a change."""
    busy = ImportedShift(A + timedelta(hours=1), A + timedelta(hours=2), (5,), "")
    away = Absence(3, 5, A + timedelta(hours=3), A + timedelta(hours=4), "", None, A, None)
    now = A.replace(hour=0)
    winter = ZoneOffsets(now, now + RECORDED_AHEAD, ((now, timedelta(hours=1)),))
    context = CheckContext(CheckFacts(absences=(away,)), clocks={1: {STOCKHOLM: winter}}, busy=(busy,))
    old = one()
    new = one(layers=(weekly(5, 2, 3, 4, tz=STOCKHOLM),))
    changes = preview(old, new, now, B, context)
    codes_seen = {f.code for f in changes.new_findings}
    assert {"S-BUSY", "S-TZCHANGE", "S-VACATION"} <= codes_seen
    had, has = checks(old, now, context), checks(new, now, context)
    assert [f for f in has if f.id not in {x.id for x in had}] == list(changes.new_findings)
    back = preview(new, old, now, B, context)
    assert {f.code for f in back.fixed_findings} == codes_seen
    same = preview(new, replace(new, overrides=()), now, B, context)
    assert same.new_findings == ()


def test_a_finding_that_becomes_worse_is_new_in_a_preview() -> None:
    hole = Override(1, 1, A + timedelta(days=1), A + timedelta(days=2), OverrideKind.SET)
    old = one(overrides=(hole,))
    second = one(2, "Secondary")
    chain = PolicyChain("P", (PolicyLevel((old,), people=False), PolicyLevel((second,), people=False)))
    wider = one(overrides=(replace(hole, end=A + timedelta(days=3)),))
    short = replace(
        second, overrides=(Override(2, 2, A + timedelta(days=2), A + timedelta(days=3), OverrideKind.SET),)
    )
    chain = replace(chain, levels=(chain.levels[0], PolicyLevel((short,), people=False)))
    changes = preview(old, wider, A, B, CheckContext(CheckFacts(policies=(chain,))))
    assert codes(list(changes.new_findings)) == [("S-GAP", FindingLevel.ERROR)]
    assert codes(list(changes.fixed_findings)) == [("S-GAP", FindingLevel.WARNING)]


STOCKHOLM = "Europe/Stockholm"
NIGHT = datetime(2026, 1, 14, 1, tzinfo=UTC)
"""Two in the morning in Stockholm, in the week of 2."""


def calls(user: int, *minutes: int, pages: int | None = None, tz: str = STOCKHOLM) -> tuple[UrgentCall, ...]:
    return tuple(
        UrgentCall(user, i % (pages or 99), NIGHT + timedelta(minutes=m), tz) for i, m in enumerate(minutes)
    )


def restless(
    schedule: Schedule, now: datetime, *rang: UrgentCall, covers: tuple[Cover, ...] = ()
) -> list[ScheduleFinding]:
    reported = findings(schedule, now, now + timedelta(days=28), CheckFacts(urgent_calls=rang, covers=covers))
    return [f for f in reported if f.code == "S-NOREST"]


def test_after_a_night_over_the_limit_the_responder_rests_eleven_hours() -> None:
    now = NIGHT + timedelta(hours=5)
    assert restless(one(), now, *calls(2, 0, 10, 20)) == []
    (finding,) = restless(one(), now, *calls(2, 0, 10, 20, 60))
    until = NIGHT + timedelta(hours=12)
    assert finding.level is FindingLevel.WARNING
    assert "got 4 pages in one night, the last at Wed 14 Jan 02:00" in finding.message
    assert (finding.start, finding.end, finding.users) == (now, until, (2,))
    assert finding.fix
    assert (finding.fix.verb, finding.fix.args) == ("ask", {"person": 2, "start": now, "end": until})
    assert restless(one(), until, *calls(2, 0, 10, 20, 60)) == []


def test_a_page_that_calls_often_is_one_and_a_call_by_day_is_none() -> None:
    now = NIGHT + timedelta(hours=5)
    assert restless(one(), now, *calls(2, 0, 10, 20, 60, pages=3)) == []
    # in Tokyo it is ten in the morning
    assert restless(one(), now, *calls(2, 0, 10, 20, 60, tz="Asia/Tokyo")) == []


def test_time_off_duty_counts_as_rest_and_a_near_shift_is_a_finding() -> None:
    rang = calls(2, 0, 10, 20, 60)
    morning = NIGHT + timedelta(hours=6)
    off = Override(1, 1, NIGHT - timedelta(days=1), NIGHT + timedelta(hours=9), OverrideKind.SET, (3,))
    (finding,) = restless(one(overrides=(off,)), morning, *rang)
    assert (finding.start, finding.end) == (NIGHT + timedelta(hours=9), NIGHT + timedelta(hours=12))
    later = replace(off, end=NIGHT + timedelta(hours=12))
    assert restless(one(overrides=(later,)), morning, *rang) == []


def test_where_cover_for_the_rest_is_asked_for_the_button_takes_it() -> None:
    now = NIGHT + timedelta(hours=5)
    asked = Cover(
        *(5, 1, 2, now, NIGHT + timedelta(hours=12), now, CoverState.OPEN, (), (), "", None, None, None),
        *(now, None),
    )
    (finding,) = restless(one(), now, *calls(2, 0, 10, 20, 60), covers=(asked,))
    assert finding.fix
    assert (finding.fix.verb, finding.fix.args) == ("take", {"cover": 5})


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 8), st.integers(0, 3000)), max_size=40))
def test_rest_is_due_after_more_than_three_pages_in_a_night(
    rang: list[tuple[int, int, int]],
) -> None:
    now = NIGHT + timedelta(minutes=3001)
    given_ = [UrgentCall(u, page, NIGHT + timedelta(minutes=m), "UTC") for u, page, m in rang]
    due = people_due_rest(given_, now)
    for user in {1, 2, 3}:
        mine = [c for c in given_ if c.user == user and (c.at.hour >= 22 or c.at.hour < 7)]
        nights = {(c.at - timedelta(hours=7)).date() for c in mine}
        over = [
            last
            for night in nights
            for those in [[c for c in mine if (c.at - timedelta(hours=7)).date() == night]]
            if len({c.page_id for c in those}) > 3
            and (last := max(c.at for c in those)) + timedelta(hours=11) > now
        ]
        assert (user in due) == bool(over)
        if over:
            assert due[user][0] in over
