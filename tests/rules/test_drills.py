"""Drills: scenario files, the clock, the sandbox, and the score (spec 11.15)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.drills import shipped_scenarios
from firebell.drills.clock import due_times
from firebell.drills.fact_queries import incident_checks
from firebell.drills.library import combined
from firebell.drills.model import Expectation, ExpectedEvent, Inject, InjectKind, Participant
from firebell.drills.reachable_people import is_night, reachable
from firebell.drills.scenario_file import ScenarioFile, duration_s, read_scenario
from firebell.drills.scoring import DrillFacts, Verdict, name_of, score, span, updates_on_time
from firebell.kit.drill_clock import DrillClock
from firebell.kit.intervals import Interval
from firebell.runbooks.model import ScenarioText
from firebell.slices import SLICES

START = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
GOOD = """\
scenario: {slug: disk-full, title: "The disk is full", kind: game_day, minutes: 45}
needs: {roles: [commander], services: [ledger-db], runbook: database-failover}
injects:
  - {at: 0m, id: i1, do: alert, labels: {alertname: DiskFull, service: ledger-db}, severity: critical}
  - {when: declared, after: 90s, id: i2, do: question, to: commander, ask: "Who decides?"}
expect:
  - {id: e1, event: page_acked, within: 5m, of: i1, weight: 2}
"""


def test_a_file_of_a_source_replaces_a_shipped_one_and_of_two_none_is_used() -> None:
    def file(path: str, slug: str, source: str = "Ops") -> tuple[ScenarioText, ScenarioFile]:
        text = (
            f"scenario: {{slug: {slug}, title: T, kind: tabletop, minutes: 30}}\n"
            "injects:\n  - {at: 0m, id: i1, do: complication, text: It is slow}\n"
        )
        return ScenarioText(source, path, text), read_scenario(text)

    bad = ScenarioText("Ops", "c.yaml", "scenario: 7")
    made = combined(
        [
            file("a.yaml", "cache-stampede"),
            file("b.yaml", "twice"),
            file("b.yaml", "twice", "Other"),
            (bad, read_scenario(bad.body)),
        ]
    )
    assert made.scenarios["cache-stampede"].path == "a.yaml"
    assert made.scenarios["db-primary-lost"].source == ""
    assert "twice" not in made.scenarios
    assert [(r.source, r.path) for r in made.refused] == [
        ("Ops", "b.yaml"),
        ("Ops", "c.yaml"),
        ("Other", "b.yaml"),
    ]
    assert set(combined(()).scenarios) == set(shipped_scenarios.load())


def test_each_shipped_scenario_is_read_without_a_problem() -> None:
    assert sorted(shipped_scenarios.load()) == [
        "cache-stampede",
        "db-primary-lost",
        "export-in-a-public-bucket",
        "layer-7-flood",
    ]
    for text, scenario in shipped_scenarios.load().values():
        assert read_scenario(text).problems == ()
        assert scenario.injects
        assert scenario.expectations
        assert scenario.debrief
        assert not scenario.allow_commands


def test_a_file_is_read_with_its_times_in_seconds() -> None:
    scenario = read_scenario(GOOD).scenario
    assert scenario is not None
    assert scenario.speed == 1
    assert [(i.id, i.at_s, i.when, i.after_s) for i in scenario.injects] == [
        ("i1", 0, "", 0),
        ("i2", None, "declared", 90),
    ]
    assert scenario.expectations[0].within_s == 300


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("kind: game_day", "kind: party", 1),
        ("minutes: 45", "minutes: 45, speed: 0", 1),
        ("minutes: 45", "minutes: 45, minutes: 50", 1),
        ("slug: disk-full", "slug: Disk Full", 1),
        ("roles: [commander]", "roles: [boss]", 2),
        ("services: [ledger-db]", "services: []", 4),
        ("do: alert", "do: dance", 4),
        ("at: 0m", "at: 46m", 4),
        ("at: 0m", "at: soon", 4),
        ("at: 0m", "at: 0m, when: declared", 4),
        ("at: 0m, ", "", 4),
        ("alertname: DiskFull, ", "", 4),
        ("id: i2", "id: i1", 5),
        ("to: commander", "to: nobody", 5),
        ("ask:", "asks:", 5),
        ("of: i1", "of: i9", 7),
        ("of: i1", "of: i2", 7),
        ("event: page_acked", "event: flown", 7),
        ("event: page_acked, within: 5m, of: i1", "check: I-HANDSON, event: declared", 7),
        ("weight: 2", "weight: 0", 7),
        ("id: e1,", "id: &e e1,", 7),
        ("id: e1,", "id: !!str e1,", 7),
        ("injects:", "injects: [", 4),
    ],
)
def test_a_bad_file_is_refused_with_its_line(old: str, new: str, line: int) -> None:
    file = read_scenario(GOOD.replace(old, new, 1))
    assert file.scenario is None
    assert file.problems[0].line == line
    assert all(each.message and each.advice for each in file.problems)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- 1",
        "scenario",
        "a: 1",
        "scenario: []\ninjects: 7",
        "x: " + "[" * 5000,
        "[" * 60_000,
        "? - " * 15_000,
        'a: "\\UFFFFFFFF"',
        'a: "\\U00110000"',
        "%YAML 1." + "9" * 5000 + "\n---\na: 1",
        "é" * 40_000,
    ],
)
def test_anything_else_is_a_problem_and_never_an_error(text: str) -> None:
    file = read_scenario(text)
    assert file.scenario is None
    assert file.problems


@given(st.text(max_size=200))
def test_reading_never_raises(text: str) -> None:
    read_scenario(text)
    read_scenario(GOOD.replace("DiskFull", text))


def test_roles_have_their_names_where_people_read_them() -> None:
    away = Inject("i1", InjectKind.PERSON_AWAY, "A train is late", to="sme")
    assert away.title == "Subject matter expert is away: A train is late"
    expected = Expectation("e1", 1, ExpectedEvent.ROLE_TAKEN, within_s=900, role="comms")
    assert name_of(expected) == "Comms lead assigned within 15 min"


def test_durations_have_a_unit() -> None:
    assert [duration_s(text) for text in ("90s", "6m", "1h", "6", "1.5h", "-1m")] == [
        90,
        360,
        3600,
        None,
        None,
        None,
    ]


@given(st.integers(1, 10), st.integers(0, 7200), st.integers(0, 7200), st.integers(0, 7200))
def test_the_clock_stands_still_in_a_pause_and_goes_on_after_it(
    speed: int, before_s: int, pause_s: int, after_s: int
) -> None:
    running = DrillClock(START, speed)
    paused = replace(running, paused_at=START + timedelta(seconds=before_s))
    assert paused.elapsed_s(START + timedelta(seconds=before_s + pause_s)) == before_s * speed
    assert paused.instant(before_s * speed + 1) is None
    resumed = replace(
        running, pauses=(Interval(paused.paused_at or START, START + timedelta(seconds=before_s + pause_s)),)
    )
    at = START + timedelta(seconds=before_s + pause_s + after_s)
    assert resumed.elapsed_s(at) == (before_s + after_s) * speed
    instant = resumed.instant(resumed.elapsed_s(at))
    assert instant is not None
    assert abs(instant - at) < timedelta(milliseconds=1)
    # what happened before the pause keeps its time
    assert resumed.elapsed_s(START + timedelta(seconds=before_s / 2)) == before_s / 2 * speed


def test_a_clock_is_never_negative_and_ends() -> None:
    clock = DrillClock(START, finished_at=START + timedelta(hours=1))
    assert clock.elapsed_s(START - timedelta(hours=1)) == 0
    assert clock.elapsed_s(START + timedelta(days=1)) == 3600
    assert clock.instant(10) is None


def test_injects_wait_for_their_time_or_for_the_players() -> None:
    injects = [
        Inject("late", InjectKind.COMPLICATION, "x", at_s=600),
        Inject("waits", InjectKind.COMPLICATION, "x", when="mitigation", after_s=60),
        Inject("soon", InjectKind.COMPLICATION, "x", at_s=60),
    ]
    assert [(at, i.id) for at, i in due_times(injects, [], {})] == [
        (60, "soon"),
        (600, "late"),
        (None, "waits"),
    ]
    assert [(at, i.id) for at, i in due_times(injects, ["soon"], {"mitigation": 100})] == [
        (160, "waits"),
        (600, "late"),
    ]


def _participant(
    person_id: int, state: str = "accepted", night: bool = False, away: bool = False
) -> Participant:
    return Participant(1, person_id, state, night, away, False)


def test_only_volunteers_who_are_here_and_awake_are_reached() -> None:
    zones = {1: "UTC", 2: "UTC", 3: "UTC", 4: "Asia/Tokyo", 5: "Asia/Tokyo", 6: "UTC"}
    participants = [
        _participant(1),
        _participant(2, "invited"),
        _participant(3, "declined"),
        _participant(4),
        _participant(5, night=True),
        _participant(6, away=True),
        _participant(7),
    ]
    at = datetime(2026, 11, 25, 14, 0, tzinfo=UTC)  # 23:00 in Tokyo
    assert reachable(participants, zones, at) == {1, 5}
    assert [is_night(START.replace(hour=h), "UTC") for h in (21, 22, 6, 7)] == [False, True, True, False]


@given(
    st.lists(st.tuples(st.sampled_from(["invited", "accepted", "declined"]), st.booleans(), st.booleans())),
    st.integers(0, 23),
)
def test_no_one_is_reached_who_did_not_accept(rows: list[tuple[str, bool, bool]], hour: int) -> None:
    participants = [_participant(i, *row) for i, row in enumerate(rows)]
    zones = dict.fromkeys(range(len(rows)), "Europe/Berlin")
    reached = reachable(participants, zones, START.replace(hour=hour))
    assert reached <= {p.person_id for p in participants if p.state == "accepted" and not p.is_away}


def test_updates_on_time_follow_the_vector_of_the_spec() -> None:
    def at(text: str) -> int:
        hours, minutes = text.split(":")
        return (int(hours) * 60 + int(minutes)) * 60

    posted = [at(text) for text in ("9:48", "10:15", "10:52", "11:20", "12:05")]
    assert updates_on_time(at("9:20"), at("12:10"), 1800, posted)[:2] == (3, 5)
    assert updates_on_time(0, 3600, 900, [])[:2] == (0, 4)
    assert updates_on_time(0, 899, 900, [])[:2] == (0, 0)


def test_a_score_has_the_findings_of_all_slices() -> None:
    # a drill is in no metrics, so that it repeats nothing
    scored = [each for each in SLICES if each.name != "metrics"]
    assert set(incident_checks()) == {check for each in scored for check in each.incident_checks()}


DB_LOST = shipped_scenarios.load()["db-primary-lost"][1]


def _verdicts(facts: DrillFacts) -> dict[str, Verdict]:
    return {result.id: result.verdict for result in score(DB_LOST, facts).results}


def test_a_score_is_earned_weight_of_what_is_decided() -> None:
    running = DrillFacts(now_s=100, ended=False, delivered={"i1": 0})
    assert set(_verdicts(running).values()) == {Verdict.OPEN}
    assert score(DB_LOST, running).percent is None

    later = replace(running, now_s=700, acked={"i1": 52}, declared=[(250, 1), (400, 0)])
    assert _verdicts(later) == {
        "e1": Verdict.MET,
        "e2": Verdict.MET,
        "e3": Verdict.OPEN,
        "e4": Verdict.OPEN,
    }
    ended = replace(
        later, now_s=2700, ended=True, updates=[1000], resolved_s=2700, checks=frozenset({"I-HANDSON"})
    )
    results = {result.id: result for result in score(DB_LOST, ended).results}
    assert results["e3"].verdict is Verdict.PARTLY  # due at 1150 and 1900
    assert results["e4"].verdict is Verdict.MISSED
    total = score(DB_LOST, ended)
    assert total.possible == 9
    assert 0 < total.earned < 9


def test_what_never_happened_is_missed_at_the_end_and_late_counts_as_missed() -> None:
    nothing = DrillFacts(now_s=2700, ended=True)
    assert set(_verdicts(nothing).values()) == {Verdict.MISSED}
    late = DrillFacts(now_s=800, ended=False, delivered={"i1": 0}, acked={"i1": 301}, declared=[(500, 1)])
    assert _verdicts(late)["e1"] is Verdict.MISSED
    assert _verdicts(late)["e2"] is Verdict.MISSED  # SEV1 is not SEV0, and 10 min are over


def test_the_facilitator_decides_what_only_a_person_can_observe() -> None:
    scenario = shipped_scenarios.load()["cache-stampede"][1]
    facts = DrillFacts(now_s=10, ended=False, verdicts={"e2": True, "e3": False})
    verdicts = {result.id: result.verdict for result in score(scenario, facts).results}
    assert (verdicts["e2"], verdicts["e3"]) == (Verdict.MET, Verdict.MISSED)
    assert score(scenario, facts).percent == 60


@given(
    st.lists(st.floats(0, 3000), max_size=6),
    st.booleans(),
    st.dictionaries(st.sampled_from(["i1", "i2", "i3"]), st.floats(0, 3000)),
    st.floats(0, 3000),
)
def test_a_score_is_between_0_and_100_and_deterministic(
    updates: list[float], ended: bool, acked: dict[str, float], now_s: float
) -> None:
    facts = DrillFacts(now_s, ended, delivered={"i1": 0}, acked=acked, updates=updates, declared=[(5, 0)])
    first = score(DB_LOST, facts)
    assert first == score(DB_LOST, replace(facts, updates=updates[::-1]))
    assert 0 <= (first.percent or 0) <= 100
    assert first.earned <= first.possible or first.possible == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (45.4, "45 s"),
        (60, "1 min"),
        (90, "90 s"),
        (900, "15 min"),
        (3600, "1 h"),
        (5400, "1 h 30 min"),
        (3665, "1 h 1 min 5 s"),
        (28_800, "8 h"),
    ],
)
def test_durations_read_well(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize("wrong", ["within: 8760h", "within: 481m", "every: 9h"])
def test_a_duration_is_no_longer_than_the_longest_drill(wrong: str) -> None:
    event = "update_posted" if "every" in wrong else "declared"
    text = f"{GOOD}  - {{id: e2, event: {event}, {wrong}}}\n"
    (problem,) = read_scenario(text).problems
    assert problem.line == len(text.splitlines())
    assert read_scenario(GOOD).problems == ()
