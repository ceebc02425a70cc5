"""A metric split by a dimension: which dimensions it has, the order of its groups, and their figures."""

from datetime import UTC, date, datetime

import pytest

from firebell.kit.errors import Invalid
from firebell.metrics import windows
from firebell.metrics.definitions import DEFINITIONS
from firebell.metrics.dimensions import Dimension, chosen_dimension, dimensions_of
from firebell.metrics.explore import Exploration, Group, label_of, ordered, result_of
from firebell.metrics.figures.dimension_store import GroupTotals
from firebell.metrics.model import Scope
from firebell.metrics.statistics.kaplan_meier import Step

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SCOPE = Scope(windows.between(date(2026, 10, 1), date(2026, 11, 25), "UTC"), NOW)


def totals(
    key: str, label: str = "", seconds: tuple[int, ...] = (), hits: int = 0, n: int = 0
) -> GroupTotals:
    steps = [Step(each, 1, 0) for each in sorted(seconds)]
    return GroupTotals(
        key, label, steps, n or len(seconds), n, hits, sum(seconds), {"drill": 1, "not_due": 2}
    )


def group(slug: str, by: Dimension, of: GroupTotals) -> Group:
    return Group(of.key, label_of(by, of), result_of(DEFINITIONS[slug], SCOPE, by, of))


def test_every_metric_has_dimensions_of_its_subject_or_none() -> None:
    for slug, what in DEFINITIONS.items():
        offered = dimensions_of(what)
        assert len(set(offered)) == len(offered)
        if slug == "delivery":
            assert offered == ()
        elif slug == "mtbf":
            assert offered == (Dimension.SERVICE,)
        else:
            assert Dimension.MONTH in offered
    assert Dimension.TYPE not in dimensions_of(DEFINITIONS["acknowledge"])
    assert Dimension.RULE not in dimensions_of(DEFINITIONS["resolve"])


@pytest.mark.parametrize(
    ("slug", "by", "field"),
    [
        ("resolve", "rule", "by"),
        ("resolve", "", "by"),
        ("noise", "type", "by"),
        ("impact", "rule", "by"),
        ("delivery", "team", "metric"),
    ],
)
def test_a_dimension_that_a_metric_lacks_is_refused_at_its_field(slug: str, by: str, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        chosen_dimension(DEFINITIONS[slug], by)
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize(
    ("by", "key", "label"),
    [
        (Dimension.SEVERITY, "1", "SEV1"),
        (Dimension.SEVERITY, "", "No severity"),
        (Dimension.WEEKDAY, "6", "Sunday"),
        (Dimension.TYPE, "security", "Security"),
        (Dimension.TYPE, "gone", "gone"),
        (Dimension.SERVICE, "checkout", "Checkout"),
        (Dimension.SERVICE, "", "No service"),
        (Dimension.RULE, "PoolFull", "PoolFull"),
    ],
)
def test_groups_have_names(by: Dimension, key: str, label: str) -> None:
    assert label_of(by, totals(key, "Checkout" if key == "checkout" else "")) == label


def test_groups_with_an_order_keep_it_and_others_begin_with_the_most_cases() -> None:
    severities = [group("resolve", Dimension.SEVERITY, totals(key, seconds=(60,))) for key in ("", "3", "0")]
    assert [each.key for each in ordered(Dimension.SEVERITY, severities)] == ["0", "3", ""]
    sizes = {"a": 1, "b": 3, "": 9, "c": 3}
    services = [group("resolve", Dimension.SERVICE, totals(k, k, (60,) * n)) for k, n in sizes.items()]
    assert [each.key for each in ordered(Dimension.SERVICE, services)] == ["b", "c", "a", ""]


def test_a_group_says_no_more_than_its_sample_allows() -> None:
    few = group("resolve", Dimension.SEVERITY, totals("1", seconds=(60, 120, 180)))
    enough = group("resolve", Dimension.SEVERITY, totals("2", seconds=(60,) * 4 + (600,) * 5))
    explored = Exploration(DEFINITIONS["resolve"], Dimension.SEVERITY, SCOPE, [few, enough])
    assert (few.value, explored.bar(few)) == (None, None)
    assert (enough.value, explored.bar(enough)) == (600, 100)
    # only SEV0 and SEV1 have the target
    assert few.result.summary is not None
    assert few.result.summary.within is not None
    assert enough.result.summary is not None
    assert enough.result.summary.within is None
    assert explored.records()[0]["median_s"] is None


def test_shares_counts_and_costs_have_their_own_numbers() -> None:
    noise = group("noise", Dimension.RULE, totals("PoolFull", hits=3, n=12))
    assert noise.value == 0.25
    assert Exploration(DEFINITIONS["noise"], Dimension.RULE, SCOPE, [noise]).bar(noise) == 25
    postmortems = group("postmortems", Dimension.TEAM, totals("payments", "Payments", hits=1, n=2))
    assert (postmortems.result.beside, postmortems.result.excluded) == (2, {"drill": 1})
    counted = group("frequency", Dimension.TYPE, totals("security", n=4))
    assert (counted.value, counted.result.seconds) == (4, None)
    cost = group("cost", Dimension.SERVICE, totals("checkout", "Checkout", seconds=(3600, 1800)))
    assert cost.value == 5400
