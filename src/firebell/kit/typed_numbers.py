"""Numbers with decimals or commas as people type them: what could mean two numbers is refused (pure)."""

import re
from decimal import Decimal

_PLAIN = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
"""A number with a comma between thousands."""


def without_thousands(text: str) -> str:
    """Return a number without the commas between its thousands; any other text as it is, without outer spaces."""
    text = text.strip()
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


def typed_decimal(text: str) -> Decimal:
    """Return the number of at least 0 that someone typed, such as 87.50 or 12,400; raise `ValueError`.

    Decimals follow a point; commas, if any, separate all thousands. 87,50, 1.234,50, 1 000, signs, exponents and digits
    other than 0 to 9 are refused.
    """
    plain = without_thousands(text)
    if not _PLAIN.fullmatch(plain):
        raise ValueError(f"not a number: {text[:40]!r}")
    return Decimal(plain)


def has_one_comma(text: str) -> bool:
    """Return True for a text such as 1,234, whose only comma can stand between thousands or before decimals."""
    return re.fullmatch(r"[1-9][0-9]{0,2},[0-9]{3}", text.strip()) is not None
