"""Which alerts inhibit which: equal labels, alerts that match both sides, and that one of each cycle pages."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts.inhibition import rules
from firebell.alerts.inhibition.model import CompiledInhibitionRule, NewInhibitionRule
from firebell.alerts.label_index import LabelIndex
from firebell.alerts.model import SOURCE_SILENT_KEY, Event, EventKind, InboundRequest
from firebell.kit import matchers
from firebell.kit.errors import Invalid
from tests.rules.budget import examples

Labels = dict[str, str]


def rule(
    source: str, target: str, equal: Sequence[str] = (), wait_s: int = 15, id_: int = 1
) -> CompiledInhibitionRule:
    return CompiledInhibitionRule(
        id_, "r", matchers.parse(source), matchers.parse(target), tuple(equal), wait_s
    )


def request(*labels: Labels) -> InboundRequest:
    events = tuple(Event(EventKind.FIRING, str(sorted(each.items())), "t", labels=each) for each in labels)
    return InboundRequest(1, 1, "test", b"", events)


def holds(each: CompiledInhibitionRule, source: Labels, target: Labels) -> bool:
    """Return True if a firing source holds a target, by the keys and by the matchers of its mute."""
    new = rules.inhibitor(each, {"title": "t", "severity": "", **source})
    seen = {"title": "t", "severity": "", **target}
    by_key = new.key in rules.target_keys([each], seen)
    by_matchers = matchers.matches_all(matchers.parse(new.matchers), seen)
    excluded = matchers.parse(new.excluded)
    assert by_key is (by_matchers and not (excluded and matchers.matches_all(excluded, seen)))
    return by_key


@pytest.mark.parametrize(
    ("equal", "source", "target", "is_held"),
    [
        ((), {"s": "1"}, {"t": "1"}, True),
        ((), {"s": "1"}, {"t": "2"}, False),
        (("i",), {"s": "1", "i": "a"}, {"t": "1", "i": "a"}, True),
        (("i",), {"s": "1", "i": "a"}, {"t": "1", "i": "b"}, False),
        (("i",), {"s": "1"}, {"t": "1"}, True),
        (("i",), {"s": "1"}, {"t": "1", "i": ""}, True),
        (("i",), {"s": "1"}, {"t": "1", "i": "a"}, False),
        # a source that is a target too holds no alert that is both, but others
        ((), {"s": "1", "t": "1"}, {"s": "1", "t": "1"}, False),
        ((), {"s": "1", "t": "1"}, {"t": "1"}, True),
        ((), {"s": "1"}, {"s": "1", "t": "1"}, True),
    ],
)
def test_what_a_source_holds(equal: Sequence[str], source: Labels, target: Labels, is_held: bool) -> None:
    assert holds(rule("s=1", "t=1", equal), source, target) is is_held


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, None),
        ({"name": " "}, "name"),
        ({"source_matchers": ""}, "source_matchers"),
        ({"target_matchers": 'a!="b"'}, "target_matchers"),
        ({"target_matchers": f"a={'x' * 1_000}"}, "target_matchers"),
        ({"equal": ("a", "a", " ")}, None),
        ({"equal": tuple("abcdef")}, "equal"),
        ({"equal": ("a\x00b",)}, "equal"),
        ({"wait_s": 61}, "wait_s"),
    ],
)
def test_what_a_rule_may_be(fields: dict[str, Any], wrong: str | None) -> None:
    entered = NewInhibitionRule(**{"name": "n", "source_matchers": "a=b", "target_matchers": "c=d", **fields})
    if wrong is None:
        assert rules.checked(entered).equal == (("a",) if fields else ())
        return
    with pytest.raises(Invalid) as refused:
        rules.checked(entered)
    assert list(refused.value.fields) == [wrong]


def test_what_always_pages_is_neither_source_nor_target() -> None:
    one = [rule("a=1", "b=1")]
    index = rules.RuleIndex(one)
    for untouched in (
        request({"a": "1", "alertname": "FirebellDown"}, {"c": "1"}),
        InboundRequest(1, 1, "t", b"", (Event(EventKind.FIRING, SOURCE_SILENT_KEY, "t", labels={"b": "1"}),)),
        InboundRequest(1, 1, "t", b"", request({"a": "1"}).incoming, "broken"),
    ):
        assert not index.touches([untouched])
        assert not rules.all_keys(one, [untouched])
    assert not rules.RuleIndex().touches([request({"a": "1"})])
    assert index.touches([request({"b": "1"})])


@pytest.mark.parametrize("text", ["a=1", 'a=""', "a!=1", 'a=~"1|2"', 'b="2",a!=1', 'title="t"', ""])
def test_an_index_finds_whatever_matches(text: str) -> None:
    conditions = matchers.parse(text)
    index = LabelIndex([(conditions, "value")])
    for labels in ({}, {"a": "1"}, {"a": "2"}, {"a": "", "b": "2"}, {"b": "2"}):
        seen = {"title": "t", "severity": "", **labels}
        if matchers.matches_all(conditions, seen):
            assert list(index.candidates(seen)) == ["value"]
    assert not list(LabelIndex([(matchers.parse("a=1"), "value")]).candidates({"a": "2"}))


def test_a_target_waits_unless_its_source_fires() -> None:
    one = [rule("a=1", "b=1")]
    source, target = {"a": "1"}, {"b": "1"}
    assert list(rules.plan(one, [request(target)], ()).waits.values()) == [15]
    assert not rules.plan([rule("a=1", "b=1", wait_s=0)], [request(target)], ()).waits
    assert not rules.plan(one, [request(source, target)], ()).waits
    running = [new.key for new in rules.source_keys(one, source)]
    assert not rules.plan(one, [request(target)], running).waits


LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"), max_size=2)
SIDES = st.sampled_from(["a=1", "a=2", "b=1", "b=2", 'a=~"1|2"'])
RULES = st.builds(rule, SIDES, SIDES, st.sampled_from([(), ("a",), ("b",)]))


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(RULES, min_size=1, max_size=4), st.lists(LABELS, min_size=1, max_size=6))
def test_for_every_held_alert_one_fires_that_is_not_held(
    drawn: list[CompiledInhibitionRule], alerts: list[Labels]
) -> None:
    """A7: whatever the rules and the order, following sources from a held alert reaches one that pages."""
    numbered = [
        CompiledInhibitionRule(n, "r", r.source, r.target, r.equal, r.wait_s) for n, r in enumerate(drawn)
    ]
    sources: dict[bytes, list[int]] = {}
    holders: list[set[bytes]] = []
    for number, labels in enumerate(alerts):
        keys = set(rules.target_keys(numbered, {"title": "t", "severity": "", **labels}))
        holders.append(keys & sources.keys())
        plan = rules.plan(numbered, [request(labels)], sources)
        for key in {key for each in plan.sources.values() for key in each}:
            sources.setdefault(key, []).append(number)
    assert not holders[0], "what fires first pages"
    for held_by in holders:
        for key in held_by:
            assert any(not holders[source] for source in sources[key])
