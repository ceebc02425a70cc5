"""The pure rules of status pages, with the vectors of spec 7.3 to 7.7."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise, product
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.incidents.model import Phase
from firebell.status_pages import derived_status, impact, stages
from firebell.status_pages.derived_status import StatusSpan
from firebell.status_pages.model import (
    Component,
    ComponentGroup,
    ComponentStatus,
    Effect,
    Impact,
    IndicatorRule,
    PageVisibility,
    PublicIncident,
    PublicUpdate,
    Stage,
    StatusPage,
    UpdateKind,
    Weights,
)
from firebell.status_pages.published_log import chain as published_log_chain
from firebell.status_pages.snapshot import Snapshot
from firebell.status_pages.suggested_names import suggested_name
from firebell.status_pages.uptime import daily as uptime
from firebell.status_pages.uptime import monthly as monthly_uptime
from firebell.status_pages.uptime.monthly import UptimeReport

O, M = ComponentStatus.OPERATIONAL, ComponentStatus.UNDER_MAINTENANCE  # noqa: E741
D, P, X = ComponentStatus.DEGRADED_PERFORMANCE, ComponentStatus.PARTIAL_OUTAGE, ComponentStatus.MAJOR_OUTAGE
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DECLARED = datetime(2026, 11, 27, 2, 31, tzinfo=UTC)


def _at(text: str, day: int = 27) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day:02}T{text}+00:00")


def _update(
    seq: int,
    stage: Stage,
    *effects: tuple[int, ComponentStatus, datetime],
    kind: UpdateKind = UpdateKind.UPDATE,
) -> PublicUpdate:
    at = DECLARED + timedelta(minutes=seq)
    listed = tuple(Effect(*effect) for effect in effects)
    return PublicUpdate(seq, f"u{seq}", seq, stage, kind, "Text", listed, at, None, at, "Mara")


def _incident(*updates: PublicUpdate, number: int = 1, override: Impact | None = None) -> PublicIncident:
    resolved = updates[-1].display_at if updates[-1].stage is Stage.RESOLVED else None
    return PublicIncident(
        number, f"p{number}", None, "Payments", override, updates[0].display_at, None, resolved, 0, updates
    )


@pytest.mark.parametrize(
    ("severity", "changes", "due"),
    [
        (0, [], "02:46:00"),
        (1, [], "03:01:00"),
        (2, [("03:11:00", 0)], "03:18:30"),
        (1, [("02:40:00", 0)], "02:47:30"),
        (0, [("02:40:00", 1)], "03:01:00"),
        (2, [], None),
    ],
)
def test_the_first_public_update_is_due_by_severity(
    severity: int, changes: list[tuple[str, int]], due: str | None
) -> None:
    due_at = stages.first_post_due(DECLARED, [(_at(at), after) for at, after in changes], severity)
    assert due_at == (None if due is None else _at(due))


@given(
    st.integers(0, 3),
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 3)), max_size=4),
    st.integers(0, 2),
)
def test_raising_the_severity_never_moves_the_first_update_later(
    severity: int, changes: list[tuple[int, int]], raised_to: int
) -> None:
    history = [(DECLARED + timedelta(minutes=m), after) for m, after in sorted(changes)]
    before = stages.first_post_due(DECLARED, history, severity)
    last = history[-1][1] if history else severity
    if raised_to >= last:
        return
    at = (history[-1][0] if history else DECLARED) + timedelta(minutes=1)
    after = stages.first_post_due(DECLARED, [*history, (at, raised_to)], severity)
    assert before is None or (after is not None and after <= before)


@pytest.mark.parametrize(
    ("service", "expected"),
    [
        *(("checkout-api", "Checkout"), ("payments_gateway", "Payments gateway"), ("ledger-db", "Ledger")),
        *(("api", "Api"), ("éclair.svc", "Éclair"), ("Search", "Search"), ("--", "")),
    ],
)
def test_a_component_is_suggested_by_the_words_that_customers_know(service: str, expected: str) -> None:
    assert suggested_name(service) == expected


def test_a_phase_suggests_a_stage() -> None:
    assert stages.suggested_stage(Phase.MITIGATING, cause_is_known=False) is Stage.INVESTIGATING
    assert stages.suggested_stage(Phase.MITIGATING, cause_is_known=True) is Stage.IDENTIFIED
    assert stages.suggested_stage(Phase.MONITORING, cause_is_known=True) is Stage.MONITORING
    assert stages.suggested_stage(Phase.CLOSED, cause_is_known=True) is Stage.RESOLVED
    assert stages.suggested_stage(Phase.DISMISSED, cause_is_known=True) is None


def test_an_incident_never_goes_back_to_an_earlier_stage_without_a_regression() -> None:
    monitoring = _incident(_update(1, Stage.MONITORING))
    assert stages.refusal(None, Stage.IDENTIFIED) == ""
    assert stages.refusal(monitoring, Stage.MONITORING) == ""
    assert stages.refusal(monitoring, Stage.INVESTIGATING)
    assert stages.regression_refusal(monitoring, Stage.INVESTIGATING, NOW) == ""
    assert stages.regression_refusal(monitoring, Stage.RESOLVED, NOW)
    resolved = _incident(_update(1, Stage.RESOLVED))
    assert resolved.resolved_at is not None
    assert stages.refusal(resolved, Stage.RESOLVED)
    day_later = resolved.resolved_at + timedelta(hours=24)
    assert stages.regression_refusal(resolved, Stage.IDENTIFIED, day_later) == ""
    assert stages.regression_refusal(resolved, Stage.IDENTIFIED, day_later + timedelta(seconds=1))


@pytest.mark.parametrize(
    ("statuses", "expected", "description"),
    [
        ([P, O, O, O, O, O], Impact.MINOR, "Minor Service Outage"),
        ([X, O], Impact.MAJOR, "Partial System Outage"),
        ([X, X], Impact.CRITICAL, "Major System Outage"),
        ([P], Impact.MAJOR, "Partial System Outage"),
        ([P, P], Impact.MAJOR, "Partial System Outage"),
        ([D], Impact.MINOR, "Partially Degraded Service"),
        ([D, D], Impact.MINOR, "Degraded System Service"),
        ([M, O], Impact.MAINTENANCE, "Service Under Maintenance"),
        ([M, D], Impact.MINOR, "Partially Degraded Service"),
        ([], Impact.NONE, "All Systems Operational"),
    ],
)
def test_the_indicator_blends_the_components(
    statuses: list[ComponentStatus], expected: Impact, description: str
) -> None:
    assert impact.blend(statuses) == impact.Indicator(expected, description)


def test_an_update_changes_a_component_only_if_nothing_worse_is_said_about_it() -> None:
    start, now = _at("02:00"), _at("03:00")
    first = _update(1, Stage.INVESTIGATING, (1, P, start), (2, D, start))
    over = _update(2, Stage.RESOLVED, (1, O, now), (2, O, now))
    other = _incident(_update(1, Stage.INVESTIGATING, (1, X, start)), number=2)
    new, resolved = _incident(first), _incident(first, over)
    changes = derived_status.latest_changes
    assert changes([new], new, (1, 2, 3), now) == {1: (O, P), 2: (O, D)}
    assert changes([new, other], new, (1, 2), now) == {2: (O, D)}
    assert changes([resolved, other], resolved, (1, 2), now) == {2: (D, O)}
    assert changes([other, new], other, (1, 2), now) == {1: (P, X)}
    progress = _incident(first, _update(2, Stage.IDENTIFIED, (1, P, start)))
    assert changes([progress], progress, (1, 2), now) == {}


@pytest.mark.parametrize(
    ("statuses", "expected", "description"),
    [
        ([X, O], Impact.CRITICAL, "Major System Outage"),
        ([P, O, O, O], Impact.MAJOR, "Partial System Outage"),
        ([M, D, O], Impact.MINOR, "Partially Degraded Service"),
        ([M, O], Impact.MAINTENANCE, "Service Under Maintenance"),
        ([], Impact.NONE, "All Systems Operational"),
    ],
)
def test_the_indicator_can_be_that_of_the_worst_component(
    statuses: list[ComponentStatus], expected: Impact, description: str
) -> None:
    assert impact.indicator(statuses, [], IndicatorRule.WORST) == impact.Indicator(expected, description)


def test_an_open_incident_without_a_component_is_never_beside_a_green_page() -> None:
    critical = _incident(_update(1, Stage.INVESTIGATING), override=Impact.CRITICAL)
    assert impact.indicator([], [critical]).impact is Impact.CRITICAL
    watched = _incident(_update(1, Stage.MONITORING), override=Impact.MAJOR)
    assert impact.indicator([O], [watched]).impact is Impact.NONE


def test_the_indicator_never_improves_when_a_component_gets_worse() -> None:
    for count in range(1, 5):
        for statuses in product(ComponentStatus, repeat=count):
            for position in range(count):
                if statuses[position] is X:
                    continue
                worse = list(statuses)
                worse[position] = ComponentStatus(statuses[position] + 1)
                assert impact.blend(worse).impact >= impact.blend(statuses).impact


def test_the_impact_of_an_incident_does_not_shrink_when_it_recovers() -> None:
    incident = _incident(
        _update(1, Stage.INVESTIGATING, (1, D, DECLARED)),
        _update(2, Stage.IDENTIFIED, (1, P, DECLARED)),
        _update(3, Stage.MONITORING, (1, O, DECLARED)),
    )
    assert impact.impact(incident) is Impact.MAJOR
    assert impact.impact(_incident(_update(1, Stage.INVESTIGATING))) is Impact.NONE


START = NOW - timedelta(seconds=7_732_800)


def _spans(*intervals: tuple[ComponentStatus, int]) -> list[StatusSpan]:
    """Return spans of these lengths in seconds one after the other, then operational until now."""
    at, listed = START, []
    for status, seconds in intervals:
        listed.append(StatusSpan(at, at + timedelta(seconds=seconds), status))
        at += timedelta(seconds=seconds)
    return [*listed, StatusSpan(at, NOW, O)]


@pytest.mark.parametrize(
    ("spans", "shown"),
    [
        (_spans((X, 3600)), "99.95%"),
        (_spans((P, 3600)), "99.98%"),
        (_spans((M, 7200), (X, 3600), (P, 1800)), "99.94%"),
        (_spans((X, 1)), "99.99%"),
        (_spans(), "100%"),
        ([StatusSpan(START, NOW, M)], "No data"),
    ],
)
def test_uptime_is_exact_and_never_rounded_up(spans: list[StatusSpan], shown: str) -> None:
    start, end = uptime.window(NOW, "UTC", date(2026, 1, 1))
    assert (start, end) == (START, NOW)
    seconds = uptime.seconds_by_status(spans, start, end)
    assert uptime.shown(uptime.uptime(seconds, Weights())) == shown


def test_uptime_counts_from_the_first_day_of_a_component() -> None:
    start, end = uptime.window(NOW, "UTC", date(2026, 11, 18))
    assert (end - start).total_seconds() == 820_800
    seconds = uptime.seconds_by_status(
        [StatusSpan(start, end - timedelta(hours=1), O), StatusSpan(end - timedelta(hours=1), end, X)],
        start,
        end,
    )
    assert uptime.shown(uptime.uptime(seconds, Weights())) == "99.56%"


def test_the_window_of_berlin_has_the_hour_of_the_clock_change() -> None:
    start, end = uptime.window(NOW, "Europe/Berlin", date(2026, 1, 1))
    assert (end - start).total_seconds() == 7_740_000
    shown = {
        bar.day: bar
        for bar in uptime.bars([StatusSpan(start, end, X)], NOW, "Europe/Berlin", date(2026, 1, 1))
    }
    assert shown[date(2026, 10, 25)].minutes == {"major_outage": 25 * 60}


def test_the_uptime_of_a_group_is_the_mean_of_its_components() -> None:
    start, end = uptime.window(NOW, "UTC", date(2026, 1, 1))
    values = [
        uptime.uptime(uptime.seconds_by_status(spans, start, end), Weights())
        for spans in (_spans((X, 3600)), _spans((P, 3600)), _spans())
    ]
    assert uptime.shown(uptime.group_uptime(values)) == "99.97%"
    assert uptime.group_uptime([None]) is None


def _report(
    *incidents: PublicIncident, tz: str = "UTC", start: date = date(2025, 1, 1), count: int = 3
) -> UptimeReport:
    page = StatusPage(
        1,
        "kestrel",
        "Kestrel",
        tz,
        "",
        "",
        PageVisibility.PUBLIC,
        partial_weight=30,
        degraded_weight=0,
        created_at=NOW,
        updated_at=NOW,
    )
    group = ComponentGroup(5, "g5", "Shop", 1, NOW)
    components = tuple(
        Component(id_, f"c{id_}", group.id, name, "", id_, start, True, NOW)
        for id_, name in ((1, "Cart"), (2, "Search"))
    )
    months = monthly_uptime.latest_months(NOW, tz, count)
    return monthly_uptime.report(Snapshot(page, (group,), components, incidents), months, NOW)


def test_the_uptime_of_a_month_counts_what_happened_in_it() -> None:
    over_the_end = _incident(
        _update(1, Stage.INVESTIGATING, (1, X, datetime(2026, 10, 31, 23, tzinfo=UTC))),
        _update(2, Stage.RESOLVED, (1, O, datetime(2026, 11, 1, 2, tzinfo=UTC))),
    )
    still_open = _incident(_update(1, Stage.INVESTIGATING, (2, P, NOW - timedelta(hours=1))), number=2)
    report = _report(over_the_end, still_open)
    assert [str(month) for month in report.months] == ["2026-09", "2026-10", "2026-11"]
    cart, search = report.components
    assert [one.seconds[X] for one in cart.months] == [0, 3600, 7200]
    # 1 - 3600 / 2,678,400, and 1 - 7200 / 2,289,600: rounded down
    assert [uptime.shown(one.uptime) for one in cart.months] == ["100%", "99.86%", "99.68%"]
    assert [one.is_whole for one in cart.months] == [True, True, False]
    assert uptime.shown(cart.uptime) == "99.85%"
    assert search.months[-1].seconds[P] == 3600
    [group] = report.groups
    assert [uptime.shown(mean) for mean in group.means] == ["100%", "99.93%", "99.81%"]


def test_months_follow_the_clock_of_the_page_and_the_first_day_of_a_component() -> None:
    berlin = _report(tz="Europe/Berlin", start=date(2026, 10, 31))
    september, october, november = berlin.components[0].months
    assert (september.uptime, september.is_whole) == (None, False)
    assert (sum(october.seconds.values()), october.is_whole) == (86_400, False)
    assert sum(november.seconds.values()) == 26 * 86_400 + 13 * 3600
    whole = _report(tz="Europe/Berlin").components[0].months[1]
    assert (sum(whole.seconds.values()), whole.is_whole) == (31 * 86_400 + 3600, True)
    # the 90 days of the public page begin on 30 August
    assert [str(month) for month in monthly_uptime.shown_months(NOW, "UTC")] == [
        "2026-09",
        "2026-10",
        "2026-11",
    ]
    # and here on 1 September, not at its first instant, because of the zone
    early = datetime(2026, 11, 29, 23, tzinfo=UTC)
    assert str(monthly_uptime.shown_months(early, "Europe/Berlin")[0]) == "2026-10"


def test_the_months_of_a_report_add_up_to_its_window() -> None:
    """However many incidents overlap; and each is folded once, not once for each month."""
    incidents = [
        _incident(
            _update(1, Stage.INVESTIGATING, (1, status, NOW - timedelta(days=days))),
            _update(2, Stage.RESOLVED, (1, O, NOW - timedelta(days=days) + timedelta(hours=hours))),
            number=number,
        )
        for number, (status, days, hours) in enumerate(
            product((D, P, X), (80, 58, 27, 26), (3, 30, 600)), start=1
        )
    ]
    with patch.object(derived_status, "steps", wraps=derived_status.steps) as steps:
        report = _report(*incidents)
    assert steps.call_count == len(incidents)
    start = report.months[0].start("UTC")
    spans = derived_status.spans(incidents, 1, start, NOW)
    at_once = uptime.seconds_by_status(spans, start, NOW)
    months = report.components[0].months
    assert {status: sum(one.seconds[status] for one in months) for status in ComponentStatus} == at_once


def test_overlapping_incidents_count_once_and_the_worst_counts() -> None:
    partial = _incident(
        _update(1, Stage.INVESTIGATING, (1, P, _at("10:00:00"))),
        _update(2, Stage.RESOLVED, (1, O, _at("11:00:00"))),
    )
    major = _incident(
        _update(1, Stage.INVESTIGATING, (1, X, _at("10:30:00"))),
        _update(2, Stage.RESOLVED, (1, O, _at("10:45:00"))),
        number=2,
    )
    start, end = _at("00:00:00"), _at("00:00:00", 28)
    spans = derived_status.spans([partial, major], 1, start, end)
    seconds = uptime.seconds_by_status(spans, start, end)
    assert (seconds[P], seconds[X]) == (2700, 900)
    assert uptime.shown(uptime.uptime(seconds, Weights())) == "98.02%"
    assert [span.incident_ids for span in spans] == [(), (1,), (2,), (1,), ()]


def test_a_correction_replaces_what_was_said_about_a_component() -> None:
    incident = _incident(
        _update(1, Stage.INVESTIGATING, (1, X, _at("10:00:00")), (2, D, _at("10:00:00"))),
        _update(2, Stage.INVESTIGATING, (1, D, _at("10:20:00")), kind=UpdateKind.CORRECTION),
    )
    assert derived_status.steps(incident, 1) == [(_at("10:20:00"), D)]
    assert derived_status.steps(incident, 2) == [(_at("10:00:00"), D)]


effects = st.lists(
    st.tuples(st.sampled_from(ComponentStatus), st.integers(0, 1000), st.booleans()), min_size=1, max_size=6
)


@given(st.lists(effects, max_size=4))
def test_spans_cover_the_time_without_gaps_and_agree_with_every_instant(
    histories: list[list[tuple[ComponentStatus, int, bool]]],
) -> None:
    incidents = [
        _incident(
            *(
                _update(
                    seq,
                    Stage.INVESTIGATING,
                    (1, status, START + timedelta(minutes=minute)),
                    kind=UpdateKind.CORRECTION if corrects else UpdateKind.UPDATE,
                )
                for seq, (status, minute, corrects) in enumerate(history, 1)
            ),
            number=number,
        )
        for number, history in enumerate(histories, 1)
    ]
    end = START + timedelta(minutes=1000)
    spans = derived_status.spans(incidents, 1, START, end)
    assert (spans[0].start, spans[-1].end) == (START, end)
    assert all(a.end == b.start for a, b in pairwise(spans))
    for span in spans:
        assert derived_status.status_at(incidents, 1, span.start) is span.status


def _entry(seq: int, update: str, stage: str, at: str, body: str) -> published_log_chain.LogEntry:
    return published_log_chain.LogEntry(
        *("kestrel", seq, "h2k9w3c7x1ab", update, 1, "update", stage),
        {"checkout00001": "partial_outage"},
        _at(at),
        _at(at),
        published_log_chain.body_hash(body),
    )


def test_the_log_has_the_hashes_of_the_specification_and_shows_a_changed_byte() -> None:
    first = _entry(1, "u1", "investigating", "01:49:00", "We are investigating failed card payments.")
    second = _entry(2, "u2", "identified", "02:16:00", "We found the cause.")
    hashes = [published_log_chain.entry_hash(first, published_log_chain.FIRST)]
    hashes.append(published_log_chain.entry_hash(second, hashes[0]))
    assert hashes == [
        "c800efafd3a3cf1504d731a841e38aa57eed74a43db73be8e4e878356fcf23ea",
        "d31d3223bd9c17be84e3d6b53c253c2e8c7fbf3df8b51673a84dc08d29e1ccc7",
    ]
    chain = [
        published_log_chain.ChainedEntry(first, published_log_chain.FIRST, hashes[0]),
        published_log_chain.ChainedEntry(second, hashes[0], hashes[1]),
    ]
    texts = ("We are investigating failed card payments.", "We found the cause.")
    lines = [published_log_chain.line(entry, text, "") for entry, text in zip(chain, texts, strict=True)]
    assert published_log_chain.first_broken(lines) is None
    changed = _entry(1, "u1", "investigating", "01:49:00", "We are investigating failed card payment.")
    chained = published_log_chain.ChainedEntry(changed, published_log_chain.FIRST, hashes[0])
    forged = published_log_chain.line(chained, "We are investigating failed card payment.", "")
    assert published_log_chain.first_broken([forged, lines[1]]) == 1
    assert published_log_chain.first_broken([lines[0].replace("failed", "some"), lines[1]]) == 1
    assert published_log_chain.first_broken(lines[1:]) == 1
