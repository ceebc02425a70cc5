"""The quarterly review: quarters, what counts as a change, what it asks, and its Markdown."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product

import pytest

from firebell.kit.errors import Invalid
from firebell.metrics import windows
from firebell.metrics.definitions import DEFINITIONS
from firebell.metrics.model import Scope
from firebell.metrics.presentation import summaries
from firebell.metrics.presentation.results import Count, Result, RuleTotal
from firebell.metrics.presentation.summaries import Share
from firebell.metrics.review import document, quarters
from firebell.metrics.review.document import Factor, HeldDrill, OverdueItem, Practice, Review, ReviewCost
from firebell.metrics.review.trends import Trend, count_change, p_of_counts, share_change, trend
from firebell.metrics.statistics.kaplan_meier import Step

NOW = datetime(2026, 11, 25, 9, 30, tzinfo=UTC)
Q3 = windows.quarter(date(2026, 8, 1), "UTC")
SCOPE = Scope(Q3, NOW)
EMPTY = Review(Q3, is_over=True, team="", lines=[], severities=[], factors=[], rules=[], questions=[])


@pytest.mark.parametrize(
    ("text", "first", "last", "name", "before"),
    [
        ("", date(2026, 7, 1), date(2026, 9, 30), "2026-Q3", "2026-Q2"),
        ("2026-Q1", date(2026, 1, 1), date(2026, 3, 31), "2026-Q1", "2025-Q4"),
        (" 2026q4 ", date(2026, 10, 1), date(2026, 12, 31), "2026-Q4", "2026-Q3"),
        ("2024-Q1", date(2024, 1, 1), date(2024, 3, 31), "2024-Q1", "2023-Q4"),
    ],
)
def test_a_quarter_is_three_months_in_utc(text: str, first: date, last: date, name: str, before: str) -> None:
    window = quarters.window(text, NOW)
    assert (window.first_day, window.last_day) == (first, last)
    assert (quarters.name(window), quarters.name_before(window)) == (name, before)
    assert window.before[1] == window.start


@pytest.mark.parametrize(
    "text", ["2027-Q1", "1999-Q4", "0000-Q1", "2026-Q5", "2026", "Q3", "2026-Q3; drop", "२०२६-Q3"]
)
def test_an_invalid_quarter_is_refused_by_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        quarters.window(text, NOW)
    assert list(refused.value.fields) == ["quarter"]


def test_the_latest_quarters_are_offered() -> None:
    assert quarters.offered(NOW)[:3] == ["2026-Q4", "2026-Q3", "2026-Q2"]
    assert quarters.offered(NOW)[-1] == "2025-Q1"


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (2, 2, Trend.TOO_FEW),
        (0, 5, Trend.NONE),
        (0, 6, Trend.LOWER),
        (9, 1, Trend.HIGHER),
        (12, 8, Trend.NONE),
        (60, 30, Trend.HIGHER),
        (1000, 1010, Trend.NONE),
    ],
)
def test_a_count_changes_only_beyond_chance(now: int, before: int, expected: Trend) -> None:
    assert count_change(now, before, 92, 91) is expected


def test_a_quarter_that_is_not_over_counts_its_days_so_far() -> None:
    begun = windows.quarter(NOW.date(), "UTC")
    # the same rate in 55 of 92 days
    assert document.severity(3, 36, 60, Scope(begun, NOW)).trend is Trend.NONE
    assert document.severity(3, 60, 60, Scope(begun, NOW)).trend is Trend.HIGHER
    assert document.days_of(Scope(begun, begun.start)) == (1, 92)
    assert document.days_of(SCOPE) == (92, 91)


def test_the_exact_test_of_two_counts() -> None:
    # all six in one of two equally long periods: 2 / 2^6
    assert p_of_counts(6, 0, 90, 90) == pytest.approx(2 / 64)
    assert p_of_counts(3, 3, 90, 90) == pytest.approx(1)
    # twice the days, twice the incidents
    assert p_of_counts(40, 20, 180, 90) == pytest.approx(1)
    for now, before in product(range(12), repeat=2):
        assert p_of_counts(now, before, 90, 90) == pytest.approx(p_of_counts(before, now, 90, 90))
        assert 0 < p_of_counts(now, before, 92, 90) <= 1


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (Share(4, 4), Share(0, 40), Trend.TOO_FEW),
        (Share(19, 20), Share(4, 20), Trend.HIGHER),
        (Share(4, 20), Share(19, 20), Trend.LOWER),
        (Share(12, 20), Share(9, 20), Trend.NONE),
        (Share(0, 0), Share(0, 0), Trend.TOO_FEW),
    ],
)
def test_a_share_changes_if_its_intervals_do_not_touch(now: Share, before: Share, expected: Trend) -> None:
    assert share_change(now, before) is expected


def _share(slug: str, now: Share, before: Share) -> Result:
    return Result(DEFINITIONS[slug], SCOPE, share=now, share_before=before)


def _count(slug: str, now: int, before: int) -> Result:
    return Result(
        DEFINITIONS[slug], SCOPE, count=Count(now), count_before=Count(before), seconds=0, seconds_before=0
    )


def _duration(now: Sequence[int], before: Sequence[int]) -> Result:
    mine, theirs = ([Step(seconds, 1, 0) for seconds in sorted(each)] for each in (now, before))
    return Result(
        DEFINITIONS["resolve"],
        SCOPE,
        summary=summaries.summary(mine, 3600, is_censored=False),
        change=summaries.change(mine, theirs, 1, is_censored=False),
    )


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (_share("noise", Share(18, 20), Share(2, 20)), Trend.WORSE),
        (_share("noise", Share(2, 20), Share(18, 20)), Trend.BETTER),
        (_share("actions", Share(18, 20), Share(2, 20)), Trend.BETTER),
        (_share("postmortems", Share(2, 20), Share(18, 20)), Trend.WORSE),
        (_share("repeats", Share(5, 20), Share(5, 20)), Trend.NONE),
        (_count("nights", 40, 10), Trend.WORSE),
        (_count("frequency", 40, 10), Trend.HIGHER),
        (_count("cost", 40, 10), Trend.UNTESTED),
    ],
)
def test_each_metric_says_whether_it_got_better(result: Result, expected: Trend) -> None:
    assert trend(result, 92, 91) is expected


@pytest.mark.parametrize(
    ("now", "before", "expected"),
    [
        (range(100, 130), range(9000, 9030), Trend.BETTER),
        (range(9000, 9030), range(100, 130), Trend.WORSE),
        ((10, 20), (10, 20), Trend.TOO_FEW),
    ],
)
def test_each_duration_says_whether_it_got_better(
    now: Sequence[int], before: Sequence[int], expected: Trend
) -> None:
    assert trend(_duration(now, before), 92, 91) is expected


def test_the_document_asks_about_what_missed_got_worse_or_came_back() -> None:
    lines = [
        document.line(_duration(range(9000, 9030), range(9000, 9030))),
        document.line(_share("noise", Share(18, 20), Share(2, 20))),
        document.line(_share("levels", Share(18, 20), Share(17, 20))),
    ]
    factors = document.factors({"latent.test": 4, "luck.time": 3, "trigger.change": 1}, {"latent.test": 1})
    assert factors[0] == Factor("latent.test", 4, 1)
    noisy, quiet = RuleTotal("[FIRING:1] Queue | depth", 12, 3, 9), RuleTotal("CheckoutErrors", 12, 3, 2)
    asked = document.questions(lines, factors, [noisy, quiet])
    assert len(asked) == 4
    assert [
        any(name in question for question in asked) for name in ("Time to resolve", "Noise", "latent.test")
    ] == [
        True,
        True,
        True,
    ]
    assert not any("CheckoutErrors" in question or "luck" in question for question in asked)

    review = Review(
        Q3,
        is_over=True,
        team="A|B <b>",
        lines=lines,
        severities=[document.severity(1, 9, 1, SCOPE)],
        factors=factors,
        rules=[noisy],
        questions=asked,
        practice=Practice([HeldDrill("DRILL-7", "A|B", date(2026, 8, 3), 82)], 70, 75),
        overdue=[OverdueItem("ACT-52", "Check | pools", "", 31)],
    )
    text = document.markdown(review, "https://firebell.example.org")
    assert text.startswith("# Quarterly review 2026-Q3, A\\|B \\<b>\n")
    assert "| [FIRING:1] Queue \\| depth | 12 |" in text, "a name cannot break the table"
    assert "(https://firebell.example.org/metrics/noise?from=2026-07-01&to=2026-09-30)" in text
    assert "- 2026-08-03: A\\|B (DRILL-7), 82%\n\nReadiness: 70 of 100, 75 before." in text
    rows = [row for row in text.splitlines() if row.startswith("| ")]
    assert "/actions/ACT-52) Check \\| pools | No owner | 31 days |" in text
    assert len(rows) == 3 + 2 + 3 + 2 + 4 + 2 + 3
    for definition in (line.slug for line in lines):
        assert f"**{DEFINITIONS[definition].title}**: " in text, "each metric has its lever"


def test_a_minute_without_a_rate_does_not_read_as_zero_hours() -> None:
    def text(seconds: int) -> str:
        cost = ReviewCost([], [], [], seconds)
        return document.markdown(replace(EMPTY, cost=cost), "https://firebell.example.org")

    assert "60 s of people’s time has no rate." in text(60)
    assert "1:40 h of people’s time has no rate." in text(100 * 60)
    assert "no rate" not in text(0)


@pytest.mark.parametrize(
    ("practice", "questions"),
    [
        (Practice(), 1),
        (Practice([HeldDrill("DRILL-1", "Failover", date(2026, 8, 3), None)], 70, 75), 1),
        (Practice([HeldDrill("DRILL-1", "Failover", date(2026, 8, 3), 50)], 75, 75), 0),
        (Practice((), 10, None), 1),
        (None, 0),
    ],
)
def test_the_document_asks_for_the_next_drill_and_about_readiness_that_fell(
    practice: Practice | None, questions: int
) -> None:
    assert len(document.questions([], [], [], practice)) == questions


def test_every_metric_has_a_lever_and_a_chapter() -> None:
    for definition in DEFINITIONS.values():
        assert definition.levers, definition.slug
        assert definition.handbook, definition.slug
