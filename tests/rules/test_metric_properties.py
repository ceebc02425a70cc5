"""What holds for every metric (spec 5, M1 to M6), and how fast messages are; M3 and N10 are in `tests/actions`."""

import random
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.metrics.definitions import DEFINITIONS
from firebell.metrics.facts import rules as facts
from firebell.metrics.facts.rules import PageLogRow
from firebell.metrics.figures import delivery_times, page_totals
from firebell.metrics.figures.delivery_times import DeliveryTime
from firebell.metrics.figures.page_totals import PageGroup, PageMonth
from firebell.metrics.presentation import charts, result_tables, summaries
from firebell.metrics.presentation.results import ServiceFigure
from firebell.metrics.presentation.tables import Column, Table, Unit
from firebell.metrics.statistics import kaplan_meier
from firebell.metrics.statistics.kaplan_meier import Step, steps
from tests.rules.test_metric_facts import UPDATES, at, entry, incident, page, source

MINUTE = timedelta(minutes=1)
seeds = st.integers(0, 10_000)


def merged(shards: list[list[Step]]) -> list[Step]:
    """Return the steps of all shards as those of one, which is all that a shard has to send."""
    ended: Counter[int] = Counter()
    censored: Counter[int] = Counter()
    for step in (step for shard in shards for step in shard):
        ended[step.seconds] += step.ended
        censored[step.seconds] += step.censored
    return [Step(seconds, ended[seconds], censored[seconds]) for seconds in sorted({*ended, *censored})]


shards_of_durations = st.lists(
    st.tuples(st.lists(st.integers(0, 999), max_size=8), st.lists(st.integers(0, 999), max_size=3)),
    max_size=4,
)


@given(shards_of_durations)
def test_m1_durations_of_shards_are_those_of_the_whole(shards: list[tuple[list[int], list[int]]]) -> None:
    whole = steps((s for ended, _ in shards for s in ended), (s for _, censored in shards for s in censored))
    assert merged([steps(ended, censored) for ended, censored in shards]) == whole


Counted = tuple[int, str, bool, bool]
pages = st.lists(
    st.tuples(st.integers(0, 167), st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=30
)
"""Pages by hour of the week, rule, whether at night, and whether noise."""


def groups(of: list[Counted]) -> list[PageGroup]:
    """Return the totals by hour, and by rule, as the database has them."""
    by_hour = {hour: [one for one in of if one[0] == hour] for hour in sorted({one[0] for one in of})}
    by_rule = {rule: [one for one in of if one[1] == rule] for rule in sorted({one[1] for one in of})}

    def counts(own: list[Counted]) -> tuple[int, int, int]:
        return len(own), sum(one[2] for one in own), sum(one[3] for one in own)

    return [
        *(PageGroup(hour, None, *counts(own)) for hour, own in by_hour.items()),
        *(PageGroup(None, rule, *counts(own)) for rule, own in by_rule.items()),
    ]


def month(of: list[Counted], first: date) -> PageMonth:
    """Return the totals that are stored of a month."""
    hours: dict[str, list[int]] = {}
    rules: dict[str, list[int]] = {}
    for group in groups(of):
        if group.hour is not None:
            hours[str(group.hour)] = [group.pages, group.nights]
        elif group.rule is not None:
            rules[group.rule] = [group.pages, group.nights, group.noise]
    return PageMonth(first, hours, rules, sum(one[3] for one in of), {}, [])


@given(pages, pages, pages)
def test_m1_totals_of_months_add_up(one: list[Counted], other: list[Counted], around: list[Counted]) -> None:
    months = [month(one, date(2026, 9, 1)), month(other, date(2026, 10, 1))]
    totals = page_totals.by_hour_and_rule(months, groups(around))
    assert totals == page_totals.by_hour_and_rule([], groups([*one, *other, *around]))


@given(seeds)
def test_m2_the_order_of_equal_times_changes_no_page(seed: int) -> None:
    now = at("03:00", 9)
    log = [
        PageLogRow(now, "triggered", None, None),
        PageLogRow(now, "level", None, 0),
        *(PageLogRow(now + MINUTE, "level", None, level) for level in (1, 2)),
        *(PageLogRow(now + 2 * MINUTE, "acked", person, None) for person in (1, 2)),
        PageLogRow(now + 2 * MINUTE, "exhausted", None, None),
        PageLogRow(now + 3 * MINUTE, "resolved", None, None),
    ]
    shuffled = random.Random(seed).sample(log, len(log))  # noqa: S311 - an order, not a secret
    whole = facts.page_fact(replace(page(9, "03:00", "03:03"), log=log))
    again = facts.page_fact(replace(page(9, "03:00", "03:03"), log=sorted(shuffled, key=lambda row: row.at)))
    assert (again, whole.level, whole.ack_s) == (whole, 2, 120)


@given(seeds)
def test_m2_the_order_of_equal_times_changes_no_incident(seed: int) -> None:
    changes = [
        replace(entry("severity", at("09:40"), severity=2), id=number, data={"from": before, "to": to})
        for number, (before, to) in enumerate(((1, 2), (2, 1)), start=7)
    ]
    entries = [*changes, *UPDATES, entry("note", at("09:48"), 4)]
    shuffled = random.Random(seed).sample(entries, len(entries))  # noqa: S311 - an order, not a secret
    whole = facts.incident_fact(source(incident(), *entries))
    again = facts.incident_fact(source(incident(), *sorted(shuffled, key=lambda e: e.effective_at)))
    assert (again, whole.updates_due, whole.updates_on_time) == (whole, 5, 3)


@given(pages)
def test_m5_a_quiet_day_and_a_quiet_month_raise_no_noise(of: list[Counted]) -> None:
    before = page_totals.by_hour_and_rule([], groups(of))
    after = page_totals.by_hour_and_rule([month([], date(2026, 9, 1))], groups([*of]))
    assert (after.noise, after.pages, after.rules) == (before.noise, before.pages, before.rules)


@given(shards_of_durations, st.integers(0, 1500), st.sampled_from((0.5, 0.75, 0.9, 0.99)))
def test_m6_holds_beside_any_other_pages(
    shards: list[tuple[list[int], list[int]]], never: int, p: float
) -> None:
    before = merged([steps(ended, censored) for ended, censored in shards])
    old = kaplan_meier.quantile(before, p)
    new = kaplan_meier.quantile(merged([before, [Step(never, 0, 1)]]), p)
    assert new is None or (old is not None and new >= old)


SPECIFIED = [DeliveryTime("sms", seconds, 1) for seconds in (2, 4, 9, 31, None)]


def test_messages_of_the_specification() -> None:
    share = delivery_times.share(SPECIFIED)
    assert (share.hits, share.n) == (3, 5)
    assert share.interval == pytest.approx((0.2307, 0.8824), abs=5e-5)
    assert delivery_times.p99(SPECIFIED) is None
    assert delivery_times.by_channel(SPECIFIED).records() == [
        {"channel": "sms", "messages": 5, "within_30_s": 3, "share": 0.6, "p99_s": None, "failed": 1}
    ]
    assert delivery_times.share([]).value is None
    assert delivery_times.p99([DeliveryTime("sms", None, 100)]) is None


@pytest.mark.parametrize(
    ("slow", "failed", "p99"),
    [(0, 0, 2), (1, 0, 2), (2, 0, 21), (4, 0, 40), (0, 1, 2), (0, 2, None), (3, 9, None)],
)
def test_the_slowest_hundredth_of_messages(slow: int, failed: int, p99: float | None) -> None:
    times = [
        DeliveryTime("sms", 2, 200 - slow - failed),
        DeliveryTime("sms", 40, slow),
        DeliveryTime("sms", None, failed),
    ]
    assert delivery_times.p99([one for one in times if one.messages]) == p99


def test_channels_begin_with_that_of_most_messages() -> None:
    times = [DeliveryTime("email", 1, 2), DeliveryTime("ntfy", 1, 9), DeliveryTime("email", 60, 1)]
    assert [row["channel"] for row in delivery_times.by_channel(times).records()] == ["ntfy", "email"]


def _figure(slug: str, impact_s: int, failures: int) -> ServiceFigure:
    between = summaries.between_failures(31 * 86_400, impact_s, failures)
    return ServiceFigure(slug, slug.title(), impact_s, False, 1.0, between)


def test_the_time_between_failures_has_the_interval_of_its_failures() -> None:
    checkout, search = _figure("checkout", 10_140, 3), _figure("search", 11_400, 1)
    # 3 failures: 0.619 to 8.767 of them by chance alone (Garwood)
    assert checkout.between.interval == pytest.approx((889_420 * 3 / 8.7673, 889_420 * 3 / 0.61867), rel=1e-3)
    assert summaries.between_failures(86_400, 0, 0).interval is None
    table = result_tables.services(DEFINITIONS["mtbf"], [checkout, search])
    chart = charts.between(table, summaries.FAILURES_TARGET_S)
    assert chart
    for row, record in zip(chart.rows, table.records(), strict=True):
        assert row.label == record["service"]
        assert row.low <= row.x <= row.high
    assert chart.rows[0].x < chart.target < chart.rows[1].x
    assert charts.between(result_tables.services(DEFINITIONS["mtbf"], []), 1) is None


def _months(*medians: float | None) -> Table:
    columns = [Column(name, name, Unit.COUNT) for name in ("month", "n", "p10_s", "median_s", "p90_s")]
    rows = [
        (f"2026-{number:02}", 0 if each is None else 9, each, each, each)
        for number, each in enumerate(medians, start=1)
    ]
    return Table("By month", columns, rows)


def test_the_trends_of_teams_have_one_axis_and_one_table() -> None:
    slow, fast = _months(None, 6000, 7000), _months(60, 70, None)
    one, other = charts.trends([slow, fast], 3600)
    assert one
    assert other
    assert (one.grid, one.target) == (other.grid, other.target)
    assert max(point.y for point in one.points) < min(point.y for point in other.points)
    table = result_tables.medians_by_team([("Search", slow), ("Edge", fast)])
    assert table.records() == [
        {"month": "2026-01", "Search": None, "Edge": 60},
        {"month": "2026-02", "Search": 6000, "Edge": 70},
        {"month": "2026-03", "Search": 7000, "Edge": None},
    ]
