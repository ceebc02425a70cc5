"""The form of a routing rule: what it shows is what it saves."""

import msgspec
import pytest

from firebell.alerts.routing_rules.rules import RoutingRule
from firebell.kit.errors import Invalid
from firebell.routing import forms

RULE = RoutingRule("Tickets", 'severity="info"', id=7, threshold=5)


@pytest.mark.parametrize("window_s", [60, 90, 119, 600, 3_601, 86_400])
def test_a_rule_that_is_saved_as_shown_stays_as_it_is(window_s: int) -> None:
    rule = msgspec.structs.replace(RULE, window_s=window_s)
    assert forms.rule_of(forms.fields_of(rule, 1), rule).window_s == window_s


def test_a_window_of_90_seconds_can_be_changed_to_one_minute() -> None:
    rule = msgspec.structs.replace(RULE, window_s=90)
    changed = {**forms.fields_of(rule, 1), "window_minutes": "1"}
    assert forms.rule_of(changed, rule).window_s == 60


@pytest.mark.parametrize("text", ["", "0", "1:60", "1:", "1:3:0", "1.5", "1441"])
def test_a_window_that_is_no_duration_is_named_at_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        forms.rule_of({**forms.fields_of(RULE, 1), "window_minutes": text}, RULE)
    assert list(refused.value.fields) == ["window_minutes"]
