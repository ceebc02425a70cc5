"""When a rule publishes the first update on a status page, and when it leaves it to people."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.comms.first_update import rules
from firebell.comms.first_update.model import FirstUpdateRule
from firebell.comms.first_update.rules import FirstUpdateFacts, FirstUpdateStep, decide
from firebell.comms.tone.check import check, needs_reason, prevents_sending
from firebell.comms.tone.model import ToneContext
from firebell.incidents.model import ACTIVE, Phase
from firebell.status_pages.publishing.actions import NAME_MAX_CHARS

T0 = datetime(2026, 11, 24, 2, 31, tzinfo=UTC)
RULE = FirstUpdateRule(
    1, frozenset({0}), 10, rules.DEFAULT_HEADLINE, rules.DEFAULT_BODY, T0 - timedelta(days=1)
)
WARNED = FirstUpdateFacts(Phase.DECLARED, T0, warned_at=T0 + timedelta(minutes=5))
NOTHING, WAIT, WARN, REMIND, PUBLISH = FirstUpdateStep


def _at(minutes: float) -> datetime:
    return T0 + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("now", "changes", "step", "due"),
    [
        (0, {"warned_at": None}, WAIT, 10),
        (4.9, {"warned_at": None}, WAIT, 10),
        (5, {"warned_at": None}, WARN, 10),
        # a late warning still leaves half the time, and so does one after an outage of Firebell
        (9, {"warned_at": None}, WARN, 14),
        (40, {"warned_at": None}, WARN, 45),
        (9.9, {}, WAIT, 10),
        (10, {}, PUBLISH, 10),
        (12, {"warned_at": _at(9)}, WAIT, 14),
        (14, {"warned_at": _at(9)}, PUBLISH, 14),
        # a warning about an earlier stay in the severity does not count
        (30, {"severity_since": _at(20)}, WARN, 35),
        # a draft puts it off, and one that was left puts it off no longer
        (10, {"draft_saved_at": _at(8)}, WAIT, 13),
        (13, {"draft_saved_at": _at(8)}, PUBLISH, 13),
        (10, {"draft_saved_at": _at(1)}, PUBLISH, 10),
        # people are reminded once of what they must approve, and are not warned
        (9, {"needs_approval": True, "warned_at": None}, WAIT, 10),
        (10, {"needs_approval": True, "warned_at": None}, REMIND, 10),
        (60, {"needs_approval": True, "reminded_at": _at(10)}, NOTHING, None),
        (60, {"severity_since": None}, NOTHING, None),
        (60, {"has_components": False}, NOTHING, None),
        (60, {"is_private": True}, NOTHING, None),
        (60, {"is_drill": True}, NOTHING, None),
        (60, {"is_backfilled": True}, NOTHING, None),
        (60, {"is_published": True}, NOTHING, None),
        (60, {"is_claimed": True}, NOTHING, None),
        *((60, {"phase": phase}, PUBLISH if phase in ACTIVE else NOTHING, None) for phase in Phase),
    ],
)
def test_a_rule_warns_at_half_the_time_and_publishes_only_what_no_one_else_does(
    now: float, changes: dict[str, Any], step: FirstUpdateStep, due: float | None
) -> None:
    decision = decide(RULE, replace(WARNED, **changes), _at(now))
    assert decision.step is step
    if due is not None:
        assert decision.due_at == _at(due)
    is_asleep = step in (NOTHING, REMIND, PUBLISH)
    assert (decision.next_at is None) is is_asleep


def test_a_rule_counts_from_when_it_was_turned_on_and_does_nothing_while_it_is_off() -> None:
    assert decide(replace(RULE, enabled_at=None), WARNED, _at(60)).step is NOTHING
    late = replace(RULE, enabled_at=_at(30))
    assert decide(late, replace(WARNED, warned_at=None), _at(31)).next_at == _at(35)


@given(
    warned=st.none() | st.integers(0, 60),
    draft=st.none() | st.integers(0, 60),
    since=st.integers(0, 60),
    now=st.integers(0, 120),
)
def test_nothing_is_published_without_a_warning_half_the_time_before(
    warned: int | None, draft: int | None, since: int, now: int
) -> None:
    facts = replace(
        WARNED,
        severity_since=_at(since),
        warned_at=None if warned is None else _at(warned),
        draft_saved_at=None if draft is None else _at(draft),
    )
    decision = decide(RULE, facts, _at(now))
    if decision.step is PUBLISH:
        assert warned is not None
        assert since <= warned <= now - 5
        assert now - since >= 10
        assert draft is None or now - draft >= 5
    elif decision.next_at is not None:
        assert decision.next_at > _at(now)


@pytest.mark.parametrize(
    ("severity", "changes", "since"),
    [
        (0, [], 0),
        (2, [], None),
        (0, [(7, 2, 0)], 7),
        (0, [(7, 2, 1)], None),
        # a raise within the severities of a rule moves nothing
        (0, [(3, 1, 0)], 0),
        (0, [(3, 0, 2), (9, 2, 0)], 9),
    ],
)
def test_the_time_counts_from_when_the_incident_got_a_severity_of_the_rule(
    severity: int, changes: list[tuple[int, int, int]], since: int | None
) -> None:
    chosen = frozenset({0, 1}) if changes == [(3, 1, 0)] else frozenset({0})
    dated = [(_at(minute), before, after) for minute, before, after in changes]
    expected = None if since is None else _at(since)
    assert rules.severity_since(chosen, severity, T0, dated) == expected


def test_a_text_names_the_components_and_nothing_is_too_long() -> None:
    names = [f"Zahlung-ä-{number}" for number in range(40)]
    assert rules.filled("{{components}} and {{components}}", ["A", "B"]) == "A, B and A, B"
    assert rules.filled("{{components}}", names).endswith(f"{names[19]}, …")
    headline = rules.filled_headline(rules.DEFAULT_HEADLINE, [name * 20 for name in names])
    assert len(headline) <= NAME_MAX_CHARS
    assert headline.endswith("…")


@pytest.mark.parametrize("text", [rules.DEFAULT_HEADLINE, rules.DEFAULT_BODY])
def test_the_default_texts_can_be_published_as_they_are(text: str) -> None:
    context = ToneContext(severity=0, next_update_at=_at(30), interval=timedelta(minutes=30), now=T0)
    findings = check(rules.filled(text, ["Checkout"]), context)
    assert not prevents_sending(findings)
    assert not needs_reason(findings)
