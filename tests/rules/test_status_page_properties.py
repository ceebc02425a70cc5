"""The invariants of status pages (spec 7.19) on generated histories: S1 to S5, S7 and S8."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import pairwise, product
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from firebell.status_pages import derived_status, impact, stages
from firebell.status_pages.derived_status import StatusSpan
from firebell.status_pages.model import (
    ComponentStatus,
    Effect,
    Impact,
    PublicIncident,
    PublicUpdate,
    Stage,
    UpdateKind,
    Weights,
)
from firebell.status_pages.published_log import chain as published_log_chain
from firebell.status_pages.uptime import daily as uptime

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
OPERATIONAL, MAINTENANCE = ComponentStatus.OPERATIONAL, ComponentStatus.UNDER_MAINTENANCE
PROBLEMS = tuple(status for status in ComponentStatus if status > MAINTENANCE)
WEIGHTS = Weights()
START_DATE = date(2026, 1, 1)
WINDOW = uptime.window(NOW, "UTC", START_DATE)
MINUTES = int((WINDOW[1] - WINDOW[0]).total_seconds()) // 60

Change = tuple[Stage, ComponentStatus, int]
"""What someone tries to publish: a stage, the status of component 1 or 2, and the minutes since the last one."""
changes = st.lists(
    st.tuples(st.sampled_from(Stage), st.sampled_from((OPERATIONAL, *PROBLEMS)), st.integers(1, 3000)),
    min_size=1,
    max_size=8,
)
spans_of_minutes = st.lists(
    st.tuples(st.sampled_from(ComponentStatus), st.integers(0, MINUTES - 1), st.integers(1, 5000)), max_size=6
)


def published(tried: Sequence[Change], number: int = 1) -> PublicIncident:
    """Publish what the rules allow of what someone tries, a regression where only that is allowed."""
    at = WINDOW[0] + timedelta(days=number)
    incident: PublicIncident | None = None
    for stage, status, minutes in tried:
        at += timedelta(minutes=minutes)
        kind = UpdateKind.UPDATE
        if incident is not None and stages.refusal(incident, stage):
            if stages.regression_refusal(incident, stage, at):
                continue
            kind = UpdateKind.REGRESSION
        seq = len(incident.updates) + 1 if incident else 1
        effects = [Effect(1 + seq % 2, status, at)]
        if stage is Stage.RESOLVED:
            effects = [Effect(component_id, OPERATIONAL, at) for component_id in (1, 2)]
        update = PublicUpdate(
            *(seq, f"u{number}-{seq}", seq, stage, kind, f"Text {seq}.", tuple(effects), at, None, at, "Mara")
        )
        updates = (*incident.updates, update) if incident else (update,)
        resolved_at = at if stage is Stage.RESOLVED else None
        incident = PublicIncident(
            number,
            f"p{number}",
            None,
            "Payments fail",
            None,
            updates[0].display_at,
            None,
            resolved_at,
            0,
            updates,
        )
    assert incident is not None
    return incident


def spans_from(intervals: Sequence[tuple[ComponentStatus, int, int]]) -> list[StatusSpan]:
    """Return the spans of a component that had these statuses for minutes; the worst counts where they overlap."""
    incidents = [
        published([(Stage.INVESTIGATING, status, 1)], number)
        for number, (status, *_) in enumerate(intervals, 1)
    ]
    placed = [
        replace(
            incident,
            updates=tuple(
                replace(update, effects=tuple(_between(status, start, length))) for update in incident.updates
            ),
        )
        for incident, (status, start, length) in zip(incidents, intervals, strict=True)
    ]
    return derived_status.spans(placed, 1, *WINDOW)


def _between(status: ComponentStatus, start: int, length: int) -> list[Effect]:
    begin = WINDOW[0] + timedelta(minutes=start)
    return [Effect(1, status, begin), Effect(1, OPERATIONAL, begin + timedelta(minutes=length))]


def seconds_of(spans: Sequence[StatusSpan]) -> dict[ComponentStatus, int]:
    return uptime.seconds_by_status(spans, *WINDOW)


def up(spans: Sequence[StatusSpan]) -> Fraction:
    """Return the uptime, 1 without data."""
    value = uptime.uptime(seconds_of(spans), WEIGHTS)
    return Fraction(1) if value is None else value


@given(changes)
def test_s1_the_stage_never_falls_without_a_regression(tried: list[Change]) -> None:
    for before, after in pairwise(published(tried).updates):
        assert after.stage.rank >= before.stage.rank or after.kind is UpdateKind.REGRESSION


@given(st.lists(changes, max_size=4))
def test_s2_what_is_resolved_leaves_nothing_and_what_is_open_is_never_green(
    histories: list[list[Change]],
) -> None:
    incidents = [published(tried, number) for number, tried in enumerate(histories, 1)]
    over = [incident for incident in incidents if not incident.is_open]
    later = max((i.updates[-1].display_at for i in incidents), default=NOW) + timedelta(minutes=1)
    statuses = [derived_status.status_at(over, component_id, later) for component_id in (1, 2)]
    assert statuses == [OPERATIONAL, OPERATIONAL]
    assert impact.indicator(statuses, over).impact is Impact.NONE
    # what names no component shows by its impact
    for incident in incidents:
        if incident.is_open and incident.stage.rank < Stage.MONITORING.rank:
            unnamed = replace(
                incident,
                impact_override=Impact.MINOR,
                updates=tuple(replace(update, effects=()) for update in incident.updates),
            )
            assert impact.indicator([OPERATIONAL], [unnamed]).impact is not Impact.NONE


@given(changes, changes)
def test_s2_no_component_changes_when_a_merged_incident_ends(
    given_first: list[Change], given_second: list[Change]
) -> None:
    merged, into = published(given_first, 1), published(given_second, 2)
    now = max(merged.updates[-1].display_at, into.updates[-1].display_at) + timedelta(minutes=1)
    effects = tuple(derived_status.taken_over(merged, into, now))
    over = [Effect(component_id, OPERATIONAL, now) for component_id in (1, 2)]
    last = replace(merged.updates[-1], kind=UpdateKind.UPDATE, effects=tuple(over))
    taking = replace(into.updates[-1], kind=UpdateKind.UPDATE, effects=effects)
    after = (
        replace(merged, updates=(*merged.updates, last)),
        replace(into, updates=(*into.updates, taking)),
    )
    for component_id in (1, 2):
        times = [at for each in (merged, into) for at, _ in derived_status.steps(each, component_id)]
        for at in (*times, now):
            assert derived_status.status_at(after, component_id, at) is derived_status.status_at(
                [merged, into], component_id, at
            )
    # who took over once has nothing to take over again
    assert not effects or derived_status.taken_over(merged, after[1], now) == []


@given(st.lists(changes, max_size=4), st.randoms(use_true_random=False), st.integers(0, 200_000))
def test_s3_spans_follow_from_the_log_alone_whatever_order_and_pieces_it_is_read_in(
    histories: list[list[Change]], order: Any, cut: int
) -> None:
    incidents = [published(tried, number) for number, tried in enumerate(histories, 1)]
    shuffled = list(incidents)
    order.shuffle(shuffled)
    middle = min(WINDOW[0] + timedelta(minutes=cut), WINDOW[1])
    for component_id in (1, 2):
        whole = derived_status.spans(incidents, component_id, *WINDOW)
        assert all(a.end == b.start for a, b in pairwise(whole))
        assert (whole[0].start, whole[-1].end) == WINDOW
        again = derived_status.spans(shuffled, component_id, *WINDOW)
        assert [(s.start, s.end, s.status) for s in whole] == [(s.start, s.end, s.status) for s in again]
        pieces = [
            *derived_status.spans(incidents, component_id, WINDOW[0], middle),
            *derived_status.spans(incidents, component_id, middle, WINDOW[1]),
        ]
        assert seconds_of(pieces) == seconds_of(whole)


@given(
    spans_of_minutes,
    st.tuples(st.sampled_from(PROBLEMS), st.integers(0, MINUTES - 1), st.integers(1, 5000)),
    st.integers(0, 5000),
)
def test_s4_more_trouble_never_raises_the_uptime_and_splitting_changes_nothing(
    intervals: list[tuple[ComponentStatus, int, int]],
    extra: tuple[ComponentStatus, int, int],
    at: int,
) -> None:
    before = spans_from(intervals)
    assert 0 <= up(before) <= 1
    major = (ComponentStatus.MAJOR_OUTAGE, extra[1], extra[2])
    assert up(spans_from([*intervals, major])) <= up(before)
    problems = [each for each in intervals if each[0] is not MAINTENANCE]
    assert up(spans_from([*problems, extra])) <= up(spans_from(problems))
    # an entry inside one of a higher rank, and one that is split
    status, start, length = extra
    whole = spans_from([*intervals, major])
    inside = (min(status, ComponentStatus.PARTIAL_OUTAGE), start, length)
    assert seconds_of(spans_from([*intervals, major, inside])) == seconds_of(whole)
    first = min(at, length - 1)
    if first:
        halves = [(major[0], start, first), (major[0], start + first, length - first)]
        assert seconds_of(spans_from([*intervals, *halves])) == seconds_of(whole)
    # what is shown is never more than what is exact
    shown = uptime.shown(up(whole))
    assert Fraction(shown.removesuffix("%")) <= 100 * up(whole)
    assert (shown == "100%") == (up(whole) == 1)


@given(st.lists(spans_of_minutes, min_size=1, max_size=4))
def test_s5_the_days_add_up_to_the_window_and_a_group_lies_between_its_components(
    components: list[list[tuple[ComponentStatus, int, int]]],
) -> None:
    values = []
    for intervals in components:
        spans = spans_from(intervals)
        days = uptime.bars(spans, NOW, "UTC", START_DATE)
        assert len(days) == uptime.DAYS
        of_days = dict.fromkeys(ComponentStatus, 0)
        for day in days:
            start = datetime.combine(day.day, datetime.min.time(), UTC)
            for status, lasted in uptime.seconds_by_status(
                spans, start, min(start + timedelta(days=1), NOW)
            ).items():
                of_days[status] += lasted
            minutes = {
                status.code: lasted // 60
                for status, lasted in uptime.seconds_by_status(
                    spans, start, min(start + timedelta(days=1), NOW)
                ).items()
                if status is not OPERATIONAL and lasted >= 60
            }
            assert day.minutes == minutes
        assert of_days == seconds_of(spans)
        values.append(uptime.uptime(seconds_of(spans), WEIGHTS))
    known = [value for value in values if value is not None]
    group = uptime.group_uptime(values)
    assert (group is None) == (not known)
    if group is not None:
        assert min(known) <= group <= max(known)


@given(changes)
def test_s7_the_impact_never_shrinks_while_an_incident_goes_on(tried: list[Change]) -> None:
    incident = published(tried)
    grown = [
        impact.impact(replace(incident, updates=incident.updates[: count + 1]))
        for count in range(len(incident.updates))
    ]
    assert all(before <= after for before, after in pairwise(grown))


def test_s7_the_indicator_never_improves_when_one_of_five_components_gets_worse() -> None:
    indicators = {
        statuses: impact.blend(statuses).impact
        for count in range(1, 6)
        for statuses in product(ComponentStatus, repeat=count)
    }
    for statuses, before in indicators.items():
        for position, status in enumerate(statuses):
            if status < ComponentStatus.MAJOR_OUTAGE:
                worse = (*statuses[:position], ComponentStatus(status + 1), *statuses[position + 1 :])
                assert indicators[worse] >= before


texts = st.lists(
    st.tuples(
        st.sampled_from(("", "We look.", "Ursache \u2013 \u202eklar\n\n\x7f", "\U0001f525")),
        st.sampled_from(("", "de")),
    ),
    min_size=1,
    max_size=6,
)


@given(texts, st.data())
def test_s8_the_log_verifies_and_any_changed_byte_fails_at_its_entry(
    entries: list[tuple[str, str]], data: st.DataObject
) -> None:
    lines, prev = [], published_log_chain.FIRST
    for seq, (body, locale) in enumerate(entries, 1):
        entry = published_log_chain.LogEntry(
            *("kestrel", seq, "h2k9w3c7x1ab", f"u{seq}", 1, "update", "investigating"),
            {"checkout00001": "partial_outage"},
            NOW,
            NOW,
            published_log_chain.body_hash(body),
            locale,
        )
        chained = published_log_chain.ChainedEntry(entry, prev, published_log_chain.entry_hash(entry, prev))
        lines.append(published_log_chain.line(chained, body, ""))
        prev = chained.hash
    assert published_log_chain.first_broken(lines) is None
    number = data.draw(st.integers(0, len(lines) - 1))
    fields = json.loads(lines[number])
    name = data.draw(st.sampled_from([field for field in fields if field not in ("reason", "sig")]))
    value = fields[name]
    fields[name] = (
        value + 1
        if isinstance(value, int)
        else {**value, "x": "y"}
        if isinstance(value, dict)
        else f"{value}x"
    )
    forged = [*lines[:number], json.dumps(fields), *lines[number + 1 :]]
    assert published_log_chain.first_broken(forged) == number + 1
    assert published_log_chain.first_broken([*lines[:number], *lines[number + 1 :]]) == (
        number + 1 if number + 1 < len(lines) else None
    )
