"""The query of the list of alerts, the values of their labels, and the matchers for several alerts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.alerts import facets, list_query
from firebell.alerts.list_query import AlertQuery
from firebell.alerts.silences import rules
from firebell.kit import matchers
from firebell.kit.errors import Invalid
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
    query = list_query.parse(text)
    assert query == AlertQuery(matchers.parse(conditions), words)
    assert list_query.parse(str(query)) == query


@pytest.mark.parametrize(
    "text", ["a=", "=b", "a==b", 'a="b', 'a=~"["', " ".join(f"a{n}=b" for n in range(21))]
)
def test_a_matcher_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(Invalid) as refusal:
        list_query.parse(text)
    assert "q" in refusal.value.fields


@given(name=st.sampled_from(["env", "a b", "é"]), value=TEXT, words=TEXT)
def test_a_query_can_be_narrowed_to_any_value_and_widened_again(name: str, value: str, words: str) -> None:
    query = AlertQuery(words=" ".join(words.split()))
    narrowed = query.with_value(name, value)
    assert list_query.parse(str(narrowed)) == narrowed
    assert narrowed.with_value(name, value) == narrowed
    assert narrowed.without(Matcher(name, Op.EQUAL, value)) == query


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
    listed = {f.name: f for f in facets.facets(labels, list_query.parse('team="a"'))}
    assert list(listed) == ["severity", "team", "env"]
    assert [(v.value, v.alerts, v.is_chosen) for v in listed["env"].values] == [
        ("prod", 20, False),
        ("test", 10, False),
    ]
    assert listed["team"].values[0].is_chosen
    many = [{"pod": str(n // 2)} for n in range(40)]
    (pods,) = facets.facets(many, AlertQuery())
    assert (len(pods.values), pods.others) == (facets.VALUES_LISTED, 20 - facets.VALUES_LISTED)
    assert facets.facets([], AlertQuery()) == ()


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
