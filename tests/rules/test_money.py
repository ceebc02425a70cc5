"""Amounts of money as people type them, and what an incident costs."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from firebell.kit.errors import Invalid
from firebell.metrics.business_impact.model import BusinessImpact, IncidentCost, typed_impact
from firebell.metrics.cost import CostRate
from firebell.metrics.money import Money, totals, typed_amount, typed_currency

MAXIMUM = Decimal(1_000_000)


@pytest.mark.parametrize(
    ("text", "value"),
    [("90", "90"), (" 87.50 ", "87.50"), ("1,234.5", "1234.5"), ("1e3", "1000"), ("1000000", "1000000")],
)
def test_an_amount_is_read_as_people_type_it(text: str, value: str) -> None:
    assert typed_amount(text, "amount", maximum=MAXIMUM) == Decimal(value)


@pytest.mark.parametrize(
    "text", ["", "x", "-1", "0", "NaN", "Infinity", "1000000.01", "1.005", "1e-9", "€5", "1.2.3"]
)
def test_an_invalid_amount_is_an_error_at_its_field(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        typed_amount(text, "amount", maximum=MAXIMUM)
    assert set(refused.value.fields) == {"amount"}


def test_zero_is_an_amount_if_allowed() -> None:
    assert typed_amount("0.00", "amount", maximum=MAXIMUM, allow_zero=True) == 0


@pytest.mark.parametrize("text", ["", "EU", "EURO", "E1R", "€€€", "ÄÖÜ"])
def test_a_currency_has_three_letters(text: str) -> None:
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
        return [str(each) for each in IncidentCost(2, 5400, rate, impact).totals]

    rate = CostRate(Decimal(90), "EUR")
    assert cost(rate, Money(Decimal(1000), "EUR")) == ["1,135.00 EUR"]
    assert cost(rate, franc) == ["5.00 CHF", "135.00 EUR"]
    assert (cost(None, franc), cost(rate, None), cost(None, None)) == (["5.00 CHF"], ["135.00 EUR"], [])
