"""The query of the list of alerts, the values of their labels, and the matchers for several alerts."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.alerts import facets, time_range
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
