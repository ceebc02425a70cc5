"""The query of the list of alerts, the values of their labels, and the matchers for several alerts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.alerts import time_range
from firebell.alerts.alert_list import facets, histogram
from firebell.alerts.model import TEST_KEY_PREFIX, stored_keys
from firebell.alerts.silences import rules
from firebell.kit import matcher_query, matchers
from firebell.kit.errors import Invalid
from firebell.kit.matcher_query import MatcherQuery
from firebell.kit.matchers import Matcher, Op

TEXT = st.text(st.sampled_from('ab ="!~{},\\é'), max_size=8)


@pytest.mark.parametrize(
    ("text", "conditions", "words"),
    [
        ("", "", ""),
        ("disk full", "", "disk full"),
        ('severity="critical", env=~"prod.*" disk full', '{severity="critical",env=~"prod.*"}', "disk full"),
        ("{a=b,c!=d} disk", '{a="b",c!="d"}', "disk"),
        ('a="x y" a="x y"', '{a="x y"}', ""),
        ("host!service", "", "host!service"),
        ('"alias=7"', "", "alias=7"),
        ('"a b"="c"', '{"a b"="c"}', ""),
    ],
)
def test_a_query_has_matchers_and_words(text: str, conditions: str, words: str) -> None:
    query = matcher_query.parse(text)
    assert query == MatcherQuery(matchers.parse(conditions), words)
    assert matcher_query.parse(str(query)) == query


@pytest.mark.parametrize(
    "text", ["a=", "=b", "a==b", 'a="b', 'a=~"["', " ".join(f"a{n}=b" for n in range(21))]
)
def test_a_matcher_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        matcher_query.parse(text)
    assert "q" in refusal.value.fields


@given(name=st.sampled_from(["env", "a b", "é"]), value=TEXT, words=TEXT)
def test_a_query_can_be_narrowed_to_any_value_and_widened_again(name: str, value: str, words: str) -> None:
    query = MatcherQuery(words=" ".join(words.split()))
    narrowed = query.with_value(name, value)
    assert matcher_query.parse(str(narrowed)) == narrowed
    assert narrowed.with_value(name, value) == narrowed
    assert narrowed.without(Matcher(name, Op.EQUAL, value)) == query


NOW = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("preset", "start", "end", "expected"),
    [
        ("", "", "", ("", "")),
        ("all", "", "", ("", "")),
        ("1h", "", "", ("11-24 02:14", "")),
        ("7d", "", "", ("11-17 03:14", "")),
        # typed times replace a preset
        ("7d", "2026-11-24T01:00", "", ("11-24 00:00", "")),
        ("", "2026-11-24T01:00Z", "2026-11-24 03:00", ("11-24 01:00", "11-24 02:00")),
        ("", "", "2026-11-23", ("", "11-23 23:00")),
        ("", "2026-11-23", "2026-11-23", ("11-22 23:00", "11-23 23:00")),
        # the clock goes back, so the day has 25 hours
        ("", "2026-10-25", "2026-10-25", ("10-24 22:00", "10-25 23:00")),
        # an hour that repeats counts whole, one that is skipped begins and ends at the jump
        ("", "2026-10-25T02:30", "2026-10-25 02:30", ("10-25 00:30", "10-25 01:30")),
        ("", "2026-03-29T01:30", "2026-03-29T02:30", ("03-29 00:30", "03-29 01:00")),
    ],
)
def test_a_range_of_time_is_read_in_the_zone_of_its_reader(
    preset: str, start: str, end: str, expected: tuple[str, str]
) -> None:
    started = time_range.parse(preset, start, end, NOW, "Europe/Berlin")
    shown = tuple(
        f"{each.astimezone(UTC):%m-%d %H:%M}" if each else "" for each in (started.start, started.end)
    )
    assert shown == expected


@pytest.mark.parametrize(
    ("preset", "start", "end", "field"),
    [
        ("2h", "", "", "range"),
        ("", "yesterday", "", "from"),
        ("", "", "2026-02-30", "to"),
        ("", "9999-12-31T23:59", "", "from"),
        ("", "2026-11-24T03:14", "2026-11-24T03:14", "to"),
        ("", "2026-11-24", "2026-11-23", "to"),
        ("", "0001-01-01T00:00+23:59", "", "from"),
        ("", "\x00", "", "from"),
        ("", "2026-W48", "", "from"),
        ("", "20261124", "", "from"),
        ("", "", "2026-11-24T03", "to"),
    ],
)
def test_a_range_that_cannot_be_is_refused_at_its_field(
    preset: str, start: str, end: str, field: str
) -> None:
    with pytest.raises(Invalid) as refusal:
        time_range.parse(preset, start, end, NOW, "Europe/Berlin")
    assert set(refusal.value.fields) == {field}


def test_facets_are_labels_whose_values_repeat() -> None:
    labels = [
        {
            "title": "Disk",
            "severity": "critical",
            "env": "prod" if n % 3 else "test",
            "id": str(n),
            "team": "a",
        }
        for n in range(30)
    ]
    listed = {f.name: f for f in facets.facets(labels, matcher_query.parse('team="a"'))}
    assert list(listed) == ["severity", "team", "env"]
    assert [(v.value, v.alerts, v.is_chosen) for v in listed["env"].values] == [
        ("prod", 20, False),
        ("test", 10, False),
    ]
    assert listed["team"].values[0].is_chosen
    many = [{"pod": str(n // 2)} for n in range(40)]
    (pods,) = facets.facets(many, MatcherQuery())
    assert (len(pods.values), pods.others) == (facets.VALUES_LISTED, 20 - facets.VALUES_LISTED)
    assert facets.facets([], MatcherQuery()) == ()


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ([("A", {"alertname": "Disk", "env": "p"})], '{alertname="Disk",env="p"}'),
        ([("A", {})], '{title="A"}'),
        ([("A", {"alertname": "D.", "env": "p"}), ("B", {"alertname": "N", "env": "p"})],
         r'{alertname=~"D\\.|N",env="p"}'),
        ([("A", {"env": "p", "i": "1"}), ("B|", {"env": "p", "i": "2"})], r'{env="p",title=~"A|B\\|"}'),
        ([(str(n), {}) for n in range(21)], ""),
        ([("A", {"env": "p", "host": "1"}), ("A", {"env": "p", "host": "2"})], '{env="p",title="A"}'),
        ([("A", {"env": "p"})], '{env="p",title="A"}'),
        ([("A", {"env": "p", "title": "T"})], '{env="p",title="T"}'),
        ([("A", {"alertname": str(n), "env": "p"}) for n in range(21)], ""),
        ([("A", {"env": "p", "i": "1", "alertname": "N"}), ("B", {"env": "p"})], r'{env="p",title=~"A|B"}'),
        ([], ""),
    ],
)  # fmt: skip
def test_alerts_are_silenced_together_by_what_they_have_in_common(
    alerts: list[tuple[str, dict[str, str]]], expected: str
) -> None:
    assert rules.matchers_for_alerts(alerts) == expected
    if expected:
        conditions = matchers.parse(expected)
        assert all(matchers.matches_all(conditions, {"title": t, **labels}) for t, labels in alerts)


DAY = datetime(2026, 11, 24, 3, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    ("length", "bar", "first"),
    [
        (timedelta(seconds=1), timedelta(seconds=1), datetime(2026, 11, 24, 3, 14, tzinfo=UTC)),
        (timedelta(hours=1), timedelta(minutes=2), datetime(2026, 11, 24, 3, 14, tzinfo=UTC)),
        (timedelta(days=1), timedelta(minutes=30), datetime(2026, 11, 24, 3, 0, tzinfo=UTC)),
        (timedelta(days=7), timedelta(hours=4), datetime(2026, 11, 24, 0, 0, tzinfo=UTC)),
        (timedelta(days=30), timedelta(days=1), datetime(2026, 11, 24, tzinfo=UTC)),
        (timedelta(days=200), timedelta(days=7), datetime(2026, 11, 23, tzinfo=UTC)),
        (timedelta(days=60_000), timedelta(days=3_640), datetime(2019, 11, 4, tzinfo=UTC)),
    ],
)
def test_bars_begin_at_round_times(length: timedelta, bar: timedelta, first: datetime) -> None:
    grid = histogram.grid(DAY, DAY + length, timedelta())
    assert (grid.length, grid.start) == (bar, first)


def test_the_bars_of_days_begin_at_midnight_of_the_reader() -> None:
    grid = histogram.grid(DAY, DAY + timedelta(days=30), timedelta(hours=5, minutes=45))
    assert grid.start == datetime(2026, 11, 23, 18, 15, tzinfo=UTC)


@given(
    st.timedeltas(timedelta(microseconds=1), timedelta(days=84_000)),
    st.integers(-14 * 60, 14 * 60),
    st.integers(0, 10**9),
)
def test_bars_cover_their_range_without_gaps(length: timedelta, offset: int, shift: int) -> None:
    start = DAY - timedelta(seconds=shift)
    grid = histogram.grid(start, start + length, timedelta(minutes=offset))
    bars = histogram.bars(grid, start, start + length, [histogram.IntervalCount(0, True, None, 1)])
    assert (bars[0].start, bars[-1].end) == (start, start + length)
    assert len(bars) <= histogram.MAX_BARS
    assert all(bar.start < bar.end for bar in bars)
    assert [bar.start for bar in bars[1:]] == [bar.end for bar in bars[:-1]]


def test_a_bar_counts_alerts_by_severity_and_those_that_still_fire() -> None:
    grid = histogram.grid(DAY, DAY + timedelta(hours=1), timedelta())
    counted = [
        histogram.IntervalCount(3, True, "critical", 2),
        histogram.IntervalCount(3, True, None, 1),
        histogram.IntervalCount(3, True, "info", 4),
        histogram.IntervalCount(3, False, "critical", 8),
    ]
    bar = histogram.bars(grid, DAY, DAY + timedelta(hours=1), counted)[3]
    assert (bar.alerts, bar.firing, bar.minor_firing) == (15, 7, 4)
    assert bar.severities == {"critical": 10, "none": 1, "info": 4}


def test_the_address_of_a_bar_includes_all_of_it() -> None:
    late = datetime(2026, 11, 24, 3, 14, 5, 10, tzinfo=UTC)
    assert time_range.instant_text(late) == "2026-11-24T03:14:05Z"
    assert time_range.instant_text(late, rounds_up=True) == "2026-11-24T03:14:06Z"
    assert time_range.instant_text(DAY, rounds_up=True) == "2026-11-24T03:14:00Z"


def test_the_key_of_a_test_alert_is_found_as_it_is_shown() -> None:
    assert stored_keys("disk") == ["disk"]
    assert f"{TEST_KEY_PREFIX}7" in stored_keys("test:7")
