"""The history of metric definitions: a changed formula or target is another version, and is noted next to numbers."""

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from firebell.metrics.definition_history import FIRST, DefinitionChange, changed_in
from firebell.metrics.definitions import DEFINITIONS, Definition
from firebell.metrics.model import Scope
from firebell.metrics.presentation import wording
from firebell.metrics.presentation.results import Count, Result
from firebell.metrics.review import document
from firebell.metrics.review.trends import Trend
from firebell.metrics.windows import between

FORMULAS = {
    "impact": (1, "42d174c9fbd6"),
    "customer-minutes": (1, "196be9785f0a"),
    "repeats": (1, "43d7b5a3b4f7"),
    "preventable": (1, "8878e170c04c"),
    "actions": (1, "c9bbde3bfcb4"),
    "nights": (1, "ebe7fca68ca8"),
    "noise": (1, "d2db01772991"),
    "levels": (1, "1434dd8c3b4f"),
    "delivery": (1, "1090f7ec869d"),
    "acknowledge": (1, "614a21dbbd1c"),
    "detect": (1, "537eb5e305f0"),
    "engage": (1, "3f708ddb9c86"),
    "mitigate": (1, "629b0d3f6274"),
    "resolve": (1, "01329cae6655"),
    "mtbf": (2, "acba6f9bccd0"),
    "frequency": (1, "5c8f569d1b7b"),
    "severity": (1, "dcf30e47c3dd"),
    "updates": (1, "7b6e31d50adf"),
    "postmortems": (2, "7445bf4e1a87"),
    "cost": (1, "afc5ea701191"),
}
"""The version of each definition and a hash of its formula and target."""


def _formula(what: Definition) -> str:
    parts = (what.kind, what.subject, what.starts, what.ends, what.population, what.estimator)
    text = "|".join(map(str, (*parts, what.worst_severity, what.target_s)))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def test_another_formula_or_target_is_another_version() -> None:
    """After a change of a definition, append a DefinitionChange to its `changes`, and change its line above."""
    assert {slug: (what.version, _formula(what)) for slug, what in DEFINITIONS.items()} == FORMULAS
    for what in DEFINITIONS.values():
        assert [one.version for one in what.changes] == list(range(1, len(what.changes) + 1))
        assert list(what.changes) == sorted(what.changes, key=lambda one: one.day)


@pytest.mark.parametrize(
    ("first", "last", "is_split"),
    [
        (date(2027, 1, 1), date(2027, 1, 9), False),
        (date(2027, 1, 1), date(2027, 1, 10), True),
        (date(2027, 1, 9), date(2027, 2, 1), True),
        (date(2027, 1, 10), date(2027, 2, 1), False),
    ],
)
def test_a_period_is_split_if_some_of_its_days_are_before_the_change(
    first: date, last: date, is_split: bool
) -> None:
    changed = DefinitionChange(2, date(2027, 1, 10), "The target is 2 min")
    assert changed_in((*FIRST, changed), first, last) == ([changed] if is_split else [])
    assert changed_in(FIRST, date(2020, 1, 1), date(2030, 1, 1)) == []


@pytest.mark.parametrize("recounts", [True, False])
def test_a_review_does_not_compare_two_definitions(recounts: bool) -> None:
    change = DefinitionChange(2, date(2027, 1, 10), "Without drills", recounts)
    what = replace(DEFINITIONS["frequency"], changes=(*FIRST, change))
    window = between(date(2027, 1, 1), date(2027, 3, 31), "UTC")
    scope = Scope(window, datetime(2027, 4, 1, tzinfo=UTC))
    result = Result(what, scope, count=Count(40), count_before=Count(10))
    assert (what.version, what.since) == (2, "10 Jan 2027")
    assert wording.definition_changes(result) == [change]
    line = document.line(result)
    assert (line.notes, line.trend is Trend.UNTESTED) == ((change.note,), not recounts)
    assert document.line(replace(result, definition=DEFINITIONS["frequency"])).notes == ()
