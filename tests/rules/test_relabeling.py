"""Relabeling the past of a component: what it changes, and when a second person must accept it (spec 7.6, 7.7)."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.status_pages import derived_status, view
from firebell.status_pages.model import (
    Component,
    ComponentStatus,
    Effect,
    PageVisibility,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
    UpdateKind,
)
from firebell.status_pages.past_status import rules
from firebell.status_pages.published_log import chain as published_log_chain
from firebell.status_pages.relabeling_model import AppliedRelabeling, RelabelingEntry, RelabelingRequest
from firebell.status_pages.snapshot import Snapshot

NOW = datetime.fromisoformat("2026-11-27T12:00:00+00:00")
UP, M, D, P, X = ComponentStatus
PAGE = StatusPage(1, "kestrel", "Kestrel", "UTC", "", "", PageVisibility.PUBLIC, 30, 0, NOW, NOW)
COMPONENT = Component(1, "checkout00001", None, "Checkout", "", 1, date(2026, 11, 1), True, NOW)


def _at(hour: int) -> datetime:
    """Return an hour of the day before yesterday."""
    return datetime.fromisoformat("2026-11-25T00:00:00+00:00") + timedelta(hours=hour)


def _outage(status: ComponentStatus, start: int, end: int) -> PublicIncident:
    effects = (Effect(1, status, _at(start)),), (Effect(1, UP, _at(end)),)
    updates = tuple(
        PublicUpdate(
            seq, f"u{seq}", seq, stage, UpdateKind.UPDATE, "Text", each, _at(end), None, _at(end), ""
        )
        for seq, (stage, each) in enumerate(
            zip((Stage.INVESTIGATING, Stage.RESOLVED), effects, strict=True), 1
        )
    )
    return PublicIncident(1, "p1", None, "Payments", None, _at(start), None, _at(end), 0, updates)


def _applied(status: ComponentStatus, start: int, end: int) -> AppliedRelabeling:
    return AppliedRelabeling(1, _at(start), _at(end), status, "Because.", None, None, NOW)


@pytest.mark.parametrize(
    ("was", "becomes", "improves"),
    [
        (X, M, True),
        (X, UP, True),
        (X, P, True),
        (P, X, False),
        (D, UP, True),  # its weight is 0: the uptime is the same, but the bar is not
        (UP, M, False),
        (UP, X, False),
        (M, UP, True),
    ],
)
def test_what_looks_better_needs_a_second_person(
    was: ComponentStatus, becomes: ComponentStatus, improves: bool
) -> None:
    snapshot = Snapshot(PAGE, components=(COMPONENT,), incidents=(_outage(was, 2, 4),))
    request = RelabelingRequest(1, _at(2), _at(4), becomes, "Because.")
    assert rules.effect(snapshot, COMPONENT, request, NOW).improves is improves


def test_a_relabeling_shows_in_the_bars_and_the_uptime_and_nowhere_else() -> None:
    snapshot = Snapshot(PAGE, components=(COMPONENT,), incidents=(_outage(X, 2, 4),))
    request = RelabelingRequest(1, _at(3), _at(5), M, "Because.")
    effect = rules.effect(snapshot, COMPONENT, request, NOW)
    assert [(span.start, span.end, span.status) for span in effect.replaced] == [
        (_at(3), _at(4), X),
        (_at(4), _at(5), UP),
    ]
    relabeled = Snapshot(
        PAGE, components=(COMPONENT,), incidents=snapshot.incidents, relabelings=(_applied(M, 3, 5),)
    )
    shown = view.build(relabeled, NOW).components[0]
    assert (shown.uptime, shown.status) == (effect.after, UP)
    bar = next(bar for bar in shown.bars if bar.day == date(2026, 11, 25))
    assert (bar.state, bar.minutes) == ("outage", {"major_outage": 60, "under_maintenance": 120})
    again = rules.effect(relabeled, COMPONENT, request, NOW)
    assert (again.replaced, again.improves) == ((), False)


@given(
    st.lists(st.tuples(st.sampled_from(ComponentStatus), st.integers(0, 22), st.integers(1, 6)), max_size=5),
    st.sampled_from([X, P, D]),
)
def test_the_last_relabeling_counts_and_the_rest_of_the_time_is_as_it_was(
    relabelings: list[tuple[ComponentStatus, int, int]], was: ComponentStatus
) -> None:
    # S3: spans tile the time without gap or overlap
    incident = _outage(was, 5, 15)
    applied = [_applied(status, start, start + length) for status, start, length in relabelings]
    spans = derived_status.spans([incident], 1, _at(0), _at(30), applied)
    assert (spans[0].start, spans[-1].end) == (_at(0), _at(30))
    assert all(a.end == b.start for a, b in pairwise(spans))
    for hour in range(30):
        covering = [one for one in applied if one.start <= _at(hour) < one.end]
        expected = covering[-1].status if covering else derived_status.status_at([incident], 1, _at(hour))
        assert next(s for s in spans if s.start <= _at(hour) < s.end).status is expected


@pytest.mark.parametrize(("becomes", "improves"), [(UP, True), (P, True), (X, False)])
def test_a_correction_is_compared_only_with_the_past(becomes: ComponentStatus, improves: bool) -> None:
    before = _outage(X, 2, 4)
    effects = (Effect(1, becomes, _at(2)), Effect(1, UP, _at(4)))
    correction = PublicUpdate(
        3, "u3", 3, Stage.RESOLVED, UpdateKind.CORRECTION, "Text", effects, NOW, None, NOW, ""
    )
    after = PublicIncident(
        1, "p1", None, "Payments", None, _at(2), None, _at(4), 0, (*before.updates, correction)
    )
    assert derived_status.improves(before, after, [1], NOW) is improves
    assert not derived_status.improves(before, after, [1], _at(1))


def test_the_log_has_the_interval_the_status_and_the_reason() -> None:
    body = rules.log_text("Checkout", _at(2), _at(4), M, "Announced by email only.")
    assert body == (
        "Checkout from 2026-11-25 02:00:00 to 2026-11-25 04:00:00 UTC: under maintenance. Announced by email only."
    )
    logged = RelabelingEntry(1, "u9", body, (Effect(1, M, _at(2)),), NOW)
    entry = published_log_chain.LogEntry(
        *("kestrel", 1, "r1", logged.public_id, logged.version, logged.kind, logged.stage),
        *({"checkout00001": "under_maintenance"}, NOW, NOW, published_log_chain.body_hash(body)),
    )
    first = published_log_chain.ChainedEntry(
        entry, published_log_chain.FIRST, published_log_chain.entry_hash(entry, published_log_chain.FIRST)
    )
    line = published_log_chain.line(first, body, "")
    assert published_log_chain.first_broken([line]) is None
    assert published_log_chain.first_broken([line.replace("02:00:00 to", "01:00:00 to")]) == 1
