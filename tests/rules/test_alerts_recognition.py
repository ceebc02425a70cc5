"""A11 for the bodies that the generic address recognizes: nonsense in any field never raises."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from firebell.alerts.model import Rejected
from firebell.alerts.sources import generic
from tests.rules.budget import examples
from tests.rules.test_alerts_cleaning import NASTY, NOW, VALUES, within_limits
from tests.sources.test_generic_recognition import BODIES

EVERY_BODY = [body for bodies in BODIES.values() for body in bodies.values()]
NAMES = sorted({name for body in EVERY_BODY for name in body})


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every container of a value with each of its names or indexes."""
    if isinstance(value, dict):
        own: list[tuple[Any, Any]] = [(value, name) for name in value]
        return own + [place for item in value.values() for place in places(item)]
    if isinstance(value, list):
        own = [(value, at) for at in range(len(value))]
        return own + [place for item in value for place in places(item)]
    return []


@settings(max_examples=examples(150), deadline=None)
@given(data=st.data())
def test_a11_a_known_shape_with_nonsense_in_its_fields_never_raises(data: st.DataObject) -> None:
    body = copy.deepcopy(data.draw(st.sampled_from(EVERY_BODY)))
    for _ in range(data.draw(st.integers(1, 3))):
        container, name = data.draw(st.sampled_from(places(body)))
        container[name] = data.draw(VALUES | NASTY)
    _check(body)


@settings(max_examples=examples(100), deadline=None)
@given(body=st.dictionaries(st.sampled_from(NAMES), VALUES | NASTY, max_size=12))
def test_a11_any_mixture_of_known_fields_never_raises(body: dict[str, Any]) -> None:
    _check(body)


def _check(body: dict[str, Any]) -> None:
    events = generic.normalize(json.dumps(body).encode("utf-8", "surrogatepass"), NOW)
    if not isinstance(events, Rejected):
        for event in events:
            within_limits(event)
