"""Anomalies of alert counts: the score, when one fires and clears, and what a back-test says."""

import math
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from firebell.anomalies import alerting, backtest, charts, wording
from firebell.anomalies.backtest import replay
from firebell.anomalies.bins import BinSize, CountSeries, bin_of, comparable, series, start_of
from firebell.anomalies.detection import Change, JudgedBin, judge, step
from firebell.anomalies.model import (
    Anomaly,
    Detector,
    DetectorState,
    History,
    IncidentMark,
    Outcome,
    ReplayedAnomaly,
)
from firebell.anomalies.queries import state_of
from firebell.anomalies.scoring import chance_of_at_least, usual
from firebell.catalog.model import Service
from firebell.kit.intervals import Interval

# the values of these tables were computed with 50 digits, apart from the program
BIMODAL = [0] * 13 + [40] * 11
SCORES = [
    ([0] * 24, 6, 3.8250, 0.0, False),
    ([0] * 24, 7, 4.2066, 0.0, True),
    ([0] * 24, 21, 8.0219, 0.0, True),
    ([1, 2, 1, 0, 3, 2, 1, 2], 10, 3.7283, 1.5, False),
    # an old storm in the history changes neither median nor spread
    ([2] * 21 + [60, 70, 80], 12, 3.9534, 4.6364, False),
    ([2] * 21 + [60, 70, 80], 16, 5.0110, 4.6364, False),
    ([5, 40, 8, 60, 3, 55, 9, 30, 50, 4, 45, 7], 90, 1.6520, 23.2727, False),
    ([100, 110, 95, 105, 98, 102, 99, 101, 97, 103, 100, 104], 150, 4.4382, 100.5, True),
    ([100, 110, 95, 105, 98, 102, 99, 101, 97, 103, 100, 104], 140, 3.6087, 100.5, False),
    # far from the median, and yet chance
    (BIMODAL, 30, 9.7980, 16.3636, False),
]
CHANCES = [
    (1, 0.5, 3.934693e-01),
    (5, 1, 3.659847e-03),
    (10, 2.5, 2.773521e-04),
    (3, 10, 9.972306e-01),
    (100, 60, 1.481528e-06),
    (60, 100, 9.999937e-01),
    (0, 3, 1.0),
    (1, 0, 0.0),
]
MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON = bin_of(MONDAY, BinSize.QUARTER)
QUIET = usual([0] * 24)


@pytest.mark.parametrize(("history", "count", "score", "expected", "unusual"), SCORES)
def test_a_count_is_scored_against_its_history(
    history: list[int], count: int, score: float, expected: float, unusual: bool
) -> None:
    known = usual(history)
    assert known
    assert known.score(count) == pytest.approx(score, abs=1e-4)
    assert known.expected == pytest.approx(expected, abs=1e-4)
    assert known.is_unusual(count) is unusual
    assert known.low <= known.median <= known.high


@pytest.mark.parametrize(("count", "mean", "chance"), CHANCES)
def test_the_chance_of_a_count(count: int, mean: float, chance: float) -> None:
    assert chance_of_at_least(count, mean) == pytest.approx(chance, rel=1e-6)


def test_seven_counts_say_nothing() -> None:
    assert usual([3] * 7) is None
    assert usual([3] * 8) is not None


def _poisson(rng: random.Random, mean: float) -> int:
    waited, count = rng.expovariate(1), 0
    while waited < mean:
        waited, count = waited + rng.expovariate(1), count + 1
    return count


def _history(rng: random.Random, mean: float) -> list[int]:
    """Return 24 counts; three in ten histories contain an old storm."""
    counts = [_poisson(rng, mean) for _ in range(24)]
    if rng.random() < 0.3:
        week = 3 * rng.randrange(8)
        for at in range(week, week + 3):
            counts[at] += _poisson(rng, max(4 * mean, mean + 12))
    return counts


@pytest.mark.parametrize(("mean", "detected"), [(0.2, 0.9), (1, 0.5), (5, 0.4), (20, 0.98)])
def test_chance_rarely_fires_and_jumps_do(mean: float, detected: float) -> None:
    rng, histories, each = random.Random(20261129), 500, 10  # noqa: S311 - a simulation
    false, jumps = 0, 0
    for _ in range(histories):
        known = usual(_history(rng, mean))
        assert known
        false += sum(known.is_unusual(_poisson(rng, mean)) for _ in range(each))
        jumps += known.is_unusual(_poisson(rng, max(4 * mean, mean + 12)))
    assert false / (histories * each) * 10_000 <= 1
    assert jumps / histories >= detected


def _judged(number: int, count: int) -> JudgedBin:
    return JudgedBin(NOON + number, count, QUIET)


def _run(counts: Sequence[int | None], *, learning: bool = False) -> list[tuple[int, Change]]:
    """Return after which of these bins of a quiet service something changes."""
    running, before, changes = None, None, []
    for at, count in enumerate(counts):
        judged = None if count is None else JudgedBin(NOON + at, count, None if learning else QUIET)
        running, change = step(running, judged, before)
        if change:
            changes.append((at, change))
        if change is Change.CLEARED:
            running = None
        before = judged
    return changes


FIRED, CLEARED = Change.FIRED, Change.CLEARED


@pytest.mark.parametrize(
    ("counts", "changes"),
    [
        # 7 and 20 are unusual for a quiet service, 21 is extreme, 6 is neither, and 2 is calm
        ([0, 20, 0, 20, 0], []),
        ([0, 7, 7], [(2, FIRED)]),
        ([0, 21], [(1, FIRED)]),
        # a bin that cannot be judged stands between two
        ([7, None, 7], []),
        ([21, 0, 0, 2], [(0, FIRED), (3, CLEARED)]),
        ([21, 0, 0, 6, 0, 0], [(0, FIRED)]),
        ([21, 0, None, 0, None, 0, 21], [(0, FIRED), (5, CLEARED), (6, FIRED)]),
    ],
)
def test_when_an_anomaly_begins_and_ends(counts: list[int | None], changes: list[tuple[int, Change]]) -> None:
    assert _run(counts) == changes


def test_ten_alerts_fire_while_firebell_is_learning() -> None:
    assert _run([9, 10, 9, 9, 9], learning=True) == [(1, FIRED), (4, CLEARED)]


def test_a_bin_is_compared_with_the_same_wall_time_whatever_the_clocks_do() -> None:
    # on 25 October, clocks went back in Berlin
    nine = bin_of(datetime(2026, 10, 26, 8, tzinfo=UTC), BinSize.QUARTER)
    others = comparable(nine, BinSize.QUARTER, "Europe/Berlin")
    assert len(others) == 24
    assert [start_of(number, BinSize.QUARTER) for number in others[:3]] == [
        datetime(2026, 10, 19, 6, 45, tzinfo=UTC) + n * timedelta(minutes=15) for n in range(3)
    ]
    assert start_of(comparable(nine, BinSize.QUARTER, "UTC")[1], BinSize.QUARTER).hour == 8


def test_bins_without_data_or_under_maintenance_have_no_count() -> None:
    begins, end = MONDAY - timedelta(hours=2, minutes=20), MONDAY + timedelta(minutes=20)
    quarters = {NOON - 1: 4, NOON - 2: 3, NOON: 9}
    missing = [Interval(MONDAY, MONDAY + timedelta(seconds=1))]
    each = series(quarters, begins, end, missing, BinSize.QUARTER)
    assert [each.at(NOON + at) for at in (-10, -9, -2, -1, 0, 1)] == [None, 0, 3, 4, None, None]
    hours = series(quarters, begins, end, [], BinSize.HOUR)
    hour = bin_of(MONDAY, BinSize.HOUR)
    assert [hours.at(hour + at) for at in (-3, -2, -1, 0)] == [None, 0, 7, None]


def _series(counts: dict[int, int], weeks: int, missing: Sequence[tuple[int, int]] = ()) -> CountSeries:
    """Return counts from so many weeks before noon on."""
    first = NOON - weeks * 7 * 96
    return CountSeries(BinSize.QUARTER, first, NOON + 200, counts, missing)


def test_what_a_bin_is_judged_by() -> None:
    learning = judge(_series({NOON: 10}, 2), NOON, "UTC")
    assert learning
    assert (learning.is_learning, learning.is_extreme) == (True, True)
    # the bin before the first week with counts is missing: two weeks and two bins
    assert judge(_series({NOON: 10}, 3), NOON, "UTC") == JudgedBin(NOON, 10, usual([0] * 8))
    # maintenance leaves fewer than eight: nothing is said
    assert judge(_series({NOON: 10}, 8, [(NOON - 60 * 96, NOON - 8 * 96)]), NOON, "UTC") is None
    assert judge(_series({NOON: 10}, 8, [(NOON, NOON + 1)]), NOON, "UTC") is None


END = datetime(2026, 11, 24, tzinfo=UTC)
BEGINS = END - timedelta(days=90)


def _at(**before: float) -> datetime:
    return END - timedelta(**before)


def _mark(number: int, at: datetime) -> IncidentMark:
    return IncidentMark(number, f"Incident {number}", 1, at)


def _replay(counts: dict[int, int], history: History, begins_at: datetime = BEGINS) -> backtest.Backtest:
    each = [series(counts, begins_at, END, [], size) for size in BinSize]
    return replay(each, history, begins_at, END, "Europe/Berlin")


def _storm(at: datetime, quarters: int = 2, alerts: int = 12) -> dict[int, int]:
    first = bin_of(at, BinSize.QUARTER)
    return dict.fromkeys(range(first, first + quarters), alerts)


def test_a_back_test_says_what_it_would_have_led_and_what_it_would_have_been_wrong_about() -> None:
    led, late, false, acted = _at(days=20), _at(days=15), _at(days=10), _at(days=5)
    counts = {**_storm(led), **_storm(late), **_storm(false), **_storm(acted), **_storm(_at(days=35))}
    incidents = [
        # it fires at the end of the second quarter
        _mark(1, led + timedelta(minutes=52)),
        _mark(2, late + timedelta(minutes=10)),
        _mark(3, _at(days=12)),
    ]
    result = _replay(counts, History(incidents, [acted + timedelta(minutes=40)]))
    totals = result.totals
    assert (totals.days, totals.pages, totals.false_pages) == (30, 4, 1)
    # bins of an hour fire for the same storms, on the same pages
    assert totals.anomalies == 8
    assert (totals.incidents, totals.led, totals.lead_minutes_median) == (3, 1, 22)
    quarter = [one for one in result.anomalies if one.anomaly.bin_size is BinSize.QUARTER]
    assert [one.outcome for one in quarter] == [
        *(Outcome((), 1), Outcome(), Outcome(((2, -20),)), Outcome(((1, 22),))),
    ]
    oldest = quarter[-1].anomaly
    assert (oldest.began_at, oldest.fired_at) == (led, led + timedelta(minutes=30))
    assert oldest.cleared_at == led + timedelta(minutes=75)
    assert (oldest.count, oldest.usual_low, oldest.usual_high) == (12, 0, 2)
    assert result.can_be_accepted
    assert totals.false_per_30_days == 1


def test_a_back_test_needs_two_weeks_and_learns_at_first() -> None:
    young = _replay(_storm(_at(days=2)), History([], []), _at(days=13))
    assert not young.can_be_accepted
    assert young.totals.days == 13
    assert young.sizes[BinSize.QUARTER].learning == len(young.sizes[BinSize.QUARTER].bins)
    assert [one.anomaly.score for one in young.anomalies] == [None, None]
    assert _replay({}, History([], []), _at(days=14)).can_be_accepted


def test_a_running_anomaly_has_no_end() -> None:
    result = _replay(_storm(END - timedelta(minutes=30)), History([], []))
    assert {one.anomaly.cleared_at for one in result.anomalies} == {None}
    # and may yet turn out to have a cause
    assert (result.totals.pages, result.totals.false_pages) == (1, 0)


def test_the_chart_and_its_table_come_from_the_same_bins() -> None:
    result = _replay(_storm(_at(days=3), 4, 30), History([], []))
    for size, replayed in result.sizes.items():
        drawn = charts.chart(replayed, result.tz)
        assert len(drawn.fired) == 1
        assert drawn.fired[0].label == {BinSize.QUARTER: "30", BinSize.HOUR: "120"}[size]
        assert all(charts.TOP <= mark.y <= charts.HEIGHT - charts.BOTTOM for mark in drawn.fired)
        days = charts.days(replayed, result.tz)
        assert sum(day.alerts for day in days) == 120
        assert sum(day.anomalies for day in days) == 1
        assert max(day.highest.count for day in days if day.highest) == int(drawn.fired[0].label)
    assert drawn.missing == []


def test_a_chart_leaves_gaps_where_nothing_was_judged() -> None:
    missing = [Interval(_at(days=10), _at(days=9))]
    counts = series({}, BEGINS, END, missing, BinSize.HOUR)
    result = replay([counts], History([], []), BEGINS, END, "UTC")
    drawn = charts.chart(result.sizes[BinSize.HOUR], "UTC")
    assert len(drawn.line) == len(drawn.band) == 2
    # and the same hours of the weeks that are compared with it still have enough others
    assert len(drawn.missing) == 12


ANOMALY = Anomaly(
    bin_size=BinSize.QUARTER,
    began_at=MONDAY - timedelta(minutes=15),
    fired_at=MONDAY + timedelta(minutes=15),
    cleared_at=None,
    peak_at=MONDAY,
    count=42,
    median=2.5,
    usual_low=0,
    usual_high=6,
    score=8.3,
)
DETECTOR = Detector(3, 7, "", "Europe/Berlin", 9, MONDAY, "Mara", None, None, None, None)
SERVICE = Service(7, "Checkout", "checkout", 1, None, "", "")


def test_the_alert_explains_itself() -> None:
    request = alerting.firing(DETECTOR, SERVICE, ANOMALY, MONDAY, is_urgent=True)
    (event,) = request.incoming
    assert event.title == "42 alerts of Checkout in 15 min, usually 0–6"
    for part in (
        "42",
        "0–6",
        "median of 2.5",
        "score is 8.3",
        "Mon 23 Nov 12:45",
        "/metrics/anomalies/checkout",
    ):
        assert part in event.body
    assert (event.severity, event.labels["alertname"]) == ("error", "AlertCountAnomaly")
    # the same message at another time is no redelivery
    assert alerting.firing(DETECTOR, SERVICE, ANOMALY, END, is_urgent=True).body != request.body
    calm = alerting.resolved(DETECTOR, SERVICE, ANOMALY, END).incoming[0]
    assert calm.dedup_key == event.dedup_key


def test_a_rule_and_each_size_of_bins_have_alerts_of_their_own() -> None:
    rule = replace(DETECTOR, rule="Disk full ≥ 90 % " + "x" * 180)
    learning = replace(ANOMALY, median=None, usual_low=None, usual_high=None, score=None)
    (event,) = alerting.firing(rule, SERVICE, learning, MONDAY, is_urgent=False).incoming
    assert (event.severity, event.labels["learning"]) == ("warning", "yes")
    assert len(event.title) <= 255
    keys = {alerting.dedup_key(one, size) for one in (rule, DETECTOR) for size in BinSize}
    assert len(keys) == 4
    assert all(len(key) <= 512 for key in keys)


def test_the_states_of_a_detector() -> None:
    on = state_of(DETECTOR, MONDAY - timedelta(days=21), MONDAY)
    assert on is DetectorState.LOW
    assert state_of(DETECTOR, MONDAY - timedelta(days=20), MONDAY) is DetectorState.LEARNING
    assert state_of(DETECTOR, None, MONDAY) is DetectorState.LEARNING
    assert state_of(replace(DETECTOR, disabled_at=MONDAY), BEGINS, MONDAY) is DetectorState.OFF
    assert state_of(None, BEGINS, MONDAY) is DetectorState.OFF


def test_anomalies_that_overlap_share_a_page_and_its_cause() -> None:
    hour = replace(ANOMALY, bin_size=BinSize.HOUR, fired_at=MONDAY + timedelta(minutes=20))
    each = [
        ReplayedAnomaly(replace(ANOMALY, cleared_at=MONDAY + timedelta(hours=1)), Outcome()),
        ReplayedAnomaly(replace(hour, cleared_at=MONDAY + timedelta(hours=4)), Outcome(((1, -5),))),
    ]
    totals = backtest.totals(each, History([_mark(1, MONDAY)], []), BEGINS, END)
    assert (totals.anomalies, totals.pages, totals.false_pages, totals.led) == (2, 1, 0, 0)
    assert backtest.totals(each[:1], History([], []), BEGINS, END).false_pages == 1
    assert math.isclose(totals.pages_per_30_days, 1 / 3)
    assert wording.rate(totals.pages_per_30_days) == "0.3"
