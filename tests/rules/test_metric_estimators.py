"""The estimators of metrics: the vectors of the specification, and what never happens."""

from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit import wilson
from firebell.metrics.statistics import kaplan_meier, order_statistics, permutation_test, poisson
from firebell.metrics.statistics.kaplan_meier import steps

ACKNOWLEDGED = [125, 64, 108, 700, 240, 300, 30, 95, 200, 1500, 50]
NEVER_ACKNOWLEDGED = [2400, 180]
RESOLVE = [2400, 2640, 3000, 3600, 3600, 4980, 6360, 11160, 16200, 100200]


def test_an_unacknowledged_page_counts_as_longer_than_it_lasted() -> None:
    pages = steps(ACKNOWLEDGED, NEVER_ACKNOWLEDGED)
    assert [kaplan_meier.quantile(pages, p) for p in (0.5, 0.75, 0.9)] == [200, 700, 1500]
    within = kaplan_meier.within(pages, 300)
    assert (within.hits, within.n, within.cut_off) == (9, 12, 1)
    severe = steps([125, 700, 300, 200], [2400])
    assert [kaplan_meier.quantile(severe, p) for p in (0.5, 0.75, 0.9)] == [300, 700, None]
    engaged = steps([120, 240, 300, 480], [4320])
    assert [kaplan_meier.quantile(engaged, p) for p in (0.5, 0.75)] == [300, 480]


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [
        (9, 12, 0.4677, 0.9111),
        (3, 5, 0.2307, 0.8824),
        (3, 4, 0.3006, 0.9544),
        (0, 1, 0, 0.7935),
        (9, 10, 0.5958, 0.9821),
        (3, 13, 0.0818, 0.5026),
        (1, 31, 0.0057, 0.1619),
    ],
)
def test_the_interval_of_a_share(hits: int, n: int, low: float, high: float) -> None:
    assert wilson.interval(hits, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("count", "low", "high"),
    [
        (0, 0, 3.6889),
        (1, 0.025, 5.572),
        (5, 1.623, 11.668),
        (4, 1.090, 10.242),
        (11, 5.491, 19.682),
        # by the exact chi-squared quantiles, on both sides of the approximation
        (100, 81.3639, 121.6270),
        (200, 173.2383, 229.7219),
    ],
)
def test_the_interval_of_a_count(count: int, low: float, high: float) -> None:
    assert poisson.interval(count) == pytest.approx((low, high), abs=2e-3 if count > 100 else 6e-4)


def test_quantiles_of_a_sample() -> None:
    detect = [60, 120, 240, 300, 480, 600, 1200, 1800]
    assert [order_statistics.quantile(detect, p) for p in (0.5, 0.75, 1)] == [390, 750, 1800]
    assert [order_statistics.quantile(RESOLVE, p) for p in (0.5, 0.75)] == [4290, 9960]
    assert order_statistics.quantile([], 0.5) is None


def test_the_interval_of_a_median() -> None:
    assert kaplan_meier.median_interval(steps(RESOLVE)) == (2640, 16200)
    assert order_statistics.median_coverage(10, 2) == pytest.approx(0.9785, abs=5e-5)
    assert order_statistics.median_rank(5) is None
    assert order_statistics.median_rank(6) == 1
    # the approximation continues the exact ranks
    exact, approximate = order_statistics.median_rank(1000), order_statistics.median_rank(1001)
    assert exact is not None
    assert approximate is not None
    assert exact - 1 <= approximate <= exact + 1
    assert kaplan_meier.median_interval(steps([1, 2, 3], [4, 5, 6])) == (1, None)


def test_a_difference_that_chance_gives_is_no_change() -> None:
    same = permutation_test.compare([2640, 4980, 11160, 2400, 3600], [1800, 2100, 2460, 3000, 5400], 1)
    assert same is not None
    assert (same.difference, round(same.p, 4), same.is_change) == (1140, 0.3810, False)
    changed = permutation_test.compare(list(range(100, 130)), list(range(30)), 7)
    assert changed is not None
    assert changed.is_change
    permutation_test._compared.cache_clear()
    assert changed == permutation_test.compare(list(range(100, 130)), list(range(30)), 7)
    assert permutation_test.compare([], [1], 1) is None


def test_the_same_samples_are_shuffled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    first = permutation_test.compare(list(range(40, 60)), list(range(20)), 11)
    monkeypatch.delattr(permutation_test, "_difference")
    assert permutation_test.compare(list(range(40, 60)), list(range(20)), 11) == first


durations = st.lists(st.integers(0, 5000), max_size=30)


@given(durations.filter(bool))
def test_without_censoring_the_median_is_the_usual_one(values: list[int]) -> None:
    assert kaplan_meier.quantile(steps(values), 0.5) == median(values)


@given(durations, durations, st.integers(0, 5000), st.integers(0, 6000))
def test_a_page_that_is_never_acknowledged_improves_nothing(
    ended: list[int], censored: list[int], another: int, target: int
) -> None:
    before, after = steps(ended, censored), steps(ended, [*censored, another])
    for p in (0.5, 0.75, 0.9):
        old, new = kaplan_meier.quantile(before, p), kaplan_meier.quantile(after, p)
        assert new is None or (old is not None and new >= old)
    old_share, new_share = kaplan_meier.within(before, target), kaplan_meier.within(after, target)
    assert new_share.hits == old_share.hits
    assert new_share.n >= old_share.n
    assert new_share.n + new_share.cut_off == len(ended) + len(censored) + 1


@given(st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_contains_the_share(share: tuple[int, int]) -> None:
    hits, n = share
    interval = wilson.interval(hits, n)
    if n == 0:
        assert interval is None
    else:
        assert interval is not None
        assert 0 <= interval[0] <= hits / n <= interval[1] <= 1


def test_the_order_of_equal_times_changes_nothing() -> None:
    shuffled = sorted(ACKNOWLEDGED, reverse=True)
    assert steps(shuffled, NEVER_ACKNOWLEDGED[::-1]) == steps(ACKNOWLEDGED, NEVER_ACKNOWLEDGED)
