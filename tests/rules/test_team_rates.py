"""Which rate applies, and what time costs at the rates of several teams (spec 11.13)."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from firebell.kit import currencies
from firebell.metrics.cost_rate import CostRate
from firebell.metrics.money import Money
from firebell.metrics.team_rates.model import Rates, TeamRate, TimeShare

ORGANIZATION = CostRate(Decimal(90), "EUR")
PAYMENTS, PLATFORM, SEARCH, SUPPORT = 1, 2, 3, 4
"""Support has no rate; by name, payments is the first."""


def _team(team_id: int, name: str, per_hour: int, currency: str = "EUR") -> TeamRate:
    return TeamRate(team_id, name.lower(), name, CostRate(Decimal(per_hour), currency))


# stored in another order than by name
RATES = Rates(
    ORGANIZATION,
    [_team(SEARCH, "Search", 75), _team(PLATFORM, "platform", 120, "USD"), _team(PAYMENTS, "Payments", 110)],
)


def test_a_person_in_several_teams_counts_for_one_of_them() -> None:
    def per_hour(teams: list[int], owners: list[int]) -> Decimal:
        rate = RATES.of(TimeShare(60, teams, owners))
        assert rate
        return rate.per_hour

    assert per_hour([SEARCH], []) == 75
    assert per_hour([], []) == per_hour([SUPPORT], []) == 90
    # the team whose service broke, whatever the others cost
    assert per_hour([PAYMENTS, SEARCH], [SEARCH]) == 75
    assert per_hour([PAYMENTS, SUPPORT], [SUPPORT]) == 90
    # else the first by name that has a rate, whatever the case of its letters
    assert per_hour([SEARCH, PLATFORM, SUPPORT], []) == per_hour([SUPPORT, PLATFORM, SEARCH], []) == 120
    assert per_hour([SEARCH, PLATFORM, PAYMENTS], []) == 110
    assert per_hour([PAYMENTS, PLATFORM, SEARCH, SUPPORT], [SEARCH, PLATFORM, SUPPORT]) == 120


def test_time_without_a_rate_is_not_free() -> None:
    rates = Rates(None, RATES.teams)
    cost = rates.cost([TimeShare(3600, [SEARCH]), TimeShare(1800, [SUPPORT]), TimeShare(60)])
    assert ([str(one) for one in cost.amounts], cost.unpriced_s) == (["75.00 EUR"], 1860)
    nothing = Rates().cost([TimeShare(3600)])
    assert (nothing.amounts, nothing.unpriced_s) == ([], 3600)


def test_time_in_two_currencies_is_never_added() -> None:
    cost = RATES.cost([TimeShare(1800, [PLATFORM]), TimeShare(3600, [SEARCH]), TimeShare(3600, [SUPPORT])])
    assert ([str(one) for one in cost.amounts], cost.unpriced_s) == (["165.00 EUR", "60.00 USD"], 0)


team_ids = st.lists(st.sampled_from([PAYMENTS, PLATFORM, SEARCH, SUPPORT]), unique=True, max_size=3)
shares = st.lists(st.builds(TimeShare, st.integers(0, 10**7), team_ids, team_ids), max_size=8)
rates = st.sampled_from(
    [CostRate(Decimal(text), code) for text, code in (("90", "EUR"), ("0.01", "EUR"), ("7", "JPY"))]
    + [CostRate(Decimal(text), "KWD") for text in ("33.333", "1000000")]
)


@given(shares, rates)
def test_teams_that_all_have_the_rate_of_the_organization_change_nothing(
    parts: list[TimeShare], rate: CostRate
) -> None:
    teams = [TeamRate(one, str(one), str(one), rate) for one in (PAYMENTS, PLATFORM, SEARCH)]
    whole = Rates(rate).cost([TimeShare(sum(part.seconds for part in parts))])
    by_team = Rates(rate, teams).cost([*parts, TimeShare(0)])
    assert by_team == whole
    exact = rate.per_hour * sum(part.seconds for part in parts) / 3600
    assert list(by_team.amounts) == [Money(currencies.rounded(exact, rate.currency), rate.currency)]


@given(shares, st.lists(rates, min_size=3, max_size=3), st.none() | rates)
def test_the_amounts_of_teams_add_up_to_the_whole(
    parts: list[TimeShare], of_teams: list[CostRate], organization: CostRate | None
) -> None:
    numbered = zip((PAYMENTS, PLATFORM, SEARCH), of_teams, strict=True)
    all_rates = Rates(organization, [TeamRate(one, str(one), str(one), rate) for one, rate in numbered])
    cost = all_rates.cost(parts)
    priced = [(part.seconds, rate) for part in parts if (rate := all_rates.of(part))]
    assert cost.unpriced_s + sum(seconds for seconds, _ in priced) == sum(part.seconds for part in parts)
    assert [one.currency for one in cost.amounts] == sorted({rate.currency for _, rate in priced})
    for one in cost.amounts:
        exact = sum(rate.per_hour * seconds for seconds, rate in priced if rate.currency == one.currency)
        assert abs(one.amount * 3600 - exact) <= Decimal("0.5") * 3600 * Decimal(1).scaleb(
            {"EUR": -2, "JPY": 0, "KWD": -3}[one.currency]
        )


@given(shares)
def test_the_order_in_which_teams_and_shares_are_read_changes_nothing(parts: list[TimeShare]) -> None:
    reversed_shares = [TimeShare(part.seconds, part.teams[::-1], part.owners[::-1]) for part in parts[::-1]]
    assert Rates(ORGANIZATION, RATES.teams[::-1]).cost(reversed_shares) == RATES.cost(parts)
