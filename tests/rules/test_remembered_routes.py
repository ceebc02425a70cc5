"""Routing remembers decisions: no alert gets one that was made about another."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts.model import Event, InboundRequest
from firebell.alerts.routing_rules import rules as routing_rules
from firebell.alerts.routing_rules.rules import Owner, Urgency
from tests.rules.budget import examples
from tests.rules.test_routing_rules import HOME, LABELS, LEDGER, MATCHERS, SEARCH, firing, routing, rule

OWNERS = st.sampled_from(
    [
        {},
        {"owner": Owner.LABEL},
        {"owner": Owner.SERVICE, "service_id": LEDGER},
        {"owner": Owner.SERVICE, "service_id": 99},
        {"group_by": ("x",)},
        {"group_by": ("...",)},
        {"urgency": Urgency.LOW},
        {"wait_s": 60},
        {"threshold": 2, "window_s": 60},
        {"pages": False},
    ]
)
RECEIVED = st.builds(
    lambda labels, service, key, severity: firing(key, severity, **labels, service=service),
    LABELS,
    st.sampled_from(("", "home", "Ledger DB", "search", "gone")),
    st.sampled_from(("k", "\x1ftest:1")),
    st.sampled_from(("critical", "info")),
)


@settings(max_examples=examples(60))
@given(
    st.lists(st.tuples(st.sampled_from(MATCHERS), OWNERS), min_size=1, max_size=5),
    st.lists(st.tuples(RECEIVED, st.sampled_from((HOME, SEARCH))), max_size=12),
)
def test_no_alert_gets_what_was_remembered_of_another_one(
    listed: list[tuple[str, dict[str, Any]]], received: list[tuple[Event, int]]
) -> None:
    """Decisions are remembered by what they depend on, and forgotten when there are too many."""
    rules = [rule(text, number, **fields) for number, (text, fields) in enumerate(listed, 1)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(routing_rules, "MAX_KNOWN_VALUES", 2)
        remembering = routing(*rules)
        for event, service_id in received:
            sent = InboundRequest(1, service_id, "test", b"", (event,), None)
            assert routing_rules.route(remembering, sent, event) == routing_rules.route(
                routing(*rules), sent, event
            )
