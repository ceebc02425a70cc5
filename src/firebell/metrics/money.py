"""Amounts of money: how people type them, and sums that never mix currencies (pure; spec 11.13)."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from firebell.kit import currencies
from firebell.kit.errors import Invalid
from firebell.kit.text import plural
from firebell.kit.typed_numbers import has_one_comma, typed_decimal


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency of ISO 4217."""

    amount: Decimal
    currency: str

    @property
    def plain(self) -> str:
        """The amount with the decimals of its currency, such as 12400.00."""
        return f"{self.amount:.{currencies.decimals(self.currency)}f}"

    @property
    def grouped(self) -> str:
        """The amount as people read it, such as 12,400.00."""
        return f"{self.amount:,.{currencies.decimals(self.currency)}f}"

    def __str__(self) -> str:
        """Return it as people read it, such as 12,400.00 EUR."""
        return f"{self.grouped} {self.currency}"


def typed_money(
    amount: str, currency: str, *, field: str = "amount", maximum: Decimal, allow_zero: bool = False
) -> Money:
    """Return the money that someone typed; raise `Invalid` naming all fields that are wrong.

    The amount has at most the decimals of its currency, a point before them, and commas between thousands or nowhere.
    """
    wrong: dict[str, str] = {}
    value, code = Decimal(), ""
    try:
        code = typed_currency(currency)
    except Invalid as error:
        wrong |= error.fields
    try:
        value = _typed_amount(amount, code, field, maximum, allow_zero=allow_zero)
    except Invalid as error:
        wrong |= error.fields
    if wrong:
        raise Invalid("This is not an amount of money.", fields=wrong)
    return Money(value, code)


def _typed_amount(text: str, currency: str, field: str, maximum: Decimal, *, allow_zero: bool) -> Decimal:
    places = currencies.decimals(currency)
    least = "of at least 0" if allow_zero else "above 0"
    example = "1,200." + "50".ljust(places, "0") if places else "1,200"
    advice = f"Enter an amount {least} and up to {maximum:,}, such as 1200 or {example}."
    try:
        value = typed_decimal(text)
    except ValueError:
        raise Invalid("This is not an amount.", fields={field: advice}) from None
    if not 0 <= value <= maximum or not (value or allow_zero):
        raise Invalid("This is not an amount.", fields={field: advice})
    if places == 3 and has_one_comma(text):
        meant = (
            f"Enter it without a comma: {text.strip().replace(',', '')} or {text.strip().replace(',', '.')}."
        )
        raise Invalid("The amount can mean two numbers.", fields={field: meant})
    if value != value.quantize(currencies.unit(currency)):
        enter = (
            f"Enter at most {plural(places, 'decimal')}." if places else "Enter an amount without decimals."
        )
        raise Invalid("The amount has too many decimals.", fields={field: enter})
    return value


def typed_currency(text: str) -> str:
    """Return the code of the currency that someone typed; raise `Invalid`."""
    code = text.strip().upper()
    if code not in currencies.CODES:
        advice = "Enter the three letters of a currency (ISO 4217), such as EUR."
        raise Invalid("This is not a currency.", fields={"currency": advice})
    return code


def totals(amounts: Iterable[Money]) -> list[Money]:
    """Return the sum of each currency, by its code: amounts of different currencies are never added."""
    sums: dict[str, Decimal] = {}
    for each in amounts:
        sums[each.currency] = sums.get(each.currency, Decimal()) + each.amount
    return [Money(sums[code], code) for code in sorted(sums)]
