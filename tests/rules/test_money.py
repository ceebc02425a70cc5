"""Amounts of money as people type them, and what an incident costs."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from firebell.kit.currencies import CODES
from firebell.kit.errors import Invalid
from firebell.metrics.business_impact.model import BusinessImpact, IncidentCost, typed_impact
from firebell.metrics.cost_rate import CostRate
from firebell.metrics.money import Money, totals, typed_currency, typed_money
from firebell.metrics.team_rates.model import Rates, TimeShare

MAXIMUM = Decimal(1_000_000)


def typed(amount: str, currency: str = "EUR", *, allow_zero: bool = False) -> Decimal:
    """Return the amount that someone typed."""
    return typed_money(amount, currency, maximum=MAXIMUM, allow_zero=allow_zero).amount


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", "90"), (" 87.50 ", "87.50"), ("1,234.5", "1234.5"), ("12,400", "12400"), ("1000000", "1000000")],
)
def test_an_amount_is_read_as_people_type_it(text: str, value: str) -> None:
    assert typed(text) == Decimal(value)


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "-1", "0", "-0", "NaN", "Infinity", "1000000.01", "1.005", "1e-9", "1e3", "€5", "1.2.3"),
        # decimal commas, other thousands, and digits of other scripts
        *("87,50", "1,5", "1,23", "12,4", "1.234,50", "1 000", "1\u00a0000", "1_000", "1,0000", "0,125", "٣"),
    ],
)
def test_an_invalid_or_ambiguous_amount_is_refused_at_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        typed(text)
    assert set(refused.value.fields) == {"amount"}


def test_zero_is_accepted_only_if_allowed() -> None:
    assert typed("0.00", allow_zero=True) == 0


@pytest.mark.parametrize(
    ("currency", "taken", "shown", "refused"),
    [
        ("JPY", "12,400", "12,400 JPY", ("0.50", "12400.5")),
        ("HUF", "12,400", "12,400.00 HUF", ("0.505",)),
        ("KWD", "12.345", "12.345 KWD", ("12.3456", "1,234")),
        ("KWD", "1,234.000", "1,234.000 KWD", ()),
    ],
)
def test_an_amount_has_the_decimals_of_its_currency(
    currency: str, taken: str, shown: str, refused: tuple[str, ...]
) -> None:
    assert str(typed_money(taken, currency, maximum=MAXIMUM)) == shown
    for text in refused:
        with pytest.raises(Invalid):
            typed(text, currency)


def test_the_form_accepts_the_amount_that_it_shows() -> None:
    for currency in CODES:
        money = Money(Decimal(1234), currency)
        assert typed_money(money.grouped, currency, maximum=MAXIMUM) == money


def test_the_time_of_people_has_the_decimals_of_its_currency() -> None:
    costs = [Rates(CostRate(Decimal(100), code)).cost([TimeShare(1234)]) for code in ("JPY", "EUR", "KWD")]
    assert [str(money) for cost in costs for money in cost.amounts] == ["34 JPY", "34.28 EUR", "34.278 KWD"]


@pytest.mark.parametrize("text", ["", "EU", "EURO", "E1R", "€€€", "ÄÖÜ", "XYZ", "XXX"])
def test_a_currency_is_one_of_the_standard(text: str) -> None:
    with pytest.raises(Invalid):
        typed_currency(text)
    assert typed_currency(" chf ") == "CHF"


def test_all_fields_that_are_wrong_are_named() -> None:
    with pytest.raises(Invalid) as refused:
        typed_impact("much", "€", "  ")
    assert set(refused.value.fields) == {"amount", "currency", "source"}
    assert typed_impact("12,400", "eur", " Finance ") == (Money(Decimal(12400), "EUR"), "Finance")


def test_currencies_are_never_added() -> None:
    euro, franc = Money(Decimal("0.10"), "EUR"), Money(Decimal(5), "CHF")
    assert totals([euro, franc, euro]) == [franc, Money(Decimal("0.20"), "EUR")]
    assert totals([]) == []

    def cost(rate: CostRate | None, money: Money | None) -> list[str]:
        at = datetime(2026, 11, 24, tzinfo=UTC)
        impact = BusinessImpact(money, "Finance", at, "Mara") if money else None
        rates = Rates(rate)
        time = rates.cost([TimeShare(5400)])
        return [str(each) for each in IncidentCost(2, 5400, rates, time, impact).totals]

    rate = CostRate(Decimal(90), "EUR")
    assert cost(rate, Money(Decimal(1000), "EUR")) == ["1,135.00 EUR"]
    assert cost(rate, franc) == ["5.00 CHF", "135.00 EUR"]
    assert (cost(None, franc), cost(rate, None), cost(None, None)) == (["5.00 CHF"], ["135.00 EUR"], [])
