"""Amounts of money: how people type them, and sums that never mix currencies (pure; spec 11.13)."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from firebell.kit.errors import Invalid

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in a currency, a code of three letters."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        """Return it as people read it, such as 12,400.00 EUR."""
        return f"{self.amount:,.2f} {self.currency}"


def typed_amount(text: str, field: str, *, maximum: Decimal, allow_zero: bool = False) -> Decimal:
    """Return the amount that someone typed; raise `Invalid` at `field`.

    It has at most two decimals, a point before them, and commas between thousands or not.
    """
    limits = f"from 0 to {maximum:,}" if allow_zero else f"above 0, up to {maximum:,}"
    try:
        value = Decimal(text.strip().replace(",", ""))
        if not value.is_finite() or not 0 <= value <= maximum or not (value or allow_zero):
            raise InvalidOperation
    except InvalidOperation:
        advice = f"Enter an amount {limits}, such as 90 or 87.50."
        raise Invalid("This is not an amount.", fields={field: advice}) from None
    if value != value.quantize(CENT):
        raise Invalid("The amount has too many decimals.", fields={field: "Enter at most two decimals."})
    return value


def typed_currency(text: str, field: str = "currency") -> str:
    """Return the currency that someone typed in capitals; raise `Invalid` at `field`."""
    code = text.strip().upper()
    if not (len(code) == 3 and code.isascii() and code.isalpha()):
        advice = "Enter a currency of three letters, such as EUR."
        raise Invalid("This is not a currency.", fields={field: advice})
    return code


def totals(amounts: Iterable[Money]) -> list[Money]:
    """Return the sum of each currency, by its code: amounts of different currencies are never added."""
    sums: dict[str, Decimal] = {}
    for each in amounts:
        sums[each.currency] = sums.get(each.currency, Decimal()) + each.amount
    return [Money(sums[code], code) for code in sorted(sums)]
