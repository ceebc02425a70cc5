"""What an inhibition rule would have inhibited in the past."""

from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts.inhibition import preview, rules
from firebell.alerts.inhibition.model import NewInhibitionRule
from firebell.alerts.inhibition.preview import SECOND, InhibitionOutcome
from firebell.alerts.past_alert_columns import NEVER, AlertHistory, AlertKind
from tests.rules.budget import examples

Past = tuple[str, str, int, int | None]
"""The alertname, the instance, when it began and ended, in seconds."""
NODE = NewInhibitionRule("Node", "alertname=Node", 'alertname=~"Disk|Net"', ("instance",), wait_s=15)
BOTH = NewInhibitionRule("Any", 'alertname=~"Node|Disk"', 'alertname=~"Disk|Net"', wait_s=0)


def history(alerts: list[Past]) -> AlertHistory:
    kinds = [
        AlertKind(1, 1, "k", name, None, {"alertname": name, "instance": at}) for name, at, _, _ in alerts
    ]
    numbers = range(len(alerts))
    starts = array("q", [start * SECOND for _, _, start, _ in alerts])
    ends = array("q", [NEVER if end is None else end * SECOND for *_, end in alerts])
    return AlertHistory(kinds, array("q", numbers), array("q", numbers), array("q", numbers), starts, ends, 0)


def outcome(rule: NewInhibitionRule, alerts: list[Past]) -> InhibitionOutcome:
    return preview.replay(rules.compiled_new(rules.checked(rule)), history(alerts))


@pytest.mark.parametrize(
    ("rule", "alerts", "inhibited", "waited"),
    [
        (NODE, [("Node", "a", 0, 100), ("Disk", "a", 10, 50)], {1: (0, 100, False)}, 0),
        (NODE, [("Node", "a", 0, 100), ("Disk", "a", 10, None)], {1: (0, 100, True)}, 0),
        (NODE, [("Node", "a", 0, None), ("Disk", "a", 10, None)], {1: (0, None, False)}, 0),
        (NODE, [("Node", "b", 0, 100), ("Disk", "a", 10, 50)], {}, 1),
        # the source may come within the wait, if the target still fires then
        (NODE, [("Disk", "a", 0, 50), ("Node", "a", 15, 100)], {0: (1, 100, False)}, 0),
        (NODE, [("Disk", "a", 0, 50), ("Node", "a", 16, 100)], {}, 1),
        (NODE, [("Disk", "a", 0, 5), ("Node", "a", 5, 100)], {}, 1),
        # sources that follow each other are one interval, but an end is an end
        (NODE, [("Node", "a", 0, 20), ("Node", "a", 20, 60), ("Net", "a", 1, 90)], {2: (0, 60, True)}, 0),
        (NODE, [("Node", "a", 0, 20), ("Node", "a", 25, 60), ("Net", "a", 19, 90)], {2: (0, 20, True)}, 0),
        (NODE, [("Node", "a", 0, 20), ("Net", "a", 20, 90)], {}, 1),
        # what matches both sides inhibits no other such alert, and never itself
        (BOTH, [("Disk", "a", 0, 90), ("Disk", "b", 1, 90), ("Net", "a", 2, 50)], {2: (0, 90, False)}, 0),
        (BOTH, [("Node", "a", 0, 90), ("Disk", "b", 1, 90)], {1: (0, 90, False)}, 0),
        (BOTH, [("FirebellNode", "a", 0, 90), ("Net", "b", 1, 90)], {}, 0),
        (NODE, [], {}, 0),
    ],
)
def test_targets_are_inhibited_while_a_source_fires(
    rule: NewInhibitionRule,
    alerts: list[Past],
    inhibited: dict[int, tuple[int, int | None, bool]],
    waited: int,
) -> None:
    result = outcome(rule, alerts)
    assert {
        each.position: (each.source, None if each.until == NEVER else each.until // SECOND, each.is_released)
        for each in result.inhibited
    } == inhibited
    assert result.waited == waited


@settings(max_examples=examples(40))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Node", "Disk", "Net"]),
            st.sampled_from("ab"),
            st.integers(0, 60),
            st.one_of(st.none(), st.integers(61, 120)),
        ),
        max_size=10,
    ),
    st.sampled_from([NODE, BOTH]),
)
def test_for_every_inhibited_alert_one_that_is_not_fires(alerts: list[Past], rule: NewInhibitionRule) -> None:
    result = outcome(rule, alerts)
    inhibited = {each.position for each in result.inhibited}
    for each in result.inhibited:
        name, instance, start, _ = alerts[each.position]
        firing = [
            position
            for position, (other, at, began, end) in enumerate(alerts)
            if position != each.position
            and (at == instance or not rule.equal)
            and began <= start + rule.wait_s
            and (end is None or end > start)
            and (other == "Node" or (rule is BOTH and other == "Disk" and name == "Net"))
        ]
        assert firing
        assert any(position not in inhibited for position in firing) or rule is BOTH
    assert result.targets >= len(inhibited) + result.waited
